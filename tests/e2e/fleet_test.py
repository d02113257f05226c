"""Probes on interfaces, NATS, and engines with a database each: what was sent is what the engines answer. And a store that
pcap-analyzer has written, asked without any of these.

Environment: NS_PROBE, NS_ENGINE, PCAP_ANALYZER = the programs. Needs root, iproute2, ethtool, tcpreplay and nats-server;
clickhouse-server where it is installed. Standard library only.
"""
import collections
import concurrent.futures
import contextlib
import signal

import clickhouse
from captures_test import canonical, read_expected
from engine_api import Engine, added, check_ledger, table
from harness import CAPTURES, flows, main, run_json, summary
from nats import NatsServer, free_port
from probe_net import LiveProbe, Network, enter_namespace, write_config
from probe_veth_test import REPLAYED, counts, recorded

# By probe: what is sent to it over and over, and how often. Much of the traffic is the same.
SENT = {"edge-1": (REPLAYED, 25),
        "edge-2": ([CAPTURES / f"{name}.pcap" for name in ("sample", "real_vlan_qinq", "tunnels", "fragments")], 33)}
PACKETS_PER_SECOND = 2000
EPOCHS = 20  # at least
SECOND_NS = 10**9


def facts(captures, loops):
    """The part of the ledger that the makers of the captures know."""
    total = collections.Counter()
    malformed = collections.Counter()
    for capture in captures:
        _, figures, reasons = read_expected(CAPTURES / "expected" / f"{capture.stem}.tsv")
        total.update(figures)
        malformed.update(reasons)
    return {"rx_packets": loops * total["packets"], "not_ip": loops * total["not_ip"],
            "malformed": {reason: loops * packets for reason, packets in malformed.items()}}


def times(table_of_once, loops):
    return {key: (loops * packets, loops * size) for key, (packets, size) in table_of_once.items()}


def by_field(flows_of_all, position):
    total = collections.Counter()
    for key, (packets, _) in flows_of_all.items():
        total[key[position]] += packets
    return total


def check_answers(engine, expected, known):
    """All that was sent is in the answers, by probe and in all, and nothing is missing."""
    for name in (*SENT, None):
        where = {"probe": name} if name else {}
        answer = engine.get("aggregate", task="per_five_tuple", limit=150, **where)
        wanted = expected[name] if name else added(*expected.values())
        found = table(answer["rows"])
        assert found == wanted, (name, set(found.items()) ^ set(wanted.items()))
        facts_of = known[name] if name else {
            "rx_packets": sum(k["rx_packets"] for k in known.values()), "not_ip": sum(k["not_ip"] for k in known.values()),
            "malformed": dict(sum((collections.Counter(k["malformed"]) for k in known.values()), collections.Counter()))}
        check_ledger(answer["ledger"], answer["rows"], **facts_of)
        by_port = engine.get("aggregate", task="per_five_tuple", by="dst_port", order="packets", **where)["rows"]
        assert {row["dst_port"]: row["packets"] for row in by_port} == by_field(wanted, 3)
        through_time = engine.get("aggregate", task="per_five_tuple", by="none", bucket="1s", order="time", **where)["rows"]
        assert sum(row["packets"] for row in through_time) == answer["ledger"]["counted_packets"]
        starts = [row["start_ns"] for row in through_time]
        assert len(starts) >= EPOCHS and starts == sorted(set(starts)) and all(s % SECOND_NS == 0 for s in starts), starts
    epochs = 0
    for name in SENT:
        row = engine.probe(name)
        assert (row["runs"], row["period_ns"]) == (1, SECOND_NS), row
        # An epoch that was extended ends later than the next one would begin: not at a gap.
        assert row["gaps"] == 0 or row["ledger"]["epoch_overruns"] > 0, row
        check_ledger(row["ledger"], **known[name])
        epochs += row["ledger"]["epochs"]
    assert engine.get("probes")["ledger"]["epochs"] == epochs >= EPOCHS * len(SENT), epochs
    return epochs


def test_two_probes_on_interfaces_and_engines_on_two_databases_answer_with_what_was_sent(folder):
    expected = {name: times(recorded(captures), loops) for name, (captures, loops) in SENT.items()}
    known = {name: facts(captures, loops) for name, (captures, loops) in SENT.items()}
    stores = {"sqlite": f"sqlite:{folder}/flows.db"}
    with contextlib.ExitStack() as stack:
        nats = stack.enter_context(NatsServer(folder))
        if missing := clickhouse.missing_programs():
            print("not here, and not tested:", *missing)
        else:
            stores["clickhouse"] = stack.enter_context(clickhouse.ClickHouse(folder)).url
        engines = {name: stack.enter_context(Engine(folder, url, "--consumer", f"fleet-{name}", nats=nats, name=name))
                   for name, url in stores.items()}
        networks, probes = {}, {}
        for number, name in enumerate(SENT):
            place = folder / name
            place.mkdir()
            networks[name] = stack.enter_context(Network(queues=2, mtu=9000, names=(f"near{number}", f"far{number}")))
            config = write_config(place / "probe.yaml", queues=2, sink="nats", port=f"near{number}", period="1s")
            probes[name] = stack.enter_context(
                LiveProbe(place, "-c", config, "--probe-id", name, "--nats", nats.url, "--share-cpus"))
        for one in (*probes.values(), *engines.values()):
            one.ready()
        with concurrent.futures.ThreadPoolExecutor() as senders:
            sent = {name: senders.submit(networks[name].replay, *captures, loop=loops, packets_per_second=PACKETS_PER_SECOND)
                    for name, (captures, loops) in SENT.items()}
        for name, probe in probes.items():
            assert sent[name].result() == networks[name].settle() == known[name]["rx_packets"]
            probe.send(signal.SIGTERM)
        for name, probe in probes.items():
            assert probe.exit_status() == 0, probe.said()
        for kind, engine in engines.items():
            for name in SENT:
                engine.wait_packets(name, known[name]["rx_packets"])
            epochs = check_answers(engine, expected, known)
            engine.end()
            print(f"{kind}: {epochs} epochs, {sum(k['rx_packets'] for k in known.values())} packets")


def test_a_store_of_the_analyzers_is_answered_from_without_nats(folder):
    capture = CAPTURES / "sample.pcap"
    store = f"sqlite:{folder}/traffic.db"
    objects = run_json("-p", "1s", "--store", store, capture)
    with Engine(folder, store, nats=f"nats://127.0.0.1:{free_port()}") as engine:
        engine.listen()
        assert engine.fetch("/healthz") == (200, "ok\n")
        status, why = engine.fetch("/readyz")
        assert status == 503 and "NATS" in why, (status, why)
        answer = engine.get("aggregate", task="per_five_tuple", limit=50)
        assert table(answer["rows"]) == recorded([capture]) == counts(flows(objects))
        seen = canonical(flows(objects))
        for row in answer["rows"]:
            [key] = table([row])
            assert [row["first_seen_ns"], row["last_seen_ns"]] == seen[key][2:], (row, seen[key])
        check_ledger(answer["ledger"], answer["rows"], **facts([capture], 1), rx_bytes=summary(objects)["bytes"])
        assert engine.fetch("/healthz") == (200, "ok\n") and engine.fetch("/readyz")[0] == 503
        engine.end()


if __name__ == "__main__":
    enter_namespace()
    main(globals())
