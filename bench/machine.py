"""What a figure was measured on."""
import json
import os
import pathlib
import platform
import shlex
import subprocess


def read(path, default=""):
    try:
        return pathlib.Path(path).read_text()
    except OSError:
        return default


def cpu_model():
    for line in read("/proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"


def virtual():
    """The hypervisor, as far as the machine tells."""
    if "hypervisor" not in read("/proc/cpuinfo").split():
        return "bare metal"
    vendor = " ".join(filter(None, (read(f"/sys/class/dmi/id/{f}").strip() for f in ("sys_vendor", "product_name"))))
    return "virtual machine" + (f" ({vendor})" if vendor else "")


def compiler(build):
    try:
        commands = json.loads((pathlib.Path(build) / "compile_commands.json").read_text())
        words = [word for word in shlex.split(commands[0]["command"]) if os.path.basename(word) != "ccache"]
        said = subprocess.run([words[0], "--version"], capture_output=True, text=True, check=True).stdout
        return said.splitlines()[0]
    except (OSError, ValueError, LookupError, subprocess.CalledProcessError):
        return "unknown"


def hugepages():
    """(total, free, kB each) of the default size."""
    facts = dict(line.split(":", 1) for line in read("/proc/meminfo").splitlines() if ":" in line)

    def number(key):
        return int(facts.get(key, "0").split()[0])
    return number("HugePages_Total"), number("HugePages_Free"), number("Hugepagesize")


def chosen(path):
    """The bracketed word of a sysfs choice: "always [madvise] never" -> "madvise"."""
    return next((word[1:-1] for word in read(path).split() if word.startswith("[")), "absent")


def describe(build, load_average, context):
    """{label: text}. `context` is what ns-bench says of itself in its JSON: the memory that it really got."""
    total, free, kb = hugepages()
    caches = ", ".join(f"L{cache['level']} {cache['size'] >> 10} KiB" for cache in context.get("caches", [])
                       if cache["type"] != "Instruction")
    return {
        "CPU": cpu_model(),
        "cores": f"{len(os.sched_getaffinity(0))} of {os.cpu_count()}",
        **({"caches": caches} if caches else {}),
        "machine": virtual(),
        "memory": f"{int(read('/proc/meminfo', 'MemTotal: 0').split()[1]) / 2**20:.1f} GiB",
        "kernel": platform.release(),
        "compiler": compiler(build),
        "pages of the tables": context.get("table_pages", "unknown") + " (transparent huge pages: " +
                               chosen("/sys/kernel/mm/transparent_hugepage/enabled") + ")",
        "mbuf pools": context.get("eal_memory", "unknown") + f" ({free} of {total} hugepages of {kb} kB free)",
        "load average before": " ".join(f"{load:.2f}" for load in load_average),
    }
