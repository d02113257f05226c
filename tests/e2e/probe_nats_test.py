"""What ns-probe publishes arrives, whole and once, whatever happens to NATS or to the probe meanwhile."""
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request

from harness import CAPTURES, SKIP, main, run_json, summary
from nats import (PROBE, SITE, WITH_TEST, NatsServer, Probe, Reader, check_exactly_once, check_no_gap, missing_programs, of_probe,
                  read_back, run_probe, telemetry, wait_for)

SAMPLE = CAPTURES / "sample.pcap"
LIVE = ("-i", f"vdev:net_pcap0,rx_pcap={SAMPLE},infinite_rx=1")  # real packets, without end
FIVE_TUPLE = "per_five_tuple=exact:src_ip,dst_ip,src_port,dst_port,protocol"
TASKS = ("-t", FIVE_TUPLE, "-t", "vlans=exact:src_ip,vlan", "-t", "sources=exact:src_ip", "-t", "hosts=cardinality:src_ip")
MEASURED = ("per_five_tuple", "vlans")  # the others are derived, and not sent
ESTIMATORS = ("-t", "top=heavy_hitters:src_ip,dst_ip:threshold=1", "-t", "spread=super_spreader:src_ip/dst_ip:threshold=2",
              "-t", "hosts=cardinality:src_ip")
KEYS = ("task", "epoch_start_ns", "src_ip", "dst_ip", "src_port", "dst_port", "protocol", "vlan")


def records(rows):
    """{key: counters}, where a key comes from several workers added up."""
    table = {}
    for o in rows:
        assert o["type"] in ("record", "overflow"), o
        key = (o["type"], *(o.get(name) for name in KEYS))
        flow = table.setdefault(key, {**o, "packets": 0, "bytes": 0, "tcp_flags": 0})
        flow["packets"] += o["packets"]
        flow["bytes"] += o["bytes"]
        flow["tcp_flags"] |= o["tcp_flags"]
        flow["first_seen_ns"] = min(flow["first_seen_ns"], o["first_seen_ns"])
        flow["last_seen_ns"] = max(flow["last_seen_ns"], o["last_seen_ns"])
    return table


def test_analyzer_local_sink_and_nats_tell_the_same_of_captures(folder):
    cases = [("sample.pcap", "1s", 1), ("sample.pcap", "1s", 3), ("sample.pcap", "10s", 1), ("hour_gaps.pcap", "1m", 3),
             ("real_vlan_qinq.pcap", "1s", 3), ("real_two_link_types.pcapng", "100ms", 1), ("backwards.pcap", "1s", 1)]
    expected = {}
    with NatsServer(folder) as nats:
        for number, (name, period, workers) in enumerate(cases):
            file = CAPTURES / name
            measured = run_json("-p", period, *TASKS, file)
            args = ("-i", f"pcap:{file}", "-q", workers, "-p", period, *TASKS)
            local = run_probe(*args, "--sink", "local", "-f", "json")
            assert local.returncode == 0, local.stderr
            printed = [json.loads(line) for line in local.stdout.splitlines()]
            assert printed[:-1] == measured[:-1], (name, period, workers)
            for figure in ("packets", "bytes", "ip_packets", "not_ip", "malformed", "overflow_packets", "first_seen_ns", "last_seen_ns"):
                assert summary(printed)[figure] == summary(measured)[figure], (name, figure)
            published = run_probe(*args, nats=nats, probe_id=f"case-{number}")
            assert published.returncode == 0, published.stderr
            expected[f"case-{number}"] = (records(o for o in measured[:-1] if o["task"] in MEASURED), summary(measured), workers)
        lines = read_back(folder, nats)
        check_exactly_once(*lines)
        assert {s["probe"] for s in lines[0]} == set(expected)
        for probe, (table, totals_of_capture, workers) in expected.items():
            snapshots, _ = of_probe(probe, lines)
            assert records(row for s in snapshots for row in s["rows"]) == table, probe
            # Books are in every snapshot; those of one task, of all workers and epochs, are those of the capture.
            books = [s for s in snapshots if s["task"] == "vlans" and s["chunk"] == 0]
            for figure, name in (("rx_packets", "packets"), ("rx_bytes", "bytes"), ("ip_packets", "ip_packets"), ("not_ip", "not_ip")):
                assert sum(s[figure] for s in books) == totals_of_capture[name], (probe, figure)
            # A worker of a replay that got no packet says nothing.
            assert {s["worker"] for s in books} <= set(range(workers)) and (workers == 1 or len({s["worker"] for s in books}) > 1), probe
        some = of_probe("case-2", lines)
        assert read_back(folder, nats, "--probe-id", "case-2", messages=sum(map(len, some))) == some


def test_estimates_without_an_exact_task_arrive_as_the_analyzer_has_them(folder):
    with NatsServer(folder) as nats:
        for name, period in (("sample.pcap", "10s"), ("real_ipv6.pcap", "1s")):
            measured = run_json("-p", period, *ESTIMATORS, CAPTURES / name)[:-1]
            assert {o["type"] for o in measured} == {"heavy_hitter", "spread", "cardinality"}, name
            done = run_probe("-i", f"pcap:{CAPTURES / name}", "-p", period, *ESTIMATORS, nats=nats, probe_id=name.split(".")[0])
            assert done.returncode == 0, done.stderr
            snapshots, _ = of_probe(name.split(".")[0], read_back(folder, nats))
            # A spreader's memory of 1 MiB and its keys do not fit into one message.
            assert max(s["chunks"] for s in snapshots if s["task"] == "spread") > 1
            order = lambda o: json.dumps(o, sort_keys=True)
            assert sorted((row for s in snapshots for row in s["rows"]), key=order) == sorted(measured, key=order), name


def test_a_reader_sees_what_comes_from_now_on_and_without_jetstream_says_so(folder):
    with NatsServer(folder, jetstream=False) as nats, Reader(folder, nats) as reader:
        # There is no telling when a plain subscription is in force but by what arrives.
        def arrives():
            done = run_probe("-i", f"pcap:{SAMPLE}", "-t", "hosts=exact:src_ip", nats=nats)
            assert done.returncode == 0 and "no JetStream" in done.stderr, done.stderr
            return reader.count()
        wait_for(arrives, "a snapshot")
        reader.process.send_signal(signal.SIGINT)
        _, error = reader.process.communicate(timeout=10)
        assert reader.process.returncode == 0 and "only what is published from now on is seen" in error, error


def test_a_reader_passes_over_what_is_no_snapshot(folder):
    subject = f"netspectra.v1.{SITE}.other.".encode()
    with NatsServer(folder) as nats:
        replay = lambda: run_probe("-i", f"pcap:{SAMPLE}", "-t", FIVE_TUPLE, nats=nats).returncode
        assert replay() == 0
        before = nats.messages()
        garbage = [(subject + b"snapshot.x", b""), (subject + b"snapshot.x", b"\0" * 100_000), (subject + b"snapshot.\x1b[31m", b"NSS1"),
                   (subject + b"health", b"no JSON \x1b[31m"), (subject + b"health", b'{"type":"health"} {'), (subject + b"health", b"{no JSON}"),
                   (subject + b"health", b'{"type":"health","\xff":1}'), (subject + b"health", b'{"type":"health","a":"\x1b[31m"}')]
        for message in garbage:
            nats.publish(*message)
        assert nats.messages() == before + len(garbage)
        assert replay() == 0
        with Reader(folder, nats, "--from-start") as reader:
            lines = reader.end(2 * before)
        assert len(check_exactly_once(*lines)) == 2
        assert len(reader.error.splitlines()) == len(garbage), reader.error
        assert reader.error.count("is no snapshot: ") == 3 and "\x1b" not in reader.error, reader.error
        assert reader.error.count(f"{subject.decode()}health is no line of JSON: ") == 5 and '\\xff":1' in reader.error, reader.error


def test_a_reader_ends_when_nobody_takes_its_lines(folder):
    with NatsServer(folder) as nats, contextlib.ExitStack() as stack:
        replay = lambda: run_probe("-i", f"pcap:{SAMPLE}", "-t", FIVE_TUPLE, nats=nats).returncode
        assert replay() == 0
        read = lambda stdout: subprocess.Popen([*WITH_TEST, PROBE, "--mode", "sub", "--from-start", "--nats", nats.url],
                                               stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, text=True)
        with open("/dev/full", "w") as full:
            readers = [(stack.enter_context(read(full)), "No space left on device")]
        readers.append((stack.enter_context(read(subprocess.PIPE)), "Broken pipe"))
        for reader, _ in readers:
            stack.callback(reader.kill)
        assert json.loads(readers[1][0].stdout.readline())["type"] == "snapshot"
        readers[1][0].stdout.close()
        assert replay() == 0  # a pipe says it when the next line goes in
        for reader, why in readers:
            assert reader.wait(30) == 1
            assert reader.stderr.read() == f"ns-probe: standard output: {why}\n", why


def test_who_measures_is_known_before_the_first_period_is_over(folder):
    with NatsServer(folder) as nats, Probe(folder, *LIVE, "-p", "1d", *TASKS, nats=nats) as probe:
        m = probe.wait_metrics(lambda m: m, "metrics")
        with urllib.request.urlopen(f"http://127.0.0.1:{probe.port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
        assert re.search(rf'^netspectra_probe_info{{version="[^"]+",site="{SITE}",probe="probe",run="[1-9][0-9]+"}} 1$', text, re.M), text
        assert (m["period_seconds"], m["epochs_total"], m["nats_connected"], m["task_info"], m["port_info"]) == (86400, 0, 1, 4, 1), text
        assert "last_epoch_start_timestamp_seconds" not in m and "rx_packets_total" in m, text
        stats = wait_for(lambda: telemetry("probe", "/netspectra/stats"), "telemetry")
        assert (stats["site"], stats["probe"], stats["epochs"]) == (SITE, "probe", 0), stats


def helper_cpus(process):
    """The CPUs of all threads of a running ns-probe but the lcores'."""
    cpus = set()
    for task in pathlib.Path(f"/proc/{process.pid}/task").iterdir():
        status = (task / "status").read_text()
        name, allowed = (re.search(rf"^{field}:\s+(.*)$", status, re.M)[1] for field in ("Name", "Cpus_allowed_list"))
        if int(task.name) == process.pid or name.startswith("rte-worker"):
            continue
        for part in allowed.split(","):
            first, _, last = part.partition("-")
            cpus.update(range(int(first), int(last or first) + 1))
    return cpus


def test_no_thread_is_where_a_worker_polls(folder):
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        return print("one CPU: not tested")
    first, last = cpus[0], cpus[-1]
    eal = ("--no-huge", "-m", 256, "--no-shconf", "--no-pci", "--no-telemetry")
    every = ",".join(map(str, cpus))
    cases = [((), None, None),  # derived
             (("--lcores", f"0@{first},1@{first}"), set(cpus) - {first}, first),
             (("--lcores", f"0@{first},1@{last}"), set(cpus) - {last}, last),
             (("--lcores", f"0@{first},1@({every})"), {first}, -1)]  # no CPU is left: the main lcore's
    with NatsServer(folder) as nats:
        for number, (lcores, expected, cpu) in enumerate(cases):
            args = (*eal, *lcores, "--", *LIVE) if lcores else LIVE
            with Probe(folder, *args, "-p", "100ms", "-t", FIVE_TUPLE, "--share-cpus", nats=nats, probe_id=f"probe-{number}") as probe:
                m = probe.wait_epochs(1)
                if cpu is None:
                    expected = set(cpus) - {int(m["worker_cpu"])}
                else:
                    assert m["worker_cpu"] == cpu, (lcores, m)
                assert helper_cpus(probe.process) == expected, (lcores, helper_cpus(probe.process), expected)
                assert probe.end() == 0, probe.said()


def check_run(probe, epochs):
    """What the probe reported at its end is what arrived."""
    reported = probe.reported()
    assert reported["epochs"] == len(epochs), (reported, len(epochs))
    assert reported["packets"] == sum(epoch["rx_packets"] for epoch in epochs.values()), reported
    assert reported["spooled"] == reported["given_up"] == reported["lost"] == 0, reported


def test_nats_killed_again_and_again_and_away_for_a_while_loses_and_doubles_nothing(folder):
    tasks = ("-t", FIVE_TUPLE, "-t", "hosts=cardinality:src_ip")
    with NatsServer(folder) as nats, contextlib.ExitStack() as stack:
        probes = [stack.enter_context(Probe(folder, *LIVE, "-p", "100ms", *tasks, *spool, nats=nats, probe_id=name))
                  for name, spool in (("in-memory", ()), ("with-spool", ("--spool", folder / "spool")))]
        reader = None
        for _ in range(5):
            for probe in probes:
                probe.wait_published(nats, tasks=2)
            if reader is None:  # not before there is a stream
                reader = stack.enter_context(Reader(folder, nats, "--from-start"))
                wait_for(reader.count, "a message")
            nats.kill()
            probes[0].wait_epochs(1)
            nats.start()
        nats.kill()
        for probe in probes:
            m = probe.wait_epochs(5)
            assert m["nats_connected"] == 0 and m["nats_published_messages_total"] < 3 * m["epochs_total"], m
        assert probes[0].metrics()["nats_queued_messages"] > 0 and probes[1].metrics()["nats_spooled_messages"] > 0
        nats.start()
        for probe in probes:
            probe.wait_published(nats, tasks=2)
            assert probe.end() == 0, probe.said()
        lines = read_back(folder, nats)
        assert sum(map(len, lines)) == sum(probe.reported()["acknowledged"] for probe in probes)
        for probe in probes:
            runs = check_exactly_once(*of_probe(probe.probe_id, lines))
            assert len(runs) == 1
            check_run(probe, *runs.values())
        assert reader.end(nats.messages()) == lines, "a reader that went through all of it has seen the same"


def test_a_killed_probe_loses_at_most_the_epoch_that_it_had_not_sealed(folder):
    period_ns = 500_000_000
    args = (*LIVE, "-p", "500ms", "-t", FIVE_TUPLE, "--spool", folder / "spool")
    with NatsServer(folder) as nats:
        with Probe(folder, *args, nats=nats) as first:
            first.wait_published(nats, tasks=1)
            nats.kill()
            before = first.wait_epochs(4)
            time.sleep(1.5 * period_ns / 1e9 - time.time_ns() % period_ns / 1e9)  # to the middle of an epoch
            killed_ns = time.time_ns()
            first.kill()
        nats.start()
        with Probe(folder, *args, nats=nats) as second:
            second.wait_said("from an earlier run are sent first")
            second.wait_published(nats, tasks=1)
            assert second.end(signal.SIGINT) == 0, second.said()
        of_first, of_second = check_exactly_once(*read_back(folder, nats)).values()
    check_no_gap(of_first)
    sealed = list(of_first.values())[:int(before["epochs_total"])]
    assert sum(epoch["rx_packets"] for epoch in sealed) == before["rx_packets_total"]
    end_ns = max(epoch["end_ns"] for epoch in of_first.values())
    assert end_ns == killed_ns // period_ns * period_ns, (end_ns, killed_ns)
    assert min(of_second) > killed_ns, "the gap between the runs"
    reported = second.reported()
    assert reported["packets"] == sum(epoch["rx_packets"] for epoch in of_second.values()) and reported["spooled"] == 0, reported


def test_it_ends_in_time_while_nats_hangs_and_keeps_what_it_can(folder):
    silent = socket.create_server(("127.0.0.1", 0))
    with silent, NatsServer(folder) as nats, contextlib.ExitStack() as stack:
        start = lambda name, *args, to=nats, metrics=True: stack.enter_context(
            Probe(folder, "-p", "200ms", "-t", FIVE_TUPLE, *args, nats=to, probe_id=name, metrics=metrics))
        spool = ("--spool", folder / "spool")
        kept, lost = start("kept", *LIVE, *spool), start("lost", *LIVE)
        for probe in (kept, lost):
            probe.wait_published(nats, tasks=1)
        nats.signal(signal.SIGSTOP)
        # A signal that comes while it starts is not lost, and ends nothing at once: this one waits for a greeting.
        early = start("early", "-i", f"pcap:{SAMPLE}", "--nats", f"nats://127.0.0.1:{silent.getsockname()[1]}", to=None, metrics=False)
        silent.accept()
        early.process.send_signal(signal.SIGHUP)
        early.process.send_signal(signal.SIGTERM)
        for probe in (kept, lost):
            probe.wait_epochs(2)
            probe.process.send_signal(signal.SIGTERM)
        # Nor does one that comes while it waits for NATS; only the second does.
        impatient = start("impatient", "-i", f"pcap:{SAMPLE}", metrics=False)
        impatient.wait_said("NATS LOST")
        impatient.process.send_signal(signal.SIGINT)
        time.sleep(2)
        for probe in (kept, lost, impatient):
            assert probe.process.poll() is None, f"it does not wait for acknowledgements: {probe.said()}"
        assert impatient.end(signal.SIGINT, limit_s=5) == -signal.SIGINT, impatient.said()
        m, stats, tasks = kept.metrics(), telemetry("kept", "/netspectra/stats"), telemetry("kept", "/netspectra/tasks")
        worker = telemetry("kept", "/netspectra/stats,0")
        assert [probe.process.wait(25) for probe in (kept, lost)] == [0, 1], (kept.said(), lost.said())
        assert early.process.wait(25) in (0, 1) and early.reported(), early.said()

        reported = kept.reported()
        assert reported["spooled"] > 0 and reported["given_up"] == 0, reported
        assert f"{reported['spooled']} messages wait in the spool for the next start" in kept.said(), kept.said()
        assert lost.reported()["given_up"] > 0 and "not acknowledged and without room in a spool: lost" in lost.said(), lost.said()
        # The same books, whoever is asked.
        assert (m["rx_packets_total"], m["epochs_total"]) == (reported["packets"], reported["epochs"]), (m, reported)
        assert (stats["total"]["rx_packets"], stats["epochs"]) == (reported["packets"], reported["epochs"]), (stats, reported)
        assert worker["total"] == stats["total"] and worker["port"] == LIVE[1], worker
        for name, counter in (("rx_bytes", "rx_bytes_total"), ("ip_packets", "ip_packets_total"), ("not_ip", "not_ip_packets_total")):
            assert stats["total"][name] == m[counter] > 0, (name, stats, m)
        assert tasks["tasks"] == 1 and tasks["0"]["name"] == "per_five_tuple" and tasks["0"]["last_records"] > 100, tasks

        nats.signal(signal.SIGCONT)
        again = run_probe("-i", f"pcap:{SAMPLE}", "-t", FIVE_TUPLE, *spool, nats=nats, probe_id="kept")
        assert again.returncode == 0 and "from an earlier run are sent first" in again.stderr, again.stderr
        of_kept, _ = check_exactly_once(*of_probe("kept", read_back(folder, nats))).values()
        assert len(of_kept) == reported["epochs"]
        assert sum(epoch["rx_packets"] for epoch in of_kept.values()) == reported["packets"]


if __name__ == "__main__":
    if missing := missing_programs():
        print("not here:", *missing)
        sys.exit(SKIP)
    main(globals())
