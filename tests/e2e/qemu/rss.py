"""The host's side of qemu-rss.sh: rss.py KERNEL INITRD. Makes a tap, starts the machine, sends, and checks."""
import collections
import ipaddress
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from captures_test import canonical, read_expected  # noqa: E402
from harness import CAPTURES, flows, ipv4_udp, write_pcap  # noqa: E402
from nats import WITH_TEST, check_exactly_once, read_lines, wait_for  # noqa: E402
from probe_net import call, enter_namespace  # noqa: E402

TAP, QUEUES = "wire0", 4  # tcpreplay takes what begins with "tap" for its own
CONNECTIONS = 2000
LIMIT_S = int(os.environ.get("RSS_LIMIT_S", "300"))
CAPTURED = [CAPTURES / f"{name}.pcap" for name in ("sample", "real_ipv6", "real_fragments")]


def craft(path):
    """Connections between as many hosts, both directions."""
    frames = []
    for i in range(CONNECTIONS):
        a, b, port = f"10.{i % 7}.{i // 250}.{i % 250}", f"172.16.{i % 11}.{i % 13}", 1024 + 7 * i
        frames += [ipv4_udp(a, b, port, 53), ipv4_udp(b, a, 53, port, payload=200)]
    write_pcap(path, list(enumerate(frames)))
    return path


def toeplitz(data):
    """As in Microsoft's "Verifying the RSS hash calculation", with the symmetric key 6d5a..."""
    key = int.from_bytes(b"\x6d\x5a" * 20, "big")
    value, bits = int.from_bytes(data, "big"), 8 * len(data)
    result = 0
    for bit in range(bits):
        if value >> (bits - 1 - bit) & 1:
            result ^= key >> (320 - 32 - bit) & 0xffffffff
    return result


def queue_of(key):
    src, dst, sport, dport, _ = key
    data = ipaddress.ip_address(src).packed + ipaddress.ip_address(dst).packed + sport.to_bytes(2, "big") + dport.to_bytes(2, "big")
    return toeplitz(data) % 128 % QUEUES  # the redirection table as virtio-net's driver makes it


class Machine:
    """A context manager. Its second serial line is a dialogue in lines. Emulated, not by KVM: it is the RSS of QEMU's NIC
    that counts here, not speed, and this runs everywhere, inside another virtual machine, too."""

    def __init__(self, kernel, initrd, folder):
        self.log = folder / "console.log"
        words = ["qemu-system-x86_64", "-nodefaults", "-no-reboot", "-display", "none", "-m", "2G", "-smp", str(QUEUES + 1),
                 "-machine", "q35,accel=tcg", "-cpu", "max",
                 "-device", "intel-iommu,intremap=on,caching-mode=on",
                 "-netdev", f"tap,id=net,ifname={TAP},script=no,downscript=no,queues={QUEUES},vhost=off",
                 "-device", f"virtio-net-pci,netdev=net,mq=on,vectors={2 * QUEUES + 2},rss=on,rx_queue_size=1024,"
                            "disable-legacy=on,iommu_platform=on",
                 "-serial", f"file:{self.log}", "-serial", "stdio", "-kernel", kernel, "-initrd", initrd,
                 "-append", "console=ttyS0 intel_iommu=on iommu=pt hugepages=192 panic=-1 quiet"]
        self.errors = open(folder / "qemu.log", "w+")
        self.process = subprocess.Popen([*WITH_TEST, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
                                        text=True)
        self.timer = threading.Timer(LIMIT_S, self.process.kill)
        self.timer.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.timer.cancel()
        self.process.kill()
        self.process.communicate()

    def read_until(self, last):
        lines = []
        for line in self.process.stdout:
            line = line.strip("\r\n")
            if line == last:
                return lines
            lines.append(line)
        self.errors.seek(0)
        raise AssertionError(f"no {last!r}: {lines[-20:]}\n{self.errors.read()}\n{self.log.read_text(errors='replace')[-3000:]}")

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()


def tap_sent():
    """(packets that the machine's NIC took, packets for which it had no room)"""
    line = next(line for line in pathlib.Path("/proc/self/net/dev").read_text().splitlines() if TAP in line)
    words = [int(word) for word in line.split(":")[1].split()]
    return words[9], words[11]


def main(kernel, initrd):
    enter_namespace()
    call("ip", "tuntap", "add", TAP, "mode", "tap", "multi_queue", "vnet_hdr")
    call("sh", "-c", f"echo 1 > /proc/sys/net/ipv6/conf/{TAP}/disable_ipv6")
    call("ip", "link", "set", TAP, "up")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        crafted = craft(folder / "crafted.pcap")
        with Machine(kernel, initrd, folder) as machine:
            machine.read_until("ready")
            successful = 0
            for capture in (*CAPTURED, crafted):
                said = call("tcpreplay", f"--intf1={TAP}", "--pps=10000", capture)
                successful += int(re.search(r"Successful packets:\s+(\d+)", said)[1])
            wait_for(lambda: sum(tap_sent()) == successful, lambda: f"{successful} packets at the NIC: {tap_sent()}")
            machine.say("end")
            lines = machine.read_until("done")
    logs = [line for line in lines if line.startswith("log: ")]
    print(*(line for line in logs if ": port " in line or ": measured " in line), sep="\n")
    check("\n".join(line for line in lines if line.startswith("{")), logs, successful)


def check(text, logs, sent):
    snapshots, health = read_lines(text)
    check_exactly_once(snapshots, health)
    assert any("spread by NIC, symmetric Toeplitz" in line for line in logs), logs
    assert not any("different queues" in line for line in logs), logs
    packets, lost = (sum(s[name] for s in snapshots) for name in ("rx_packets", "nic_missed"))
    took, refused = tap_sent()
    print(f"{sent} sent = {packets} measured + {lost} missed by the NIC + {refused} that found no room in the tap")
    assert packets + lost == took == sent - refused, (packets, lost, took, refused, sent)

    table, workers, share = collections.Counter(), collections.defaultdict(set), collections.Counter()
    for s in snapshots:
        for key, (count, size, *_) in canonical(flows(s["rows"])).items():
            table[key, "packets"] += count
            table[key, "bytes"] += size
            workers[key].add(s["worker"])
    if packets == sent:
        check_totals(table)

    both = wrong = 0
    for key, seen in workers.items():
        src, dst, sport, dport, protocol = key
        if protocol not in (6, 17) or not sport:
            continue
        back = workers.get((dst, src, dport, sport, protocol), set())
        assert len(seen | back) == 1, (key, seen, back)
        both += bool(back)
        wrong += seen != {queue_of(key)}
        if dst.startswith("172.16."):
            share[min(seen)] += 1
    print(f"{both // 2} connections with both directions on one queue; {wrong} flows on another queue than their hash says")
    print("crafted connections by queue:", *(f"{100 * share[q] / CONNECTIONS:.1f} %" for q in range(QUEUES)))
    assert both // 2 >= CONNECTIONS and wrong == 0, (both, wrong)
    assert all(0.2 < share[q] / CONNECTIONS < 0.3 for q in range(QUEUES)), share


def check_totals(table):
    expected = collections.Counter()
    for capture in CAPTURED:
        recorded, *_ = read_expected(CAPTURES / "expected" / f"{capture.stem}.tsv")
        for key, (count, size, *_) in canonical(recorded).items():
            expected[key, "packets"] += count
            expected[key, "bytes"] += size
    crafted = {key: count for key, count in table.items() if key[0][0].startswith(("10.", "172.16.")) and key not in expected}
    assert len(crafted) == 2 * 2 * CONNECTIONS and sum(crafted.values()) == CONNECTIONS * (2 + 60 + 242), len(crafted)
    assert {key: count for key, count in table.items() if key not in crafted} == expected


if __name__ == "__main__":
    main(*sys.argv[1:])
