"""Heavy hitters, super spreaders and cardinality: exact where derived, certified where estimated."""
import ipaddress
import random

from captures_test import canonical, expected_files, read_expected
from harness import flows, ipv4_udp, main, run, run_json, summary, without_timing, write_pcap

FIVE_TUPLE = "src_ip,dst_ip,src_port,dst_port,protocol"
ESTIMATORS = ("-t", "src=heavy_hitters:src_ip:threshold=1", "-t", "dst=heavy_hitters:dst_ip:threshold=1,by=bytes",
              "-t", "scan=super_spreader:src_ip/dst_ip:threshold=1", "-t", f"flows=cardinality:{FIVE_TUPLE}")


def exact(capacity=None):
    return "-t", f"all=exact:{FIVE_TUPLE}" + (f":capacity={capacity}" if capacity else "")


def sums(table, field):
    by = {}
    for key, (packets, size, _, _) in table.items():
        total = by.setdefault(key[field], [0, 0])
        total[0] += packets
        total[1] += size
    return by


def spreads(table):
    met = {}
    for src, dst, *_ in table:
        met.setdefault(src, set()).add(dst)
    return {src: len(dsts) for src, dsts in met.items()}


def of(objects, task):
    """The task's rows, with addresses spelt as Python does."""
    addresses = ("src_ip", "dst_ip")
    return [{k: str(ipaddress.ip_address(v)) if k in addresses else v for k, v in o.items()}
            for o in objects if o.get("task") == task]


def check_certified(objects, table, complete):
    """Each reported interval holds the truth; `complete`: and each key is reported."""
    for task, key, field in (("src", "src_ip", 0), ("dst", "dst_ip", 1)):
        truth = sums(table, field)
        rows = of(objects, task)
        assert len({r[key] for r in rows}) == len(rows)
        for r in rows:
            assert r["type"] == "heavy_hitter", r
            packets, size = truth[r[key]]
            assert r["packets"] - r["error_packets"] <= packets <= r["packets"], (r, packets)
            assert r["bytes"] - r["error_bytes"] <= size <= r["bytes"], (r, size)
        assert not complete or {r[key] for r in rows} == set(truth), task


def test_derived_from_an_exact_task_they_are_exact_on_every_capture(folder):
    for capture, expected in expected_files():
        table = canonical(read_expected(expected)[0])
        objects = run_json(*exact(), *ESTIMATORS, capture)
        check_certified(objects, table, complete=True)
        for task in ("src", "dst"):
            assert all(r["error_packets"] == r["error_bytes"] == 0 for r in of(objects, task)), capture
        assert {r["src_ip"]: r["spread"] for r in of(objects, "scan")} == spreads(table), capture
        if not table:
            continue
        [count] = of(objects, "flows")
        assert count == {"type": "cardinality", "task": "flows", "epoch_start_ns": 0, "cardinality": len(table)}, capture


def test_measured_packet_by_packet_they_are_certified_and_few_keys_are_exact(folder):
    for capture, expected in expected_files():
        table = canonical(read_expected(expected)[0])
        objects = run_json(*ESTIMATORS, capture)
        check_certified(objects, table, complete=True)
        assert all(r["error_packets"] == 0 for r in of(objects, "src")), "a set of 16 keys has overflowed"


def scan_capture(folder):
    """One source that scans, one that is loud, and a crowd: (path, packets)."""
    numbers = random.Random(3)
    packets = [("10.0.0.1", f"172.16.{i // 250}.{i % 250}") for i in range(3000)]
    packets += [("10.0.0.2", "172.31.0.1")] * 5000
    packets += [(f"10.1.{numbers.randrange(200)}.{numbers.randrange(250)}", f"172.30.0.{numbers.randrange(4)}")
                for _ in range(20000)]
    numbers.shuffle(packets)
    path = folder / "scan.pcap"
    write_pcap(path, [(1_700_000_000 * 10**9 + i * 1000, ipv4_udp(src, dst, 1, 2)) for i, (src, dst) in enumerate(packets)])
    return path, packets


def test_where_the_table_overflows_they_degrade_to_certified_estimates(folder):
    path, packets = scan_capture(folder)
    whole = run_json(*exact(), path)
    table = flows(whole, "all")
    assert sum(v[0] for v in table.values()) == len(packets)
    for capacity in (1, 1000):
        objects = run_json(*exact(capacity), *ESTIMATORS, path)
        assert summary(objects)["overflow_packets"] > 0
        check_certified(objects, table, complete=False)
        loud = of(objects, "src")[0]
        assert loud["src_ip"] == "10.0.0.2" and loud["packets"] - loud["error_packets"] > 4500, loud
        scanner = of(objects, "scan")[0]
        assert scanner["src_ip"] == "10.0.0.1" and abs(scanner["spread"] - 3000) < 600, scanner
        [count] = of(objects, "flows")
        assert abs(count["cardinality"] - len(table)) < 0.05 * len(table), count


def test_the_answer_does_not_depend_on_the_number_of_workers(folder):
    path, _ = scan_capture(folder)
    for tasks in ((*exact(), *ESTIMATORS), ESTIMATORS[4:]):  # heavy hitters' errors may, where they are estimated
        one = without_timing(run("-f", "json", *tasks, path).stdout)
        for workers in (2, 4):
            assert without_timing(run("-f", "json", "-w", workers, *tasks, path).stdout) == one, workers


def test_the_default_set_has_six_tables(folder):
    path, _ = scan_capture(folder)
    done = run("-t", "default", path)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    titles = [line for line in done.stdout.splitlines() if line and not line.startswith(" ")]
    names = [title.split(":")[0] for title in titles]
    assert names == ["per_five_tuple", "top_src", "top_dst", "spread_src", "spread_dst", "flows", "Summary"], names
    assert "10.0.0.1" in done.stdout and "3,000" in done.stdout


if __name__ == "__main__":
    main(globals())
