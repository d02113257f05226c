"""The project's own captures against what their makers know is in them (tests/captures/expected)."""
import ipaddress
import subprocess
import sys

from harness import CAPTURES, check_books, flows, main, run, run_json, summary, without_timing


def read_expected(path):
    table, facts, malformed = {}, {}, {}
    for line in path.read_text().splitlines():
        words = line.split()
        if not words:
            continue
        if words[0] != "#":
            src, dst, sport, dport, protocol, packets, size, first, last = words
            key = (str(ipaddress.ip_address(src)), str(ipaddress.ip_address(dst)), int(sport), int(dport), int(protocol))
            assert key not in table, (path, key)
            table[key] = [int(packets), int(size), int(first), int(last)]
        elif words[1] == "malformed":
            malformed[words[2]] = int(words[3])
        elif len(words) == 3 and words[2].isdigit():
            facts[words[1]] = int(words[2])
    return table, facts, malformed


def expected_files():
    files = []
    for expected in sorted((CAPTURES / "expected").glob("*.tsv")):
        found = [p for p in CAPTURES.iterdir() if p.stem == expected.stem and p.suffix in (".pcap", ".pcapng")]
        assert len(found) == 1, (expected, found)
        files.append((found[0], expected))
    assert len(files) >= 40, "captures are missing"
    return files


def canonical(table):
    return {(str(ipaddress.ip_address(k[0])), str(ipaddress.ip_address(k[1])), *k[2:]): v for k, v in table.items()}


def test_every_flow_is_what_was_recorded_or_crafted(folder):
    for capture, expected in expected_files():
        table, facts, malformed = read_expected(expected)
        objects = run_json(capture)
        check_books(objects)
        s = summary(objects)
        measured = canonical(flows(objects))
        assert measured == table, (capture.name, {k: (measured.get(k), table.get(k)) for k in measured.keys() | table.keys()
                                                  if measured.get(k) != table.get(k)})
        assert s["packets"] == facts["packets"], (capture.name, s, facts)
        assert s["not_ip"] == facts.get("not_ip", 0), (capture.name, s, facts)
        assert {k: v for k, v in s["malformed"].items() if v} == malformed, (capture.name, s, malformed)


def test_the_crafted_captures_are_what_their_builder_makes(folder):
    subprocess.run([sys.executable, CAPTURES / "craft.py", "--check"], check=True)


def test_a_broken_capture_gives_every_packet_before_the_break(folder):
    expected_bad = sorted((CAPTURES / "expected" / "bad").glob("*.tsv"))
    assert len(expected_bad) >= 5
    for expected in expected_bad:
        table, facts, malformed = read_expected(expected)
        [capture] = [p for p in (CAPTURES / "bad").iterdir() if p.stem == expected.stem]
        objects = run_json(capture, status=1)
        check_books(objects)
        assert canonical(flows(objects)) == table, capture.name
        assert summary(objects)["packets"] == facts["packets"], capture.name
        assert len(summary(objects)["read_errors"]) == 1, capture.name


def test_workers_1_2_and_4_print_the_same_bytes(folder):
    for capture, _ in expected_files():
        one = without_timing(run("-f", "json", capture).stdout)
        for workers in (2, 4):
            assert without_timing(run("-f", "json", "-w", workers, capture).stdout) == one, (capture.name, workers)


def test_several_files_on_any_number_of_workers_print_the_same_bytes(folder):
    files = [capture for capture, _ in expected_files()]
    one = without_timing(run("-f", "json", *files).stdout)
    for workers in (2, 3, len(files) + 1 if len(files) < 40 else 8):
        assert without_timing(run("-f", "json", "-w", workers, *files).stdout) == one, workers


if __name__ == "__main__":
    main(globals())
