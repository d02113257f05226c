"""What is wrong, ns-probe says in one line that names the culprit and what to do; and what it can live with, it lives with."""
import json
import os
import re
import shutil
import subprocess
import sys
import time

from harness import CAPTURES, SKIP, main, without_timing
from nats import (PROBE, SITE, NatsServer, Probe, check_exactly_once, missing_programs, probe_args, read_back, report,
                  run_probe)

SAMPLE = CAPTURES / "sample.pcap"
REPLAY = ("-i", f"pcap:{SAMPLE}")
LIVE = ("-i", f"vdev:net_pcap0,rx_pcap={SAMPLE},infinite_rx=1", "-p", "100ms")
LOCAL = ("--sink", "local", "-f", "json")
FLOWS = ("-t", "flows=exact:src_ip,dst_ip,src_port,dst_port,protocol")


def refused(done, status, *needles):
    """One line on standard error with all of that in it, nothing on standard output."""
    assert done.returncode == status, (done.args, done.returncode, done.stderr)
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("ns-probe: "), done.stderr
    for needle in needles:
        assert needle in lines[0], (needle, lines[0])
    assert not done.stdout, done.stdout


def failed_at_its_end(done, *needles):
    """It ran, and said at the end what could not be done."""
    assert done.returncode == 1, (done.args, done.returncode, done.stderr)
    for needle in needles:
        assert needle in done.stderr, (needle, done.stderr)


def test_ports_that_are_not_there(folder):
    (folder / "text.pcap").write_text("no packets here, though it is long enough for a header\n")
    refused(run_probe("-i", "nosuch0", *LOCAL), 1, "port nosuch0", "no such interface", "ip -br link")
    refused(run_probe("-i", "0000:fe:1f.7", *LOCAL), 1, "port 0000:fe:1f.7", "no such PCI device", "lspci -D")
    refused(run_probe("-i", "no such", *LOCAL), 2, "no such", "PCI address", "pcap:FILE")
    refused(run_probe("-i", "vdev:net_nosuch0", *LOCAL), 1, "port vdev:net_nosuch0", "cannot open it")
    refused(run_probe("-i", "vdev:net_pcap0,rx_pcap=/nonexistent", *LOCAL), 1, "rx_pcap=/nonexistent", "cannot open it")
    refused(run_probe("-i", f"pcap:{folder}/none.pcap", *LOCAL), 1, f"{folder}/none.pcap", "No such file")
    refused(run_probe("-i", f"pcap:{folder}/text.pcap", *LOCAL), 1, f"{folder}/text.pcap", "not a capture file")
    refused(run_probe("-i", "pcap:", *LOCAL), 2, "pcap:")
    refused(run_probe(*LOCAL), 2, "no port is given", "--port")


def test_a_capture_that_breaks_off_is_measured_to_there(folder):
    file = CAPTURES / "bad" / "record_cut.pcap"
    done = run_probe("-i", f"pcap:{file}", *LOCAL)
    failed_at_its_end(done, str(file))
    assert '"type":"summary"' in done.stdout


def test_eal_arguments_for_cpus_that_are_not_there(folder):
    for cpus in ("1023", "0,1023"):
        # All arguments before `--` are the EAL's, the rest is the probe's.
        refused(run_probe("-l", cpus, "--", *REPLAY, *LOCAL), 1, f'"-l {cpus}"', "lcore 1023")


def test_all_mistakes_of_a_configuration_at_once(folder):
    config = folder / "c.yaml"
    config.write_text("period: 10ms\n"
                      "ports: [{spec: eth1, queues: 0}]\n"
                      "tasks: [{name: x, kind: none, fields: [src_ip]}]\n"
                      "nats: {url: 'http://x', nothing: 1}\n")
    done = run_probe("-c", config)
    assert done.returncode == 2, done.stderr
    for line, needle in ((1, "period"), (2, "ports[0].queues"), (3, "tasks[0].kind"), (4, "nats.url"), (4, "nats.nothing: unknown key")):
        assert re.search(rf"^ns-probe: {re.escape(str(config))}:{line}: {re.escape(needle)}", done.stderr, re.M), (needle, done.stderr)
    assert len(done.stderr.splitlines()) == 5, done.stderr
    refused(run_probe("-c", folder / "none.yaml"), 2, f"{folder}/none.yaml", "No such file")


def test_results_that_cannot_be_written(folder):
    (folder / "file").touch()
    refused(run_probe(*REPLAY, *LOCAL, "-o", folder / "none" / "out"), 1, f"{folder}/none/out", "No such file")
    refused(run_probe(*REPLAY, *LOCAL, "--store", f"files:{folder}/file"), 1, f"{folder}/file")
    refused(run_probe(*REPLAY, *LOCAL, "--store", "nothing:here"), 2, "nothing:", "files:DIR")
    failed_at_its_end(run_probe(*REPLAY, *LOCAL, "-o", "/dev/full"), "ns-probe: /dev/full: No space left on device")
    with open("/dev/full", "w") as full:
        failed_at_its_end(run_probe(*REPLAY, *LOCAL, stdout=full), "standard output: No space left on device")
        assert run_probe("--help", stdout=full).returncode == 1


def test_nats_that_cannot_be_used(folder):
    login = 'authorization { user: "probe", password: "e2e-secret" }'
    config = folder / "c.yaml"
    config.write_text("nats: {user: probe, password: '${E2E_PASSWORD}'}\n")
    password = lambda text: {"env": {**os.environ, "E2E_PASSWORD": text}}
    with NatsServer(folder, login) as nats:
        refused(run_probe(*REPLAY, nats=nats), 1, nats.url, "login refused", "no login")
        refused(run_probe(*REPLAY, "-c", config, nats=nats, **password("another")), 1, nats.url, "login refused", "user 'probe'")
        refused(run_probe("--mode", "sub", nats=nats), 1, nats.url, "login refused")
        done = run_probe(*REPLAY, "-c", config, nats=nats, **password("e2e-secret"))
        assert done.returncode == 0 and "e2e-secret" not in done.stderr, done.stderr
        check = run_probe("--check", *REPLAY, nats=nats)
        assert check.returncode == 1 and re.search(r"^FAULT NATS: .*login refused", check.stdout, re.M), check.stdout
    refused(run_probe("--mode", "sub", nats=nats), 1, nats.url, "cannot be reached")


def test_a_spool_that_cannot_be_used(folder):
    (folder / "file").touch()
    with NatsServer(folder) as nats:
        refused(run_probe(*REPLAY, "--spool", folder / "file" / "spool", nats=nats), 1, f"{folder}/file/spool", "Not a directory", "folder")
        refused(run_probe(*REPLAY, "--spool", folder / "none" / "spool", nats=nats), 1, f"{folder}/none/spool", "No such file", "folder")
        with Probe(folder, *LIVE, *FLOWS, "--spool", folder / "spool", nats=nats) as other:
            other.wait_epochs(1)
            refused(run_probe(*REPLAY, "--spool", folder / "spool", nats=nats, probe_id="second"), 1, f"spool {folder}/spool",
                    f"in use by process {other.process.pid}", "spool folder of its own")


def test_what_another_process_has(folder):
    with NatsServer(folder) as nats, Probe(folder, *LIVE, *FLOWS, nats=nats) as other:
        other.wait_epochs(1)
        refused(run_probe(*REPLAY, nats=nats), 1, f"{SITE}/probe", "--probe-id")
        refused(run_probe(*REPLAY, "--metrics", f"127.0.0.1:{other.port}", nats=nats, probe_id="second"), 1, f"127.0.0.1:{other.port}",
                "Address already in use", "ss -ltnp")
        refused(run_probe(*REPLAY, "--metrics", "0.0.0.0:9464", nats=nats, probe_id="second"), 2, "--metrics", "loopback")
        assert run_probe(*REPLAY, nats=nats, probe_id="second").returncode == 0, "with a name of its own it is welcome"
        assert other.end() == 0, other.said()
        assert run_probe(*REPLAY, nats=nats).returncode == 0, "the name is free again"


def test_a_cpu_that_another_poller_has(folder):
    with NatsServer(folder) as nats, Probe(folder, *LIVE, *FLOWS, nats=nats) as other:
        cpu = int(other.wait_epochs(1)["worker_cpu"])
        second = [*LIVE, *FLOWS, "--duration", "1s"]
        # Derived, and by EAL arguments of one's own.
        for eal in ((), ("--no-huge", "-m", 256, "--no-shconf", "--no-pci", "--lcores", f"0@{cpu},1@{cpu}", "--")):
            # Other programs may take the poller's CPU for a while: then it is none.
            until = time.monotonic() + 120
            while (run := run_probe(*eal, *second, nats=nats, probe_id="second")).returncode == 0 and time.monotonic() < until:
                pass
            refused(run, 1, "is polled by", f"(process {other.process.pid}) already", "taskset -c", "--share-cpus")
        shared = run_probe(*second, "--share-cpus", nats=nats, probe_id="second")
        assert shared.returncode == 0, shared.stderr
        assert other.end() == 0, other.said()


def in_a_small_filesystem(size, folder, args):
    """The command with a full disk of its own on `folder`, in a mount namespace that goes with it."""
    return ["unshare", "-m", "sh", "-c", f'mount -t tmpfs -o size={size} tmpfs "$0" && exec "$@"', str(folder), *args]


def test_a_spool_on_a_full_disk_goes_on_in_memory_and_loses_nothing(folder):
    disk = folder / "disk"
    disk.mkdir()
    if os.geteuid() != 0 or subprocess.run(in_a_small_filesystem("64k", disk, ["true"]), check=False, capture_output=True).returncode != 0:
        return print("may not mount a small filesystem: not tested")
    with NatsServer(folder) as nats:
        nats.kill()
        wrap = lambda args: in_a_small_filesystem("64k", disk, args)
        with Probe(folder, *LIVE, *FLOWS, "--spool", disk, nats=nats, wrap=wrap) as probe:
            probe.wait_said(f"spool {disk}: ")
            assert re.search(rf"spool {disk}: .*No space left on device; .*kept in memory", probe.said()), probe.said()
            m = probe.wait_metrics(lambda m: m["nats_queued_messages"] > 0 and m["nats_spooled_messages"] > 0,
                                   "messages on disk and in memory")
            assert m["nats_dropped_messages_total"] == 0, m
            nats.start()
            probe.wait_published(nats, tasks=1)
            assert probe.end() == 0, probe.said()
        epochs, = check_exactly_once(*read_back(folder, nats)).values()
        reported = probe.reported()
        assert (len(epochs), sum(epoch["rx_packets"] for epoch in epochs.values())) == (reported["epochs"], reported["packets"])


def test_without_privileges_it_measures_the_same(folder):
    """An ordinary user; with ordinary memory where there are no hugepages, and where they are not to be used."""
    drop = []
    if os.geteuid() == 0:
        drop = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"]
        os.chown(folder, 65534, 65534)
    capture = folder / "sample.pcap"
    shutil.copy(SAMPLE, capture)
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(folder)}
    if subprocess.run([*drop, PROBE, "--version"], check=False, capture_output=True).returncode != 0:
        return print(f"{PROBE} is not for everybody: not tested")
    unprivileged = lambda *args: subprocess.run([*drop, *probe_args(*args)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                                timeout=60, check=False, env=environment)
    replay = unprivileged("-i", f"pcap:{capture}", *LOCAL)
    assert replay.returncode == 0, replay.stderr
    assert without_timing(replay.stdout) == without_timing(run_probe("-i", f"pcap:{capture}", *LOCAL).stdout)
    cpu = min(os.sched_getaffinity(0))
    ordinary = unprivileged("--no-huge", "-m", 256, "--no-shconf", "--no-pci", "--lcores", f"0@{cpu},1@{cpu}", "--",
                            "-i", f"pcap:{capture}", *LOCAL)
    assert ordinary.returncode == 0 and without_timing(ordinary.stdout) == without_timing(replay.stdout), ordinary.stderr
    live = unprivileged("-i", f"vdev:net_pcap0,rx_pcap={capture},infinite_rx=1", "-p", "100ms", "--duration", "300ms", *LOCAL)
    assert live.returncode == 0, live.stderr
    assert json.loads(live.stdout.splitlines()[-1])["packets"] == report(live.stderr)["packets"] > 1000, live.stdout


def test_check_finds_what_the_start_would(folder):
    with NatsServer(folder) as nats:
        done = run_probe("--check", *REPLAY, "--spool", folder / "spool", nats=nats)
        assert done.returncode == 0 and not done.stderr, (done.stdout, done.stderr)
        for line in done.stdout.splitlines():
            assert re.match(r"(ok   |warn |FAULT) [^:]+.*: .+|      mend: .+", line), line
        assert "FAULT" not in done.stdout, done.stdout
        assert f"ok    NATS: connected to {nats.url}; stream NETSPECTRA will be made" in done.stdout, done.stdout
        assert not nats.stream() and not (folder / "spool").exists(), "it only looks"
        assert run_probe(*REPLAY, *FLOWS, "-p", "1m", nats=nats).returncode == 0
        found = run_probe("--check", *REPLAY, nats=nats).stdout
        assert f"stream NETSPECTRA holds {nats.messages()} messages, " in found, found
        done = run_probe("--check", "-i", f"pcap:{folder}/none.pcap", "-i", "pcap:/", nats=nats)
        assert done.returncode == 1 and f"FAULT port pcap:{folder}/none.pcap" in done.stdout, done.stdout
    (folder / "plain").mkdir()
    with NatsServer(folder / "plain", jetstream=False) as plain:
        done = run_probe("--check", *REPLAY, nats=plain)
        assert done.returncode == 0, done.stdout
        assert re.search(rf"^warn  NATS: connected to {plain.url}; it has no JetStream", done.stdout, re.M), done.stdout
    done = run_probe("--check", *REPLAY, nats=nats)
    assert done.returncode == 0 and re.search(rf"^warn  NATS: {nats.url}: cannot be reached", done.stdout, re.M), done.stdout
    done = run_probe("--check", *REPLAY, "--spool", folder / "none" / "spool", nats=nats)
    assert done.returncode == 1 and f"FAULT spool: {folder}/none/spool cannot be made" in done.stdout, done.stdout
    config = folder / "wrong.yaml"
    config.write_text("ports: [{spec: lo, driver_settings: {rx_descriptors: many, mtuu: 1}}]\n")
    for args in (), ("--check",):
        done = run_probe("-c", config, *args, *LOCAL)
        assert done.returncode == 2 and "rx_descriptors: many" in done.stderr and "mtuu" in done.stderr, done
    done = run_probe("--check", *REPLAY, *LOCAL)
    assert done.returncode == 0 and not re.search(r"spool|NATS", done.stdout), done.stdout


def test_check_and_start_agree_on_the_limit_of_locked_memory(folder):
    drop = ["setpriv", "--inh-caps=-ipc_lock", "--bounding-set=-ipc_lock"]
    if os.geteuid() != 0:
        return print("may not listen to interfaces: not tested")
    config = folder / "c.yaml"  # frames of 16 KiB on the loopback, for RX and TX: 1 MiB for each queue
    config.write_text("ports: [{spec: lo, queues: 2, driver_settings: {rx_descriptors: 32}}]\n")
    for limit, status, level in ((1 << 20, 0, "ok    memlock"), ((1 << 20) - 1, 1, "FAULT memlock: at most 0 MiB may be locked, 1 MiB")):
        limited = lambda *args: subprocess.run(["prlimit", f"--memlock={limit}:{limit}", *drop, *probe_args("-c", config, *args, *LOCAL)],
                                               stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        started = limited("-p", "1s", "--duration", "200ms", "--share-cpus")
        assert started.returncode == status, started.stderr
        assert status == 0 or "the rings of each queue lock 1 MiB of memory, and 0 are allowed" in started.stderr, started.stderr
        check = limited("--check")
        assert check.returncode == status and level in check.stdout, check.stdout


if __name__ == "__main__":
    if missing := missing_programs():
        print("not here:", *missing)
        sys.exit(SKIP)
    main(globals())
