#!/usr/bin/env python3
"""Checks the include lines of lib/ against the table in scripts/layers.txt.

usage: tests/lint/layers.py [ROOT]

Prints one line per fault, naming file and line; exit status 1 if there is any.
"""
import fnmatch
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include(?:_next)?\s*([<"])([^>"]+)[>"]')


class Table:
    """The rooms, the families and the promises of layers.txt."""

    def __init__(self, path):
        self.rooms = {}  # room -> names of the rooms and families it may include; in data order
        self.families = []  # (pattern, family)
        self.nevers = []  # (room, name of a room or family)
        self.faults = []
        for number, line in enumerate(path.read_text().splitlines(), 1):
            line = line.split("#")[0].strip()
            where = f"{path.name}:{number}"
            if not line:
                continue
            if line.startswith("family "):
                _, family, *patterns = line.split()
                self.families += [(pattern, family) for pattern in patterns]
            elif line.startswith("never "):
                rooms, names = line[len("never "):].split("->")
                self.nevers += [(room, name) for room in rooms.split() for name in names.split()]
            elif line.count("|") == 2:
                room, rooms, families = (column.split() for column in line.split("|"))
                for name in rooms:
                    if name not in self.rooms:
                        self.faults.append(f"{where}: room '{room[0]}' may include '{name}', which does not stand above it")
                self.rooms[room[0]] = set(rooms + families)
            else:
                self.faults.append(f"{where}: cannot be read: {line}")

    def reach(self, room):
        """All rooms and families that a room's includes may bring in, directly or not."""
        names = set()
        for name in self.rooms[room]:
            names |= {name} | (self.reach(name) if name in self.rooms else set())
        return names

    def broken_promises(self):
        for room, name in self.nevers:
            if room in self.rooms and name in self.reach(room):
                yield f"layers.txt: the table lets '{room}' reach '{name}', which it must never"

    def family(self, header):
        if "." not in header and "/" not in header:
            return "system"
        return next((family for pattern, family in self.families if fnmatch.fnmatchcase(header, pattern)), None)


def fault_of(table, room, quote, header):
    """What is wrong with one include line of a room, or None."""
    first = header.split("/")[0]
    if "/" in header and first in table.rooms:
        if first != room and first not in table.rooms[room]:
            return f"room '{room}' may not include room '{first}' ({header})"
        return None
    family = table.family(header)
    if family == "system":
        return None
    if family:
        return None if family in table.rooms[room] else f"room '{room}' may not include {family} ({header})"
    if quote == '"':
        return f"'{header}' is in no room of lib/ (paths are relative to lib/)"
    return f"'{header}' belongs to no family of layers.txt"


def faults(root):
    table = Table(root / "scripts" / "layers.txt")
    yield from table.faults
    if table.faults:
        return
    yield from table.broken_promises()
    for folder in sorted(path for path in (root / "lib").iterdir() if path.is_dir()):
        if folder.name not in table.rooms:
            yield f"lib/{folder.name}: the room is not in layers.txt"
            continue
        for path in sorted(folder.rglob("*")):
            if path.suffix not in (".h", ".cc"):
                continue
            for number, line in enumerate(path.read_text().splitlines(), 1):
                match = INCLUDE.match(line)
                fault = match and fault_of(table, folder.name, *match.groups())
                if fault:
                    yield f"{path.relative_to(root)}:{number}: {fault}"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2])
    found = list(faults(root))
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
