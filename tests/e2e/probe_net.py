"""A network for ns-probe's tests: two namespaces with a veth pair between them, senders, and ns-probe at one end.

The test's process moves into a namespace of its own, with `near0`, where ns-probe listens. `far0`, from where packets are
sent, is in a second one, which lives as long as a process that ends with the test. Nothing stays behind, whichever way a
test ends.

Environment: NS_PROBE = the program. Needs root, iproute2, ethtool, tcpreplay and nats-server. Standard library only.
"""
import contextlib
import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys

from harness import SKIP, write_pcap
from nats import PROBE, SITE, WITH_TEST, wait_for

NEAR, FAR = "near0", "far0"
PERIOD_LINE = r", busy .*\n"
LIMIT_S = 60  # for what takes a second on an idle machine
FIVE_TUPLE = {"name": "per_five_tuple", "kind": "exact", "capacity": "64k",
              "fields": ["src_ip", "dst_ip", "src_port", "dst_port", "protocol"]}

SOL_PACKET, PACKET_STATISTICS, ETH_P_ALL, SO_RCVBUFFORCE, CLONE_NEWNET = 263, 6, 3, 33, 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def call(*words):
    done = subprocess.run([str(w) for w in words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=2 * LIMIT_S, check=False)
    assert done.returncode == 0, f"{words}: exit status {done.returncode}: {done.stdout}"
    return done.stdout


def enter_namespace():
    """Moves this process into a network namespace of its own; where that is not possible, says why and skips."""
    missing = [tool for tool in ("ip", "ethtool", "tcpreplay", "nats-server", "nsenter", "setpriv") if not shutil.which(tool)]
    why = ""
    if os.geteuid() != 0:
        why = "needs root, for network namespaces of its own"
    elif missing:
        why = f"needs {', '.join(missing)}: scripts/install-deps.sh test"
    elif libc.unshare(CLONE_NEWNET) != 0:
        why = f"no network namespace: {os.strerror(ctypes.get_errno())}"
    elif subprocess.run(["ip", "link", "add", "try0", "type", "veth"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        why = "this kernel has no veth"
    if why:
        print(f"skipped: {why}")
        sys.exit(SKIP)
    call("ip", "link", "del", "try0")
    call("ip", "link", "set", "lo", "up")


class Listener:
    """A packet socket, in whichever namespace the thread is."""

    def __init__(self, interface, buffer_bytes):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, buffer_bytes)
        self.socket.bind((interface, ETH_P_ALL))
        self.socket.setblocking(False)
        self.counts = [0, 0]

    def statistics(self):
        """Packets that came by, and those of them for which the socket had no room."""
        packets, dropped = struct.unpack("=II", self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))  # since the last time
        self.counts = [self.counts[0] + packets, self.counts[1] + dropped]
        return self.counts

    def save(self, path):
        """Writes a capture of all that came by, both directions."""
        packets, dropped = self.statistics()
        assert dropped == 0
        write_pcap(path, [(i, self.socket.recv(65536)) for i in range(packets)])
        return path


class Network:
    """near0 here and far0 in a namespace of its own, up, and without offloads that join packets. A context manager. Several
    want names of their own."""

    def __init__(self, queues=4, mtu=1500, addresses=False, names=(NEAR, FAR)):
        self.near_name, self.far_name = names
        self.far_side = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        try:
            self.make(queues, mtu, addresses)
        except BaseException:
            self.__exit__()
            raise

    def make(self, queues, mtu, addresses):
        here = os.readlink("/proc/self/ns/net")
        wait_for(lambda: os.readlink(f"/proc/{self.far_side.pid}/ns/net") != here, "the second namespace")
        rings = ["numrxqueues", queues, "numtxqueues", queues, "mtu", mtu]
        call("ip", "link", "add", self.near_name, *rings, "type", "veth",
             "peer", "name", self.far_name, *rings, "netns", self.far_side.pid)
        for number, (side, name) in enumerate(self.sides(), start=1):
            side("ethtool", "-K", name, "gro", "off", "gso", "off", "tso", "off")
            if addresses:
                side("ip", "address", "add", f"10.9.0.{number}/24", "dev", name)
                side("ip", "address", "add", f"fd09::{number}/64", "dev", name, "nodad")
            else:  # the kernel says nothing of its own accord
                side("sh", "-c", f"echo 1 > /proc/sys/net/ipv6/conf/{name}/disable_ipv6")
            side("ip", "link", "set", name, "up")
        self.wait_until_up()
        # Whether it has room or not, it counts what comes to the packet sockets of this end.
        self.witness = Listener(self.near_name, 0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["ip", "link", "del", self.near_name], stderr=subprocess.DEVNULL, check=False)
        self.far_side.stdin.close()
        self.far_side.wait()

    near = staticmethod(call)

    def sides(self):
        return (self.near, self.near_name), (self.far, self.far_name)

    def far_words(self, *words):
        return ["nsenter", f"--target={self.far_side.pid}", "--net", *map(str, words)]

    def far(self, *words):
        return call(*self.far_words(*words))

    @contextlib.contextmanager
    def at_far(self):
        """Sockets that are made meanwhile are far0's, and stay so."""
        with open("/proc/thread-self/ns/net", encoding="ascii") as here, open(f"/proc/{self.far_side.pid}/ns/net", encoding="ascii") as there:
            assert libc.setns(there.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            try:
                yield
            finally:
                assert libc.setns(here.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())

    def wait_until_up(self):
        for side, name in self.sides():
            wait_for(lambda side=side, name=name: "state UP" in side("ip", "link", "show", name), f"{name} to be up", LIMIT_S)

    def sent(self):
        """(packets that far0 has sent, packets that it could not hand over, for want of room in a CPU's backlog)"""
        line = next(line for line in pathlib.Path(f"/proc/{self.far_side.pid}/net/dev").read_text().splitlines()
                    if line.split(":")[0].strip() == self.far_name)
        words = [int(word) for word in line.split(":")[1].split()]
        return words[9], words[11]

    def arrived(self):
        """Packets at near0 since the network was made."""
        return self.witness.statistics()[0]

    def settle(self):
        """Waits until all that was sent is there; how many packets that are."""
        sent = self.sent()[0]
        wait_for(lambda: self.arrived() == sent, lambda: f"{sent} packets, not {self.arrived()}", LIMIT_S)
        return sent

    def replay(self, *captures, loop=1, packets_per_second=None):
        """Sends captures with tcpreplay, as fast as that can or as is said; the packets that it sent, which far0 counts alike."""
        speed = f"--pps={packets_per_second}" if packets_per_second else "--topspeed"
        before = sum(self.sent())
        said = self.far("tcpreplay", f"--intf1={self.far_name}", speed, f"--loop={loop}", *captures)
        successful, failed = (int(re.search(rf"{kind} packets:\s+(\d+)", said)[1]) for kind in ("Successful", "Failed"))
        assert failed == 0 and successful == sum(self.sent()) - before, said
        return successful

    @contextlib.contextmanager
    def replaying(self, capture, packets_per_second):
        """Sends a capture over and over, until this ends."""
        words = self.far_words("tcpreplay", "--quiet", f"--intf1={self.far_name}", f"--pps={packets_per_second}", "--loop=0",
                               capture)
        process = subprocess.Popen([*WITH_TEST, *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            before = self.arrived()
            wait_for(lambda: self.arrived() > before, "the first packet of tcpreplay", LIMIT_S)
            yield
            assert process.poll() is None, f"tcpreplay ended with {process.returncode}"
        finally:
            process.kill()
            process.wait()


def write_config(path, queues=1, tasks=(FIVE_TUPLE,), settings=None, sink="local", port=NEAR, period="200ms"):
    """A configuration for a live port. JSON is YAML."""
    settings = {"rx_descriptors": 2048, **(settings or {})}
    config = {"site": SITE, "period": period, "sink": sink, "tasks": list(tasks),
              "ports": [{"spec": port, "queues": queues, "driver_settings": settings}]}
    if sink == "local":
        config["format"] = "json"
    path.write_text(json.dumps(config, indent=1))
    return path


class LiveProbe:
    """A running ns-probe; its standard output and error are files. A context manager."""

    def __init__(self, folder, *args, prefix=()):
        self.out, self.err = folder / "probe.out", folder / "probe.err"
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen([*WITH_TEST, *prefix, PROBE, *map(str, args)], stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=err)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def said(self):
        return self.err.read_text()

    def wait_said(self, pattern, times=1):
        """Until standard error matches so many times."""
        def seen():
            return len(re.findall(pattern, self.said())) >= times
        wait_for(lambda: seen() or self.process.poll() is not None,
                 lambda: f"{times} times {pattern!r} in: ...{self.said()[-2000:]}", LIMIT_S)
        assert seen(), (pattern, times, self.process.returncode, self.said())

    def periods(self):
        return len(re.findall(PERIOD_LINE, self.said()))

    def wait_periods(self, more):
        self.wait_said(PERIOD_LINE, self.periods() + more)

    def ready(self):
        """Until the first period is over: by then it listens, and takes signals."""
        self.wait_periods(1)
        return self

    def send(self, number):
        self.process.send_signal(number)

    def freeze(self):
        """Until signal(SIGCONT), nothing is polled."""
        self.send(signal.SIGSTOP)
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task")
        wait_for(lambda: all(") T " in stat.read_text() for stat in tasks.glob("*/stat")), "all threads to stand still", LIMIT_S)

    def exit_status(self):
        return self.process.wait(timeout=LIMIT_S)

    def end(self, number=signal.SIGTERM):
        """Ends it with a signal; the objects that it printed."""
        self.send(number)
        status = self.exit_status()
        assert status == 0, (status, self.said())
        return self.objects()

    def wait_record(self, task, from_ns=0):
        """Until it has printed a record of a task in an epoch that begins at that time or later."""
        wait_for(lambda: any(o["type"] == "record" and o["task"] == task and o["epoch_start_ns"] >= from_ns for o in self.objects()),
                 lambda: f"a record of {task} in: ...{self.said()[-2000:]}", LIMIT_S)

    def objects(self):
        """All that it has printed up to now, but a line that is not whole yet."""
        return [json.loads(line) for line in self.out.read_text().split("\n")[:-1]]
