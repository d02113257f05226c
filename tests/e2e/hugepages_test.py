"""With hugepages the same bytes come out as without them; reserves some for the test, where it may."""
import os
import re
import subprocess
import sys
import time

from harness import ANALYZER, CAPTURES, ROOT, SKIP, ipv4_udp, main, run, without_timing, write_pcap

SCRIPT = ROOT / "scripts" / "hugepages.sh"
PAGES = 128


def hugepages(field):
    with open("/proc/meminfo") as f:
        return int(re.search(rf"HugePages_{field}:\s+(\d+)", f.read())[1])


def test_the_output_is_the_same_and_hugepages_were_used(folder):
    files = [CAPTURES / name for name in ("sample.pcap", "real_jumbo_offload.pcap", "real_two_link_types.pcapng")]
    big = folder / "big.pcap"
    write_pcap(big, [(10**18 + i, ipv4_udp("192.0.2.1", "192.0.2.2", i % 5000, 53)) for i in range(200_000)])
    ordinary = [without_timing(run("-f", "json", "-p", "1s", "-w", workers, *files).stdout) for workers in (1, 2)]
    subprocess.run([SCRIPT, "reserve", "--size", "2M", "--count", str(PAGES)], check=True, stdout=subprocess.DEVNULL)
    try:
        huge = [without_timing(run("-f", "json", "-p", "1s", "-w", workers, *files).stdout) for workers in (1, 2)]
        free = hugepages("Free")
        process = subprocess.Popen([ANALYZER, *[big] * 60], stdout=subprocess.DEVNULL)
        least = free
        while process.poll() is None:
            least = min(least, hugepages("Free"))
            time.sleep(0.01)
        assert process.returncode == 0
        assert least < free, "no hugepage was taken"
    finally:
        subprocess.run([SCRIPT, "release"], check=True, stdout=subprocess.DEVNULL)
    assert huge == ordinary


if __name__ == "__main__":
    if os.geteuid() != 0 or hugepages("Total") != 0:
        print("not root, or hugepages are in use here")
        sys.exit(SKIP)
    if subprocess.run([SCRIPT, "reserve", "--size", "2M", "--count", str(PAGES)], check=False, capture_output=True).returncode != 0:
        subprocess.run([SCRIPT, "release"], check=False, capture_output=True)
        print("no hugepages are to be had here")
        sys.exit(SKIP)
    subprocess.run([SCRIPT, "release"], check=True, stdout=subprocess.DEVNULL)
    main(globals())
