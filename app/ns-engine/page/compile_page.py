#!/usr/bin/env python3
"""Compiles the files of the live page into one C++ source.

usage: compile_page.py OUTPUT.cc FILE...

index.html is served at /, every other file under its own name. What is larger in all than a page for an engineer on
a phone should be, refers to another host, or has script or style inline, is one line on stderr, and exit status 1.
"""
import pathlib
import re
import sys

TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
         ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
MOST_BYTES = 40 * 1024
LITERAL = ("R\"page(", ")page\"")
NAMESPACE = "http://www.w3.org/2000/svg"


def faults_of(path, text):
    if re.search(r"https?://", text.replace(NAMESPACE, "")):
        yield f"{path.name}: refers to another host"
    if re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=\"", text):
        yield f"{path.name}: has script or style inline, which the page's policy forbids"
    if re.search(r"\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval)\b", text):
        yield f"{path.name}: makes markup or code out of text"
    if LITERAL[1] in text:
        yield f"{path.name}: holds {LITERAL[1]}, which ends a C++ literal"


def main(output, *sources):
    faults, members, size = [], [], 0
    for source in sorted(map(pathlib.Path, sources)):
        text = source.read_text(encoding="utf-8")
        size += len(text.encode())
        faults += faults_of(source, text)
        path = "/" if source.name == "index.html" else "/" + source.name
        members.append(f'    {{"{path}", "{TYPES[source.suffix]}",\n     {LITERAL[0]}{text}{LITERAL[1]}}},\n')
    if size > MOST_BYTES:
        faults.append(f"the page has {size} bytes, more than {MOST_BYTES}")
    if faults:
        sys.exit("\n".join(faults))
    pathlib.Path(output).write_text(
        '// Made by compile_page.py.\n#include "page.h"\n\nnamespace netspectra {\nnamespace {\n\n'
        "constexpr PageFile kFiles[] = {\n" + "".join(members) +
        "};\n\n}  // namespace\n\nstd::span<const PageFile> page_files() { return kFiles; }\n\n"
        "}  // namespace netspectra\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
