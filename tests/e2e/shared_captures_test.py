"""Real captures from elsewhere against an independent decoder, where both stand beside the project; else skipped."""
import ipaddress
import subprocess
import sys

from harness import ROOT, SKIP, check_books, flows, main, run, run_json, summary, without_timing

SHARED = ROOT.parent / "shared"
ORACLE = SHARED / "tools" / "oracle.py"
FILES = sorted(SHARED.glob("captures/*")) if ORACLE.exists() else []


def oracle(path):
    done = subprocess.run([sys.executable, ORACLE, path, "--ports", "first4"], capture_output=True, text=True, check=False)
    table, facts = {}, {}
    for line in done.stdout.splitlines():
        words = line.split("\t")
        if line.startswith("#"):
            facts[words[0][1:]] = words[1]
        else:
            src, dst, sport, dport, protocol, *counters = words
            key = (ipaddress.ip_address(src), ipaddress.ip_address(dst), int(sport), int(dport), int(protocol))
            table[key] = [int(c) for c in counters]
    return table, facts


def in_microseconds(table):
    return {(ipaddress.ip_address(k[0]), ipaddress.ip_address(k[1]), *k[2:]): [v[0], v[1], v[2] // 1000, v[3] // 1000]
            for k, v in table.items()}


def test_every_flow_equals_the_oracles(folder):
    for path in FILES:
        table, facts = oracle(path)
        objects = run_json(path)
        check_books(objects)
        assert in_microseconds(flows(objects)) == table, path.name
        s = summary(objects)
        assert s["packets"] == int(facts["packets"]), path.name
        assert s["bytes"] == int(facts["bytes"]), path.name
        assert s["not_ip"] == int(facts["non_ip"]), path.name
        assert sum(s["malformed"].values()) == int(facts["ip_truncated"]) + int(facts["ip_malformed"]), path.name


def test_workers_and_periods_change_nothing(folder):
    for path in FILES:
        one = without_timing(run("-f", "json", path).stdout)
        for workers in (2, 4):
            assert without_timing(run("-f", "json", "-w", workers, path).stdout) == one, (path.name, workers)
        assert flows(run_json("-p", "1s", "-w", 2, path)) == flows(run_json(path)), path.name


if __name__ == "__main__":
    if not FILES:
        print("no captures beside the project")
        sys.exit(SKIP)
    main(globals())
