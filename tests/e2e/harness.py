"""What the end-to-end tests share: running pcap-analyzer, reading its JSON, building captures.

Environment: PCAP_ANALYZER = the program. Standard library only.
"""
import ipaddress
import json
import os
import pathlib
import struct
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
CAPTURES = ROOT / "tests" / "captures"
ANALYZER = os.environ.get("PCAP_ANALYZER", str(ROOT / "build" / "app" / "pcap-analyzer" / "pcap-analyzer"))
SKIP = 77  # the exit status that meson reads as "skipped"


def run(*args, **options):
    """Runs pcap-analyzer; the CompletedProcess has text output. Keyword arguments go to subprocess.run."""
    options.setdefault("timeout", 120)
    return subprocess.run([ANALYZER, *map(str, args)], stdin=subprocess.DEVNULL, stdout=options.pop("stdout", subprocess.PIPE),
                          stderr=subprocess.PIPE, text=True, **options)


def run_json(*args, status=0, **options):
    """The objects that `--format json` prints."""
    done = run("-f", "json", *args, **options)
    assert done.returncode == status, f"exit status {done.returncode}, not {status}: {done.stderr}"
    return [json.loads(line) for line in done.stdout.splitlines()]


def flows(objects, task="per_five_tuple"):
    """{(src, dst, sport, dport, protocol): [packets, bytes, first_ns, last_ns]}, added up over epochs."""
    table = {}
    for o in objects:
        if o["type"] != "record" or o["task"] != task:
            continue
        key = (o["src_ip"], o["dst_ip"], o["src_port"], o["dst_port"], o["protocol"])
        add(table, key, o["packets"], o["bytes"], o["first_seen_ns"], o["last_seen_ns"])
    return table


def add(table, key, packets, size, first, last):
    flow = table.setdefault(key, [0, 0, first, last])
    flow[0] += packets
    flow[1] += size
    flow[2] = min(flow[2], first)
    flow[3] = max(flow[3], last)


def summary(objects):
    assert objects[-1]["type"] == "summary", objects[-1]
    return objects[-1]


def without_timing(text):
    """JSON Lines with the one figure taken out that differs between two runs."""
    lines = text.splitlines()
    last = json.loads(lines[-1])
    assert last.pop("elapsed_s") >= 0
    return lines[:-1] + [json.dumps(last)]


def check_books(objects):
    """Every packet is accounted for, in the summary and in every task."""
    s = summary(objects)
    assert s["packets"] == s["ip_packets"] + s["not_ip"] + sum(s["malformed"].values()), s
    tasks = {}
    for o in objects:
        if o["type"] in ("record", "overflow"):
            tasks[o["task"]] = tasks.get(o["task"], 0) + o["packets"]
    for task, packets in tasks.items():
        assert packets == s["ip_packets"], (task, packets, s)


def ipv4_udp(src, dst, sport, dport, payload=18):
    """An Ethernet frame with an IPv4 UDP packet."""
    udp = struct.pack(">HHHH", sport, dport, 8 + payload, 0) + bytes(payload)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
                     ipaddress.ip_address(src).packed, ipaddress.ip_address(dst).packed)
    return bytes(12) + b"\x08\x00" + ip + udp


def write_pcap(path, packets, magic=0xa1b23c4d, link=1):
    """packets: (ts_ns, frame) or (ts_ns, frame, wire_len); little-endian, nanoseconds."""
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", magic, 2, 4, 0, 0, 262144, link))
        for ts, frame, *wire in packets:
            f.write(struct.pack("<IIII", ts // 10**9, ts % 10**9, len(frame), wire[0] if wire else len(frame)))
            f.write(frame)


def main(namespace):
    """Runs every test_* function of a module; prints a line for each; exits 1 when any failed."""
    import sys
    import tempfile
    import traceback
    failed = 0
    for name, function in sorted(namespace.items()):
        if not name.startswith("test_"):
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                function(pathlib.Path(folder))
                print(f"ok {name}", flush=True)
            except Exception:
                failed += 1
                traceback.print_exc(file=sys.stdout)
                print(f"FAIL {name}", flush=True)
    sys.exit(1 if failed else 0)
