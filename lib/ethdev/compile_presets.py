#!/usr/bin/env python3
"""Compiles the driver presets of drivers-config/ into one C++ source.

usage: compile_presets.py OUTPUT.cc PRESET.yaml...

A preset file is flat: `key: value` lines, blank lines, and comments from `#` at the start of a line. A key that is
missing, unknown, repeated, or has a value that is none, is one line on stderr, "FILE:LINE: key: why", and exit status 1.
"""
import json
import pathlib
import re
import sys


def number(smallest, largest, zero=False):
    def parse(text):
        if not text.isdigit() or not (smallest <= int(text) <= largest or (zero and int(text) == 0)):
            raise ValueError(f"needs a number from {smallest} to {largest}{', or 0' if zero else ''}, not '{text}'")
        return str(int(text))
    return parse


def flag(text):
    if text not in ("true", "false"):
        raise ValueError(f"needs true or false, not '{text}'")
    return text


def one_of(*words):
    def parse(text):
        if text not in words:
            raise ValueError(f"needs one of {', '.join(words)}, not '{text}'")
        return json.dumps(text)
    return parse


def driver_name(text):
    if text != "any" and not re.fullmatch(r"[a-z0-9_]+", text):
        raise ValueError(f"needs a driver's name as DPDK has it, or any, not '{text}'")
    return json.dumps("" if text == "any" else text)


def devargs(text):
    pairs = []
    for part in filter(None, text.split(",")):
        match = re.fullmatch(r"([a-z0-9_]+)=([A-Za-z0-9_./:-]+)", part)
        if not match:
            raise ValueError(f"needs device arguments like framesz=2048,framecnt=8192, not '{text}'")
        pairs.append(f"{{{json.dumps(match[1])}, {json.dumps(match[2])}}}")
    return "{" + ", ".join(pairs) + "}"


def trap(text):
    if not re.search(r"\S \[[^\]]+\]$", text):
        raise ValueError("needs its source in brackets at the end: [nics/ixgbe.rst]")
    return json.dumps(text)


# In the order of DriverPreset's members.
KEYS = {
    "driver": driver_name,
    "bind": one_of("vfio-pci", "bifurcated", "none"),
    "rx_descriptors": number(32, 32768),
    "mtu": number(68, 65535, zero=True),
    "promiscuous": flag,
    "rss": flag,
    "hardware_timestamps": flag,
    "rebalance": flag,
    "outgoing": flag,
    "devargs": devargs,
}


def read(path, faults):
    """{key: C++ initializer} and the traps of one file."""
    values, traps = {}, []
    lines = path.read_text(encoding="utf-8").splitlines()
    for at, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        where = f"{path.name}:{at}"
        match = re.fullmatch(r"([a-z_]+):(?: (.*))?", line.rstrip())
        if not match:
            faults.append(f"{where}: '{line}' is not of the form 'key: value'")
            continue
        key, text = match[1], (match[2] or "").strip()
        try:
            if key == "trap":
                traps.append(trap(text))
            elif key not in KEYS:
                raise ValueError(f"is not a key (known: {', '.join([*KEYS, 'trap'])})")
            elif key in values:
                raise ValueError("stands twice")
            else:
                values[key] = KEYS[key](text)
        except ValueError as fault:
            faults.append(f"{where}: {key}: {fault}")
            values.setdefault(key, "")
    for key in KEYS:
        if key not in values:
            faults.append(f"{path.name}:{len(lines)}: {key}: is missing")
    wanted = "default" if values.get("driver") == '""' else values.get("driver", "").strip('"')
    if values.get("driver") and path.stem != wanted:
        faults.append(f"{path.name}:1: driver: the file of this driver is {wanted}.yaml")
    return values, traps


def main(output, *sources):
    faults, presets = [], []
    for source in sorted(map(pathlib.Path, sources)):
        values, traps = read(source, faults)
        members = ",\n".join(f"       .{key} = {values.get(key)}" for key in KEYS)
        listed = "{" + ",\n                 ".join(traps) + "}"
        presets.append(f"      {{\n{members},\n       .traps = {listed}}},\n")
    if not any(".driver = \"\"" in preset for preset in presets):
        faults.append("default.yaml:1: the preset for any driver is missing")
    if faults:
        sys.exit("\n".join(faults))
    pathlib.Path(output).write_text(
        '// Made from drivers-config/ by compile_presets.py.\n#include "ethdev/driver_preset.h"\n\n'
        "namespace netspectra {\n\nconst std::vector<DriverPreset>& driver_presets() {\n"
        "  static const std::vector<DriverPreset> presets = {\n" + "".join(presets) +
        "  };\n  return presets;\n}\n\n}  // namespace netspectra\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
