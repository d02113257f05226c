"""A forced loss of each kind, and how the engine confesses it: with the right amount, beside answers that are otherwise
right. And estimates over probes, workers and epochs, as one worker would have had them.

Environment: NS_PROBE, NS_ENGINE, PCAP_ANALYZER = the programs. Needs root, iproute2, ethtool, tcpreplay and nats-server.
Standard library only.
"""
import collections
import contextlib
import random
import signal

from captures_test import read_expected
from engine_api import Engine, check_ledger, received_or_dropped, table
from engine_test import Nats
from estimators_test import scan_capture
from harness import CAPTURES, flows, ipv4_udp, main, run_json, summary, write_pcap
from nats import run_probe, wait_for
from probe_net import LiveProbe, Network, enter_namespace, write_config
from probe_veth_test import SAMPLE, SAMPLE_PACKETS, counts, recorded

FIVE_TUPLE = "src_ip,dst_ip,src_port,dst_port,protocol"
EXACT = f"per_five_tuple=exact:{FIVE_TUPLE}"
START_NS = 1_700_000_000 * 10**9
SECOND_NS = 10**9


@contextlib.contextmanager
def nats_and_engine(folder):
    with Nats(folder) as nats, Engine(folder, f"sqlite:{folder}/flows.db", nats=nats) as engine:
        yield nats, engine.ready()


def replay(nats, capture, name, *args):
    done = run_probe("-i", f"pcap:{capture}", "-p", "1s", *args, nats=nats, probe_id=name)
    assert done.returncode == 0, done.stderr


def all_flows(engine):
    """({flow: (packets, bytes)}, rows, ledger) of all that is stored."""
    answer = engine.get("aggregate", task="per_five_tuple", limit=1000)
    return table(answer["rows"]), answer["rows"], answer["ledger"]


def test_packets_dropped_by_the_kernel_are_confessed_to_the_packet(folder):
    config = write_config(folder / "probe.yaml", queues=2, sink="nats", settings={"rx_descriptors": 32})
    with nats_and_engine(folder) as (nats, engine), Network(2) as net:
        with LiveProbe(folder, "-c", config, "--probe-id", "slow", "--nats", nats.url, "--share-cpus") as probe:
            probe.ready()
            probe.freeze()
            net.replay(SAMPLE, loop=5)
            net.settle()
            probe.send(signal.SIGCONT)
            probe.wait_periods(1)
            sent = net.settle()
            probe.send(signal.SIGTERM)
            assert probe.exit_status() == 0, probe.said()
        engine.wait_packets("slow", sent)
        found, rows, ledger = all_flows(engine)
        assert sent == received_or_dropped(ledger) == 5 * SAMPLE_PACKETS, (sent, ledger)
        assert ledger["kernel_dropped"] >= 4 * SAMPLE_PACKETS, "each of two rings takes 32 packets"
        check_ledger(ledger, rows, kernel_dropped=ledger["kernel_dropped"], malformed={})
        check_ledger(engine.probe("slow")["ledger"], kernel_dropped=ledger["kernel_dropped"])
        most = recorded([SAMPLE])
        assert found and all(packets <= 5 * most[key][0] for key, (packets, _) in found.items())
        print(f"{sent} sent, {ledger['rx_packets']} received, {ledger['kernel_dropped']} dropped")


def test_packets_beyond_a_tables_capacity_are_confessed_to_the_packet(folder):
    path, packets = scan_capture(folder)
    with nats_and_engine(folder) as (nats, engine):
        replay(nats, path, "small", "-t", f"{EXACT}:capacity=1000")
        engine.wait_packets("small", len(packets))
        found, rows, ledger = all_flows(engine)
    truth = counts(flows(run_json(path)))
    # A flow that found room has all its packets counted, the others none.
    assert 1000 <= len(found) < len(truth) and found.items() <= truth.items(), (len(found), len(truth))
    rest = [figures for key, figures in truth.items() if key not in found]
    lost = {"overflow_packets": sum(figures[0] for figures in rest), "overflow_bytes": sum(figures[1] for figures in rest)}
    counted = sum(figures[0] for figures in found.values())
    assert lost["overflow_packets"] == len(packets) - counted > 0
    check_ledger(ledger, rows, rx_packets=len(packets), counted_packets=counted, not_ip=0, malformed={}, **lost)
    print(f"{len(packets)} sent, {counted} counted, {lost['overflow_packets']} without a record")


def seconds_of_traffic(folder, epochs, packets):
    r = random.Random(9)
    frame = lambda: ipv4_udp(f"10.0.0.{r.randrange(30)}", "10.1.0.1", r.randrange(1000, 1010), 53)
    frames = [(START_NS + e * SECOND_NS + i * 1000, frame()) for e in range(epochs) for i in range(packets)]
    path = folder / "seconds.pcap"
    write_pcap(path, frames)
    return path


def test_a_snapshot_that_is_gone_is_confessed_until_it_comes(folder):
    path = seconds_of_traffic(folder, epochs=3, packets=1000)
    whole = run_json("-p", "1s", path)
    with Nats(folder) as nats:
        replay(nats, path, "holed", "-t", EXACT, "-t", "hosts=cardinality:src_ip")
        [gone] = [m for m in nats.content() if m[2].split("/")[2:] == [str(START_NS + SECOND_NS), "per_five_tuple", "0", "0"]]
        nats.delete(gone[0])
        with Engine(folder, f"sqlite:{folder}/flows.db", "--grace", "1s", nats=nats) as engine:
            engine.listen().wait_packets("holed", 3000)
            found, rows, ledger = all_flows(engine)
            assert found == counts(flows(o for o in whole if o.get("epoch_start_ns") != START_NS + SECOND_NS))
            check_ledger(ledger, rows, rx_packets=3000, counted_packets=2000, missing_snapshots=1, incomplete_epochs=1, epochs=3)
            check_ledger(engine.probe("holed")["ledger"], rx_packets=3000, missing_snapshots=1, incomplete_epochs=1, epochs=3)
            # Of the others nothing is said to be missing.
            for start, missing in ((START_NS, 0), (START_NS + SECOND_NS, 1), (START_NS + 2 * SECOND_NS, 0)):
                ledger = engine.get("aggregate", task="per_five_tuple", **{"from": start, "to": start + SECOND_NS})["ledger"]
                assert (ledger["epochs"], ledger["rx_packets"], ledger["missing_snapshots"]) == (1, 1000, missing), ledger
            nats.publish(gone[1], gone[3])
            wait_for(lambda: engine.probe("holed")["ledger"]["missing_snapshots"] == 0, lambda: engine.said())
            found, rows, ledger = all_flows(engine)
            assert found == counts(flows(whole))
            check_ledger(ledger, rows, rx_packets=3000, counted_packets=3000, epochs=3)


def test_a_probe_that_was_killed_and_started_again_shows_as_a_gap(folder):
    config = write_config(folder / "probe.yaml", queues=2, sink="nats")
    with nats_and_engine(folder) as (nats, engine), Network(2) as net:
        for runs in (1, 2):
            place = folder / str(runs)
            place.mkdir()
            with LiveProbe(place, "-c", config, "--probe-id", "killed", "--nats", nats.url, "--share-cpus") as probe:
                probe.ready()
                net.replay(SAMPLE)
                assert net.settle() == runs * SAMPLE_PACKETS
                engine.wait_packets("killed", runs * SAMPLE_PACKETS)
                if runs == 1:
                    probe.send(signal.SIGKILL)
                    assert probe.exit_status() == -signal.SIGKILL
                    continue  # its start takes several periods of 200 ms
                probe.send(signal.SIGTERM)
                assert probe.exit_status() == 0, probe.said()
        row = engine.probe("killed")
        starts = collections.defaultdict(set)  # {run: those of its epochs}, as the stream has them
        for _, _, message_id, _ in nats.content():
            starts[int(message_id.split("/")[1])].add(int(message_id.split("/")[2]))
        first, second = (starts[run] for run in sorted(starts))
        away_ns = min(second) - max(first) - row["period_ns"]
        assert away_ns >= row["period_ns"] == 200_000_000
        # A gap within a run is the trace of an epoch that was extended.
        assert row["runs"] == 2 and row["gaps"] >= 1 and row["gap_ns"] >= away_ns, (row, away_ns)
        assert row["gap_ns"] == away_ns or row["ledger"]["epoch_overruns"] > 0, (row, away_ns)
        assert row["ledger"]["epochs"] == len(first) + len(second), (row, starts)
        found, rows, ledger = all_flows(engine)
        assert found == {key: (2 * packets, 2 * size) for key, (packets, size) in recorded([SAMPLE]).items()}
        not_ip = summary(run_json(SAMPLE))["not_ip"]
        check_ledger(ledger, rows, rx_packets=2 * SAMPLE_PACKETS, not_ip=2 * not_ip, malformed={})
        print(f"gaps {row['gaps']}, {row['gap_ns'] / 1e6:.0f} ms")


def test_what_is_no_ip_or_malformed_is_confessed_by_reason(folder):
    names = ["ip_headers", "not_ip", "mpls", "sample"]
    with nats_and_engine(folder) as (nats, engine):
        for name in names:
            replay(nats, CAPTURES / f"{name}.pcap", name, "-q", 2, "-t", EXACT)
        for name in names:
            flows_of, figures, malformed = read_expected(CAPTURES / "expected" / f"{name}.tsv")
            engine.wait_packets(name, figures["packets"])
            answer = engine.get("aggregate", task="per_five_tuple", probe=name, limit=100)
            known = {"rx_packets": figures["packets"], "not_ip": figures["not_ip"], "malformed": malformed}
            check_ledger(answer["ledger"], answer["rows"], **known)
            check_ledger(engine.probe(name)["ledger"], **known)
            assert table(answer["rows"]) == counts(flows_of), name


ESTIMATORS = {"src": "heavy_hitters:src_ip:threshold=20", "dst": "heavy_hitters:dst_ip:threshold=2000,by=bytes",
              "crowded": f"heavy_hitters:{FIVE_TUPLE}:threshold=100,memory=16KiB",
              "scan": "super_spreader:src_ip/dst_ip:threshold=20",
              "hosts": "cardinality:src_ip", "many": f"cardinality:{FIVE_TUPLE}"}
FEW = ("src", "dst")  # keys: the sketch's set keeps them all
CERTIFIED = ["packets", "bytes", "error_packets", "error_bytes"]
MIXED_PACKETS = 12000
WORDS = [word for name, spec in ESTIMATORS.items() for word in ("-t", f"{name}={spec}")]


def mixed_traffic(path, seed):
    """Six seconds: hosts and scanners that all probes see, and flows without number."""
    r = random.Random(seed)
    frames = []
    for i in range(MIXED_PACKETS):
        if i % 10 == 0:
            scanner = r.randrange(8)
            flow = (f"10.0.0.{scanner}", f"172.16.0.{r.randrange(5 + 30 * scanner)}", 1000, 22)
        elif i % 3 == 0:
            flow = (f"10.0.1.{r.randrange(4)}", "172.30.0.1", 2000, 443)
        else:
            flow = (f"10.0.{seed}.{r.randrange(200)}", f"172.30.0.{r.randrange(4)}", r.randrange(1024, 60000), 53)
        frames.append((START_NS + i * 6 * SECOND_NS // MIXED_PACKETS, ipv4_udp(*flow, r.randrange(18, 300))))
    write_pcap(path, frames)
    return path


def same(rows, objects, members):
    """Both as sets of values."""
    values = lambda o: tuple(o.get(member) for member in members)
    one, other = sorted(map(values, rows)), sorted(map(values, objects))
    assert one == other, (members, set(one) ^ set(other))
    return len(one)


def test_estimates_over_probes_workers_and_epochs_are_those_of_one_worker_and_one_epoch(folder):
    paths = {f"edge-{seed}": mixed_traffic(folder / f"{seed}.pcap", seed) for seed in (2, 3)}
    for exact in ((), ("-t", EXACT)):
        place = folder / f"exact-{len(exact)}"
        place.mkdir()
        with nats_and_engine(place) as (nats, engine):
            for name, path in paths.items():
                replay(nats, path, name, "-q", 2, *exact, *WORDS)
            for name in paths:
                engine.wait_packets(name, MIXED_PACKETS)
            for name in (*paths, None):
                where = {"probe": name} if name else {}
                answers = {task: engine.get("top", task=task, limit=500, **where) for task in ESTIMATORS}
                check_estimates(answers, [paths[name]] if name else list(paths.values()), exact)


def check_estimates(answers, paths, exact):
    truth = counts(flows(run_json(*paths)))
    alone = run_json("-w", 1, *exact, *WORDS, *paths)
    of = lambda task: [o for o in alone if o.get("task") == task]
    for answer in answers.values():
        check_ledger(answer["ledger"], rx_packets=len(paths) * MIXED_PACKETS, epochs=6 * len(paths), not_ip=0, malformed={})
    figures = {name: same(answers[name]["rows"], of(name), ["src_ip", "dst_ip", *CERTIFIED]) for name in FEW}
    figures["scan"] = same(answers["scan"]["rows"], of("scan"), ["src_ip", "spread"])
    for name in ("hosts", "many"):
        same(answers[name]["rows"], of(name), ["cardinality"])
        figures[name] = answers[name]["rows"][0]["cardinality"]
    assert figures["src"] > 10 and figures["scan"] >= 5, figures
    crowded = answers["crowded"]["rows"]
    check_crowded(crowded, of("crowded"), truth)
    if exact:
        assert figures["hosts"] == len({key[0] for key in truth}) and figures["many"] == len(truth), figures
        same(crowded, of("crowded"), [*FIVE_TUPLE.split(","), *CERTIFIED])
        for name in (*FEW, "crowded"):
            assert not any(row["error_packets"] or row["error_bytes"] for row in answers[name]["rows"]), name
        for name, answer in answers.items():
            assert [estimate["standard_error"] for estimate in answer["estimates"]] == [0], (name, answer["estimates"])
    else:
        assert any(row["error_packets"] for row in crowded), "nothing was evicted: too few keys to show anything"
    print(f"{len(paths)} probes, {'derived' if exact else 'estimated'}: {figures}, crowded {len(crowded)}, "
          f"error at most {max(row['error_packets'] for row in crowded)} packets")


def check_crowded(rows, objects, truth):
    """More keys than the sketch keeps: what is merged is certified like what one worker saw, and it lists the large ones."""
    large = {key for key, (packets, _) in truth.items() if packets >= 100}
    assert len(truth) > 5_000 and len(large) >= 4, (len(truth), len(large))
    for row in [*rows, *objects]:
        [key] = table([row])
        packets, size = truth[key]
        assert row["packets"] - row["error_packets"] <= packets <= row["packets"], (row, packets)
        assert row["bytes"] - row["error_bytes"] <= size <= row["bytes"], (row, size)
    assert large <= set(table(rows)) and large <= set(table(objects)), (large, rows)


if __name__ == "__main__":
    enter_namespace()
    main(globals())
