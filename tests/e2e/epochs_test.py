"""Epochs: cut by packet time, adding up to the whole, none of them empty."""
from harness import (CAPTURES, add, check_books, flows, ipv4_udp, main, run, run_json, summary, without_timing, write_pcap)

SECOND = 10**9


def starts(objects):
    return sorted({o["epoch_start_ns"] for o in objects if o["type"] == "record"})


def test_epochs_add_up_to_the_whole_capture(folder):
    for name in ("sample.pcap", "backwards.pcap", "hour_gaps.pcap"):
        whole = flows(run_json(CAPTURES / name))
        for period in ("1ms", "100ms", "1s", "7s", "1h"):
            objects = run_json("-p", period, CAPTURES / name)
            check_books(objects)
            assert flows(objects) == whole, (name, period)


def test_epochs_are_the_same_for_any_number_of_workers(folder):
    for name in ("sample.pcap", "backwards.pcap", "hour_gaps.pcap"):
        for period in ("10ms", "1s"):
            one = without_timing(run("-f", "json", "-p", period, CAPTURES / name).stdout)
            for workers in (2, 4):
                assert without_timing(run("-f", "json", "-p", period, "-w", workers, CAPTURES / name).stdout) == one, (name, period)


def test_an_epoch_starts_at_a_multiple_of_the_period_and_holds_its_packets(folder):
    base = 1_700_000_000 * SECOND
    write_pcap(folder / "a.pcap", [(base + i * SECOND // 4, ipv4_udp("192.0.2.1", "192.0.2.2", 1, 2)) for i in range(40)])
    objects = run_json("-p", "3s", folder / "a.pcap")
    for o in objects[:-1]:
        assert o["epoch_start_ns"] % (3 * SECOND) == 0
        assert o["epoch_start_ns"] <= o["first_seen_ns"] <= o["last_seen_ns"] < o["epoch_start_ns"] + 3 * SECOND
    assert [o["packets"] for o in objects[:-1]] == [4, 12, 12, 12]


def test_a_gap_of_hours_makes_no_empty_epochs(folder):
    base = 1_700_000_000 * SECOND
    times = [base, base + SECOND, base + 9 * 3600 * SECOND, base + 100 * 3600 * SECOND]
    write_pcap(folder / "gap.pcap", [(t, ipv4_udp("192.0.2.1", "192.0.2.2", 1, 2)) for t in times])
    for workers in (1, 2):
        objects = run_json("-p", "1s", "-w", workers, folder / "gap.pcap")
        assert starts(objects) == times


def test_a_packet_that_comes_late_is_counted_in_the_running_epoch(folder):
    base = 1_700_000_000 * SECOND
    write_pcap(folder / "late.pcap", [(base + s * SECOND, ipv4_udp("192.0.2.1", "192.0.2.2", 1, 2)) for s in (0, 2, 1, 2)])
    records = run_json("-p", "1s", folder / "late.pcap")[:-1]
    assert [(r["epoch_start_ns"], r["packets"], r["first_seen_ns"]) for r in records] == [
        (base, 1, base), (base + 2 * SECOND, 3, base + SECOND)]


def test_files_in_any_order_give_each_epoch_once_and_whole(folder):
    base = 1_700_000_000 * SECOND
    expected = {}
    paths = []
    for f in range(6):
        packets = [(base + f * SECOND + i * SECOND // 5, ipv4_udp("192.0.2.1", "192.0.2.2", f, 2)) for i in range(10)]
        paths.append(folder / f"{f}.pcap")
        write_pcap(paths[-1], packets)
        for ts, frame in packets:
            add(expected, (ts - ts % SECOND, f), 1, len(frame), ts, ts)
    for order in (paths, paths[::-1], paths[3:] + paths[:3]):
        for workers in (1, 2, 6, 8):
            objects = run_json("-p", "1s", "-w", workers, *order)
            found = {}
            for o in objects[:-1]:
                assert (o["epoch_start_ns"], o["src_port"]) not in found, "an epoch was given twice"
                found[o["epoch_start_ns"], o["src_port"]] = [o["packets"], o["bytes"], o["first_seen_ns"], o["last_seen_ns"]]
            assert found == expected, workers
            assert [o["epoch_start_ns"] for o in objects[:-1]] == sorted(o["epoch_start_ns"] for o in objects[:-1])
            assert summary(objects)["packets"] == 60


def test_with_more_workers_than_files_each_epoch_still_comes_once(folder):
    # A long late file, then a short early one: the front end is done with both long before the workers are.
    late, early = folder / "late.pcap", folder / "early.pcap"
    write_pcap(late, [(1000 * SECOND + i * SECOND // 4000, ipv4_udp("192.0.2.1", "192.0.2.2", i % 50, 2)) for i in range(20_000)])
    write_pcap(early, [(10 * SECOND + i * SECOND // 100, ipv4_udp("192.0.2.1", "192.0.2.2", i % 50, 2)) for i in range(800)])
    one = without_timing(run("-f", "json", "-p", "1s", late, early).stdout)
    for _ in range(20):
        assert without_timing(run("-f", "json", "-p", "1s", "-w", 3, late, early).stdout) == one


def test_late_packets_are_told(folder):
    times = [1_700_000_000, 4_000_000_000, 1_700_000_001, 1_700_000_002]
    write_pcap(folder / "wild.pcap", [(t * SECOND, ipv4_udp("192.0.2.1", "192.0.2.2", 1, 2)) for t in times])
    assert summary(run_json("-p", "1s", folder / "wild.pcap"))["late_packets"] == 2
    assert "late_packets" not in summary(run_json(folder / "wild.pcap"))
    assert "2 packets older than the epoch" in run("-p", "1s", folder / "wild.pcap").stdout


def test_many_tiny_epochs_are_quick(folder):
    base = 1_700_000_000 * SECOND
    write_pcap(folder / "many.pcap", [(base + i * SECOND, ipv4_udp("192.0.2.1", "192.0.2.2", 1, 2)) for i in range(20000)])
    objects = run_json("-p", "1s", folder / "many.pcap")
    assert len(objects) == 20001
    assert summary(objects)["elapsed_s"] < 60


if __name__ == "__main__":
    main(globals())
