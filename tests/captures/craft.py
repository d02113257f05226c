#!/usr/bin/env python3
"""Write the crafted captures and what a flow meter must say about each (expected/*.tsv).

  craft.py           write all files beside this script
  craft.py --check   compare with what is there; exit 1 and name the files that differ
  craft.py --list    name every file and what it holds

Standard library only; every run gives the same bytes.
"""
import argparse
import sys
from pathlib import Path

sys.dont_write_bytecode = True  # a check leaves nothing behind
import format_topics  # noqa: F401 (each registers its captures)
import ip_topics      # noqa: F401
import link_topics    # noqa: F401
from files import TOPICS

HERE = Path(__file__).resolve().parent


def outputs():
    """path -> bytes, of all files."""
    files = {}
    for path, topic in TOPICS.items():
        made = topic()
        if isinstance(made, bytes):
            files[path] = made
        else:
            files[path] = made.data
            files['expected/%s' % Path(path).with_suffix('.tsv')] = made.truth.text().encode()
    return files


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('--check', action='store_true')
    parser.add_argument('--list', action='store_true')
    args = parser.parse_args()
    if args.list:
        for path, topic in TOPICS.items():
            print('%-34s %s' % (path, topic.__doc__))
        return 0
    wrong = 0
    for path, data in outputs().items():
        target = HERE / path
        if not args.check:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        elif not target.exists() or target.read_bytes() != data:
            print('differs: %s' % path, file=sys.stderr)
            wrong = 1
    return wrong


if __name__ == '__main__':
    sys.exit(main())
