"""What docs/query-api.md and docs/ns-query.md show is what happens.

query-api.md: the first `sh` block makes the store that all examples are of; each `curl` is run by curl, and what stands in the
`json` block after it must be in the answer: all members that are shown, lists whole and in this order. ns-query.md: every
command is run against the same engine; its tables are of made-up traffic, so that only their words are compared.

Environment: NS_ENGINE, NS_QUERY, PCAP_ANALYZER = the programs. Needs curl and nats-server.
"""
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

from engine_api import ENGINE, Engine
from harness import ANALYZER, ROOT, SKIP, main
from nats import NatsServer

QUERY = os.environ.get("NS_QUERY", str(ROOT / "build" / "app" / "ns-query" / "ns-query"))
DOCUMENTED_URL = "http://127.0.0.1:8080"


def blocks(name):
    """[(language, text)] of the fenced blocks of a document."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", (ROOT / "docs" / name).read_text(), re.MULTILINE | re.DOTALL)


def difference(shown, real, where=""):
    """What is not in the real answer as it is shown; None if all of it is."""
    if isinstance(shown, dict) and isinstance(real, dict):
        parts = [(f"{where}.{k}", v, real.get(k, "nothing")) for k, v in shown.items()]
    elif isinstance(shown, list) and isinstance(real, list) and len(shown) == len(real):
        parts = [(f"{where}[{i}]", *pair) for i, pair in enumerate(zip(shown, real))]
    else:
        same = shown == real and isinstance(shown, bool) == isinstance(real, bool)
        return None if same else f"{where}: shown {shown!r}, really {real!r}"
    return next((found for part in parts if (found := difference(part[1], part[2], part[0]))), None)


class Documented:
    """The engine of the examples, and a shell in which they run. A context manager."""

    def __init__(self, folder):
        self.folder = folder
        programs = folder / "bin"
        programs.mkdir()
        for program in (ANALYZER, ENGINE, QUERY):
            (programs / pathlib.Path(program).name).symlink_to(pathlib.Path(program).resolve())
        (folder / "tests").symlink_to(ROOT / "tests")
        self.environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        self.environment |= {"PATH": f"{programs}:{os.environ['PATH']}"}
        self.engine = None
        make, serve = blocks("query-api.md")[0][1].rstrip().rsplit("\n", 1)
        self.run(make)
        assert serve == "ns-engine --store sqlite:traffic.db", serve
        self.nats = NatsServer(folder)
        self.engine = Engine(folder, f"sqlite:{folder}/traffic.db", nats=self.nats).ready()
        self.url = f"http://127.0.0.1:{self.engine.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.engine.kill()
        self.nats.kill()

    def run(self, command):
        """Standard output of a command in a shell."""
        done = subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=self.folder, env=self.environment, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, (command, done.returncode, done.stderr)
        return done.stdout


def test_the_examples_of_the_query_api(folder):
    examples = blocks("query-api.md")[1:]
    assert len(examples) % 2 == 0 and len(examples) >= 20, len(examples)
    with Documented(folder) as documented:
        for (language, command), (answer, shown) in zip(examples[::2], examples[1::2]):
            assert language == "sh" and answer == "json" and DOCUMENTED_URL in command, (language, command, answer, shown)
            real = documented.run(command.replace(DOCUMENTED_URL, documented.url))
            wrong = difference(json.loads(shown), json.loads(real))
            assert wrong is None, f"{wrong}\n{command}{real}"
    print(f"   {len(examples) // 2} examples")


def test_the_live_example_of_the_query_api_begins_a_stream(folder):
    (command,) = re.findall(r"^    (curl -sN .*/api/v1/live)$", (ROOT / "docs" / "query-api.md").read_text(), re.MULTILINE)
    with Documented(folder) as documented:
        said = documented.run(command.replace(DOCUMENTED_URL, documented.url) + " --max-time 1 || [[ $? -eq 28 ]]")
        assert said == "retry: 2000\n\n", said


def test_every_member_of_the_ledger_is_documented_and_the_other_way_round(folder):
    text = (ROOT / "docs" / "query-api.md").read_text()
    section = text.split("## The ledger")[1].split("What is promised")[0]
    named = {name for line in section.splitlines() if line.startswith("| `") for name in re.findall(r"`(\w+)`", line.split("|")[1])}
    with Documented(folder) as documented:
        ledger = documented.engine.page("aggregate", task="per_five_tuple")["ledger"]
    assert set(ledger) == named, set(ledger) ^ named



def programs(command):
    """The words of each program of a pipeline."""
    found = [[]]
    for word in shlex.split(command):
        found = [*found, []] if word == "|" else [*found[:-1], [*found[-1], word]]
    return found


def test_the_commands_of_ns_query(folder):
    text = (ROOT / "docs" / "ns-query.md").read_text()
    examples = re.findall(r"^    (?:\$ )?(ns-query .*)\n((?:    .*\n|\n(?=    ))*)", text, re.MULTILINE)
    assert len(examples) >= 3, examples
    with Documented(folder) as documented:
        for command, shown in examples:
            more = " --duration 1s" if " live" in command else ""
            tools = [words[0] for words in programs(command)[1:]]
            if not all(map(shutil.which, tools)):
                print(f"   not run, for want of {tools}: {command}")
                continue
            real = documented.run(command.replace("ns-query ", f"ns-query --url {documented.url}{more} ", 1))
            if command.startswith("ns-query top --limit"):
                shown, real = [line.strip() for line in shown.splitlines()], [line.strip() for line in real.splitlines()]
                # The title, the heads of the columns, the ledger's first column.
                assert shown[0] == real[0] and shown[1].split() == real[1].split(), (shown[:2], real[:2])
                titles = [[line.split("  ")[0] for line in lines[lines.index("Ledger"):]] for lines in (shown, real)]
                assert titles[0] == titles[1], titles
            elif " -f json" in command:
                assert real.strip(), command
            print(f"   ran: {command}")


if __name__ == "__main__":
    missing = [tool for tool in ("curl", "nats-server") if not shutil.which(tool)]
    if missing:
        print(f"skipped: needs {', '.join(missing)}: scripts/install-deps.sh test")
        sys.exit(SKIP)
    main(globals())
