"""How each program that is timed over a capture file is started, and what it says."""
import dataclasses
import os
import pathlib
import shutil
import subprocess
import threading
import time

TIMEOUT_S = 600


class CheckFailed(Exception):
    """A program is missing or broken, or its result is not what was generated."""


@dataclasses.dataclass
class Run:
    seconds: float
    cpu_seconds: float
    output: str


class Programs:
    """How each program is started, and what it is to say; all of them write into `folder` only."""

    def __init__(self, build, folder):
        self.build = pathlib.Path(build)
        self.folder = folder
        self.environment = {**os.environ, "LC_ALL": "C", "TZ": "UTC", "HOME": str(folder),
                            "WIRESHARK_CONFIG_DIR": str(folder / "wireshark")}

    def path(self, name):
        built = {"pcap-analyzer": "app/pcap-analyzer/pcap-analyzer", "pmd-floor": "bench/pmd-floor",
                 "core-check": "bench/core-check",
                 "generate-capture": "bench/generate-capture"}
        found = self.build / built[name] if name in built else \
            shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        if not found or not os.access(found, os.X_OK):
            raise CheckFailed(f"{name}: not found")
        return str(found)

    def run(self, name, *args):
        command = [self.path(name), *map(str, args)]
        with open(self.folder / "stdout", "w+b") as out, open(self.folder / "stderr", "w+b") as err:
            start = time.perf_counter()
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=self.folder,
                                     env=self.environment)
            timer = threading.Timer(TIMEOUT_S, child.kill)
            timer.start()
            try:
                # wait4 also gives the CPU time, of the child and of those that it waited for.
                _, status, usage = os.wait4(child.pid, 0)
                seconds = time.perf_counter() - start
                child.returncode = os.waitstatus_to_exitcode(status)
            except BaseException:
                child.kill()
                child.wait()
                raise
            finally:
                timer.cancel()
            out.seek(0)
            err.seek(0)
            output, talk = out.read().decode(errors="replace"), err.read().decode(errors="replace")
        if child.returncode != 0:
            last = (talk.strip() or output.strip() or "no word").splitlines()[-1]
            raise CheckFailed(f"{name}: exit status {child.returncode}: {last}")
        return Run(seconds, usage.ru_utime + usage.ru_stime, output)

    def generate(self, capture):
        file = self.folder / f"{capture.name}.pcap"
        self.run("generate-capture", "--packets", capture.packets, "--flows", capture.flows, "--size", capture.size,
                 "--zipf", capture.zipf, file)
        return file

    # Of one program each: run it over a file.

    def pcap_analyzer(self, file, top=10):
        result = self.folder / "analyzer.json"
        run = self.run("pcap-analyzer", "-f", "json", "-n", top, "-o", result, file)
        run.output = result.read_text()
        return run

    def pmd_floor(self, file):
        return self.run("pmd-floor", file)

    def spin_ns(self):
        return float(self.run("core-check").output)

    def nfpcapd(self, file):
        flows = self.folder / "nfpcapd"
        shutil.rmtree(flows, ignore_errors=True)
        flows.mkdir()
        return self.run("nfpcapd", "-r", file, "-w", flows)

    def softflowd(self, file):
        # With its default of 8192 flows it expires most of them early.
        return self.run("softflowd", "-d", "-p", self.folder / "softflowd.pid", "-c", self.folder / "softflowd.ctl",
                        "-m", 1_000_000, "-r", file)

    def tshark(self, file):
        return self.run("tshark", "-n", "-q", "-z", "conv,ip", "-r", file)

    def pmacctd(self, file):
        # The core process sleeps for 1 ms per buffer that it hands to the plugin: large ones.
        config, flows = self.folder / "pmacctd.conf", self.folder / "pmacctd.csv"
        flows.unlink(missing_ok=True)
        config.write_text(f"daemonize: false\npcap_savefile: {file}\nplugins: print\n"
                          "aggregate: src_host, dst_host, src_port, dst_port, proto\n"
                          f"print_output: csv\nprint_output_file: {flows}\nprint_cache_entries: 65537\n"
                          "plugin_buffer_size: 1048576\nplugin_pipe_size: 104857600\n")
        run = self.run("pmacctd", "-z", "-f", config)
        run.output = flows.read_text() if flows.exists() else ""
        return run
