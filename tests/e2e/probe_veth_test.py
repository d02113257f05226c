"""ns-probe on a kernel interface with real senders: what was sent is what was measured and what it says is lost."""
import collections
import pathlib
import signal
import socket
import time

from captures_test import canonical, read_expected
from harness import CAPTURES, check_books, flows, ipv4_udp, main, run_json, summary, write_pcap
from nats import PROBE, NatsServer, check_exactly_once, read_back
from probe_net import (FAR, FIVE_TUPLE, LIMIT_S, Listener, LiveProbe, NEAR, Network, call, enter_namespace,
                       write_config)

SAMPLE = CAPTURES / "sample.pcap"
SAMPLE_PACKETS = 1097
# Whole Ethernet frames that fit a veth with jumbo frames.
REPLAYED = [CAPTURES / f"{name}.pcap" for name in (
    "sample", "real_ipv6", "real_fragments", "real_vlan_qinq", "two_vlans", "tunnels", "mpls", "pppoe", "llc_snap", "fragments",
    "backwards", "hour_gaps")]
BY_VLAN = {"name": "by_vlan", "kind": "exact", "fields": ["src_ip", "dst_ip", "vlan"], "capacity": "64k"}


def counts(table):
    """{flow: (packets, bytes)}: a replay has times of its own."""
    return {key: tuple(figures[:2]) for key, figures in canonical(table).items()}


def recorded(captures):
    """What the makers of the captures know is in them."""
    total = collections.Counter()
    for capture in captures:
        table, *_ = read_expected(CAPTURES / "expected" / f"{capture.stem}.tsv")
        for key, (packets, size) in counts(table).items():
            total[key, "packets"] += packets
            total[key, "bytes"] += size
    return {key: (total[key, "packets"], total[key, "bytes"]) for key, _ in total}


def measured_by_worker(folder, nats):
    """({flow: (packets, bytes)}, {flow: its workers}, [packets of each worker]) of what the stream holds."""
    snapshots, health = read_back(folder, nats)
    check_exactly_once(snapshots, health)
    rows, workers, share = [], collections.defaultdict(set), collections.Counter()
    for snapshot in snapshots:
        share[snapshot["worker"]] += snapshot["ip_packets"]
        assert snapshot["kernel_dropped"] == 0, snapshot
        for key in canonical(flows(snapshot["rows"])):
            workers[key].add(snapshot["worker"])
        rows += snapshot["rows"]
    return counts(flows(rows)), workers, [share[worker] for worker in range(snapshots[0]["workers"])]


def check_one_worker(workers, wanted):
    """Both directions of a flow are on one worker."""
    pairs = 0
    for key in filter(wanted, workers):
        src, dst, sport, dport, protocol = key
        back = (dst, src, dport, sport, protocol)
        assert len(workers[key] | workers.get(back, set())) == 1, (key, workers[key], workers.get(back))
        pairs += back in workers
    assert pairs >= 40, pairs


def test_replayed_flows_stay_on_one_worker_and_have_the_recorded_totals(folder):
    whole = recorded([SAMPLE, CAPTURES / "real_ipv6.pcap"])
    for queues in (2, 4):
        place = folder / str(queues)
        place.mkdir()
        config = write_config(place / "probe.yaml", queues, sink="nats")
        with NatsServer(place) as nats, Network(queues, mtu=9000) as net:
            with LiveProbe(place, "-c", config, "--nats", nats.url) as probe:
                probe.ready()
                sent = net.replay(*REPLAYED, loop=2)
                assert net.settle() == sent
                probe.send(signal.SIGTERM)
                assert probe.exit_status() == 0, probe.said()
            table, workers, shares = measured_by_worker(place, nats)
        expected = {key: (2 * packets, 2 * size) for key, (packets, size) in recorded(REPLAYED).items()}
        assert table == expected, set(table.items()) ^ set(expected.items())
        # The parts of a fragmented packet have no ports to go by, and what is in a tunnel has addresses of its own.
        check_one_worker(workers, lambda key: key in whole and key[4] in (6, 17))
        assert all(shares), shares


def talk(net, connections):
    """Requests and answers over TCP and UDP, IPv4 and IPv6, far0 being the client."""
    for family, address, first_port in ((socket.AF_INET, "10.9.0.1", 20000), (socket.AF_INET6, "fd09::1", 30000)):
        with socket.create_server((address, 8080), family=family) as server, socket.socket(family, socket.SOCK_DGRAM) as names:
            names.bind((address, 53))
            names.settimeout(10)
            for number in range(connections):
                with net.at_far():
                    client, asker = socket.socket(family), socket.socket(family, socket.SOCK_DGRAM)
                client.settimeout(10)
                asker.settimeout(10)
                with client, asker:
                    for end in (client, asker):
                        end.bind(("", first_port + number))  # no port twice
                    client.connect((address, 8080))
                    served, _ = server.accept()
                    with served:
                        served.settimeout(10)
                        client.sendall(bytes(1000 + 100 * number))
                        client.shutdown(socket.SHUT_WR)
                        while served.recv(65536):
                            pass
                        served.sendall(bytes(20000))
                    while client.recv(65536):
                        pass
                    for size in (30, 300, 1400):
                        asker.sendto(bytes(size), (address, 53))
                        question, whom = names.recvfrom(2000)
                        names.sendto(question * 2 if size < 700 else question, whom)
                        asker.recv(2000)


def test_real_connections_stay_on_one_worker_and_are_counted_in_both_directions(folder):
    for queues in (2, 4):
        place = folder / str(queues)
        place.mkdir()
        config = write_config(place / "probe.yaml", queues, sink="nats", settings={"outgoing": True})
        with NatsServer(place) as nats, Network(queues, addresses=True) as net:
            with LiveProbe(place, "-c", config, "--nats", nats.url) as probe:
                probe.ready()
                with net.at_far():
                    listener = Listener(FAR, 1 << 26)
                talk(net, connections=20)
                probe.wait_periods(2)  # the last segments of TCP have been exchanged, too
                probe.send(signal.SIGTERM)
                assert probe.exit_status() == 0, probe.said()
            capture = listener.save(place / "far.pcap")
            table, workers, shares = measured_by_worker(place, nats)
        expected = counts(flows(run_json(capture)))
        # Neighbour discovery comes when it likes.
        table, expected = ({k: v for k, v in t.items() if k[4] in (6, 17)} for t in (table, expected))
        assert table == expected, set(table.items()) ^ set(expected.items())
        assert len(table) == 2 * 2 * 2 * 20, len(table)
        check_one_worker(workers, lambda key: key in table)
        assert all(shares), shares


def test_sent_is_measured_and_dropped_when_overloaded(folder):
    for queues in (1, 4):
        config = write_config(folder / "probe.yaml", queues, settings={"rx_descriptors": 32})
        with Network(queues) as net, LiveProbe(folder, "-c", config) as probe:
            probe.ready()
            net.replay(SAMPLE, loop=20)
            probe.freeze()
            net.replay(SAMPLE, loop=5)
            net.settle()
            probe.send(signal.SIGCONT)
            net.replay(SAMPLE, loop=20)
            sent = net.settle()
            objects = probe.end()
        s = summary(objects)
        assert s["packets"] + s["kernel_dropped"] == sent, (sent, s)
        assert s["nic_missed"] == s["no_mbuf"] == s["nic_errors"] == 0, s
        # While it stood still, each ring took no more than it holds.
        assert s["kernel_dropped"] >= 4 * SAMPLE_PACKETS, s
        check_books(objects)



def test_what_waits_in_the_rings_is_measured_at_the_end(folder):
    config = write_config(folder / "probe.yaml", queues=2)
    with Network() as net, LiveProbe(folder, "-c", config) as probe:
        probe.ready()
        probe.freeze()
        net.replay(SAMPLE)
        sent = net.settle()
        probe.send(signal.SIGTERM)
        objects = probe.end(signal.SIGCONT)
    assert summary(objects)["packets"] == sent, (sent, summary(objects))
    assert counts(flows(objects)) == recorded([SAMPLE])


def test_a_signal_amid_traffic_ends_it_with_all_that_came_before(folder):
    for number in (signal.SIGTERM, signal.SIGINT):
        config = write_config(folder / "probe.yaml", queues=2)
        with Network() as net, LiveProbe(folder, "-c", config) as probe:
            probe.ready()
            with net.replaying(SAMPLE, packets_per_second=3000):
                probe.wait_periods(2)
                before = net.arrived()
                objects = probe.end(number)
            after = net.settle()
        s = summary(objects)
        assert 0 < before <= s["packets"] + s["kernel_dropped"] <= after, (before, after, s)
        check_books(objects)


def test_it_ends_after_its_duration_with_all_that_came_before(folder):
    config = write_config(folder / "probe.yaml")
    with Network() as net, LiveProbe(folder, "-c", config, "--duration", "2s") as probe:
        probe.wait_said("task per_five_tuple")  # it listens, and is about to poll
        probe.freeze()  # so that all arrives within the duration, however long that takes
        net.replay(SAMPLE)
        assert net.settle() == SAMPLE_PACKETS
        probe.send(signal.SIGCONT)
        assert probe.exit_status() == 0, probe.said()
        objects = probe.objects()
    assert counts(flows(objects)) == recorded([SAMPLE])
    assert summary(objects)["elapsed_s"] >= 2, summary(objects)


def test_it_goes_on_when_the_interface_was_down(folder):
    config = write_config(folder / "probe.yaml", queues=4)
    with Network() as net, LiveProbe(folder, "-c", config) as probe:
        probe.ready()
        for times in (1, 2):
            net.replay(SAMPLE)
            net.settle()
            net.near("ip", "link", "set", NEAR, "down")
            probe.wait_said("near0: link is down", times)
            net.near("ip", "link", "set", NEAR, "up")
            probe.wait_said("near0: link is up", times)
            net.wait_until_up()
        net.replay(SAMPLE)
        net.settle()
        objects = probe.end()
    assert counts(flows(objects)) == {key: (3 * packets, 3 * size) for key, (packets, size) in recorded([SAMPLE]).items()}
    assert summary(objects)["packets"] == 3 * SAMPLE_PACKETS, summary(objects)


def test_an_interface_that_is_made_anew_stays_a_fault_and_what_was_measured_is_kept(folder):
    config = write_config(folder / "probe.yaml", queues=2)
    with Network() as net, LiveProbe(folder, "-c", config) as probe:
        probe.ready()
        net.replay(SAMPLE)
        net.settle()
        net.near("ip", "link", "del", NEAR)
        probe.wait_said("port near0: the interface is gone .* until ns-probe is started again")
        net.near("ip", "link", "add", NEAR, "type", "veth", "peer", "name", FAR, "netns", net.far_side.pid)
        for side, name in net.sides():
            side("ip", "link", "set", name, "up")
        net.wait_until_up()
        before = probe.periods()
        probe.wait_periods(3)
        lines = [line for line in probe.said().splitlines() if ", busy " in line]
        assert all("LINK DOWN near0" in line for line in lines[before + 1:]), probe.said()
        objects = probe.end()
    assert "link is up" not in probe.said() and probe.said().count("is gone") == 1, probe.said()
    assert counts(flows(objects)) == recorded([SAMPLE])


def packets_by_epoch(objects, task):
    table = collections.Counter()
    for o in objects:
        if o["type"] in ("record", "overflow") and o["task"] == task:
            table[o["epoch_start_ns"]] += o["packets"]
    return table


def test_tasks_change_at_a_hangup_and_nothing_is_lost_or_counted_twice(folder):
    period_ns = 200_000_000
    config = write_config(folder / "probe.yaml", queues=2)
    with Network() as net, LiveProbe(folder, "-c", config) as probe:
        probe.ready()
        with net.replaying(SAMPLE, packets_per_second=3000):
            probe.wait_record("per_five_tuple")
            write_config(config, queues=2, tasks=[FIVE_TUPLE, BY_VLAN])
            earliest_ns = (time.time_ns() // period_ns + 2) * period_ns
            probe.send(signal.SIGHUP)
            probe.wait_said("SIGHUP: 2 tasks")
            probe.wait_record("by_vlan")
            config.write_text(config.read_text().replace('"vlan"', '"vlam"'))  # on a line of its own
            wrong_line = next(i for i, line in enumerate(config.read_text().splitlines(), start=1) if "vlam" in line)
            probe.send(signal.SIGHUP)
            probe.wait_said("SIGHUP: the configuration is refused")
            probe.wait_record("by_vlan", from_ns=time.time_ns() + 2 * period_ns)  # the refused ones take nothing away
        sent = net.settle()
        objects = probe.end()
    assert any(f"probe.yaml:{wrong_line}:" in line and "vlam" in line for line in probe.said().splitlines()), (wrong_line, probe.said())
    s = summary(objects)
    assert s["packets"] + s["kernel_dropped"] == sent, (sent, s)
    always, later = packets_by_epoch(objects, "per_five_tuple"), packets_by_epoch(objects, "by_vlan")
    assert sum(always.values()) == s["ip_packets"], (sum(always.values()), s)
    changed_ns = min(later)
    assert min(always) < earliest_ns <= changed_ns, (min(always), earliest_ns, changed_ns)
    assert {start: packets for start, packets in always.items() if start >= changed_ns} == later


def test_vlans_ipv6_and_jumbo_frames(folder):
    jumbo = folder / "jumbo.pcap"
    write_pcap(jumbo, [(i, ipv4_udp("10.1.0.1", "10.1.0.2", 4000 + i % 7, 9, payload=8972 - 100 * i)) for i in range(30)])
    captures = [CAPTURES / f"{name}.pcap" for name in ("real_vlan_qinq", "two_vlans", "real_ipv6")] + [jumbo]
    tasks = [FIVE_TUPLE, BY_VLAN]
    config = write_config(folder / "probe.yaml", queues=4, tasks=tasks, settings={"mtu": 9000})
    with Network() as net, LiveProbe(folder, "-c", config) as probe:
        probe.ready()
        for side, name in ((net.near, NEAR), (net.far, FAR)):
            side("ip", "link", "set", name, "mtu", 9000)  # there is room for it
        net.replay(*captures)
        sent = net.settle()
        objects = probe.end()
    assert "warning: its MTU" not in probe.said() and "frames above" not in probe.said(), probe.said()
    words = [word for task in tasks for word in ("-t", f"{task['name']}=exact:{','.join(task['fields'])}")]
    expected = run_json(*words, *captures)
    for figure in ("packets", "bytes", "ip_packets", "not_ip", "malformed"):
        assert summary(objects)[figure] == summary(expected)[figure], (figure, sent, summary(objects), summary(expected))
    for task in tasks:
        def total(rows, task=task):
            table = collections.Counter()
            for o in rows:
                if o["type"] == "record" and o["task"] == task["name"]:
                    key = tuple(o.get(field) for field in task["fields"])
                    table[key, "packets"] += o["packets"]
                    table[key, "bytes"] += o["bytes"]
            return table
        assert total(objects) == total(expected), total(objects) - total(expected)
    assert max(o["bytes"] / o["packets"] for o in objects if o["type"] == "record") > 7500


def received(name):
    """(bytes, packets) that an interface of this namespace has received."""
    lines = pathlib.Path("/proc/self/net/dev").read_text(encoding="ascii").splitlines()
    words = next(line for line in lines if line.split(":")[0].strip() == name).split(":")[1].split()
    return int(words[0]), int(words[1])


def test_segments_that_the_sender_joined_are_measured_with_all_their_bytes(folder):
    config = write_config(folder / "probe.yaml", queues=2)
    with Network() as net, LiveProbe(folder, "-c", config) as probe:
        probe.ready()
        net.far("ethtool", "-K", FAR, "tso", "on", "gso", "on")
        for number, (side, name) in enumerate(net.sides(), start=1):
            side("ip", "address", "add", f"10.9.0.{number}/24", "dev", name)
        with socket.create_server(("10.9.0.1", 8080)) as server:
            with net.at_far():
                client = socket.socket()
            client.settimeout(LIMIT_S)
            with client:
                client.connect(("10.9.0.1", 8080))
                served, _ = server.accept()
                served.settimeout(LIMIT_S)
                with served:
                    for _ in range(20):
                        client.sendall(bytes(200_000))
                        left = 200_000
                        while left:
                            left -= len(served.recv(left))
        probe.wait_said("port near0: frames of more than 1982 bytes arrive, which the kernel cuts")
        net.far("ip", "link", "set", FAR, "down")  # from here on nothing comes
        size, packets = received(NEAR)
        objects = probe.end()
    s = summary(objects)
    assert (s["packets"], s["bytes"], s["kernel_dropped"]) == (packets, size, 0), (packets, size, s)
    assert size > 4_000_000 and size / packets > 2 * 1514, (size, packets)  # they were joined
    assert probe.said().count("which the kernel cuts") == 1, probe.said()


def refusal(folder, *args, prefix=()):
    """Standard error of a probe that does not start."""
    place = folder / "refused"
    place.mkdir(exist_ok=True)
    with LiveProbe(place, *args, prefix=prefix) as probe:
        assert probe.exit_status() == 1, probe.said()
        assert probe.objects() == []
        return probe.said()


def test_what_is_wrong_is_said_in_a_line(folder):
    config = write_config(folder / "probe.yaml")
    with Network() as net:
        assert refusal(folder, "-c", config, "-i", "near9").startswith("ns-probe: port near9: there is no such interface")
        said = refusal(folder, "-c", config, prefix=("setpriv", "--bounding-set=-net_raw"))
        assert said.startswith("ns-probe: port near0: not allowed to listen") and "setcap cap_net_raw" in said, said
        said = refusal(folder, "-c", config, prefix=("setpriv", "--bounding-set=-net_admin"))
        assert said.startswith("ns-probe: port near0: not allowed to set it up (Operation not permitted)"), said
        assert "setcap cap_net_raw,cap_net_admin" in said and len(said.splitlines()) == 1, said
        with LiveProbe(folder, "-c", config) as probe:
            probe.ready()
            said = refusal(folder, "-c", config)
            assert "another ns-probe runs here" in said and "--probe-id" in said, said
            net.replay(SAMPLE)  # the first one does not mind
            net.settle()
            objects = probe.end()
    assert counts(flows(objects)) == recorded([SAMPLE])


def test_check_tells_what_the_kernel_does_with_an_interfaces_packets(folder):
    # With a /sys of this network namespace, that nobody else sees. Of the root unshare leaves the propagation: in a chroot
    # it is no mount of its own.
    mounted = 'mount --make-private /sys && mount -t sysfs sysfs /sys && { "$@"; true; }'
    looked = lambda *args: call("unshare", "--mount", "--propagation", "unchanged", "sh", "-c", mounted, "sh",
                                PROBE, "--check", "-i", NEAR, *args, "--sink", "local")
    with Network() as net:
        found = looked("-q", 4)
        assert f"ok    offloads of {NEAR}: gro and lro are off" in found and "leave to tso or gso" in found, found
        assert f"ok    spread of {NEAR}: by the kernel's fanout" in found, found
        net.near("ethtool", "-K", NEAR, "gro", "on")
        found = looked()
        assert f"warn  offloads of {NEAR}: gro on" in found and f"ok    spread of {NEAR}: one queue" in found, found


if __name__ == "__main__":
    enter_namespace()
    main(globals())
