#!/usr/bin/env python3
"""Write expected/*.tsv of recorded captures from what tshark says about each packet.

  expect_with_tshark.py FILE...

tshark finds the headers; this script only follows the IPv6 "next header" fields that tshark has read, picks
the outermost IP header's fields, and adds up.
"""
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

from files import SECOND, Truth

# IPv6 extension header -> the tshark field with its next header, a value for each one in the packet.
NEXT = {0: 'ipv6.hopopts.nxt', 43: 'ipv6.routing.nxt', 44: 'ipv6.fraghdr.nxt', 51: 'ah.next_header',
        60: 'ipv6.dstopts.nxt', 140: 'shim6.nxt'}
PORTS = {6: 'tcp', 17: 'udp', 33: 'dccp', 132: 'sctp', 136: 'udp'}
FIELDS = ['frame.time_epoch', 'frame.len', 'frame.protocols', 'ip.src', 'ip.dst', 'ip.proto',
          'ip.frag_offset', 'ipv6.src', 'ipv6.dst', 'ipv6.nxt', 'ipv6.fraghdr.offset', *NEXT.values(),
          *(p + end for p in sorted(set(PORTS.values())) for end in ('.srcport', '.dstport'))]


def packets(path):
    """-> per packet: field name -> its values from the outermost header on."""
    command = ['tshark', '-n', '-r', str(path), '-T', 'fields', '-E', 'occurrence=a', '-E', 'aggregator=|',
               '-o', 'ip.defragment:FALSE', '-o', 'ipv6.defragment:FALSE']
    for field in FIELDS:
        command += ['-e', field]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    for line in lines.splitlines():
        yield {name: value.split('|') if value else [] for name, value in zip(FIELDS, line.split('\t'))}


def flow_of(packet):
    """-> src, dst, sport, dport, protocol; None where the packet has no IP header."""
    names = packet['frame.protocols'][0].split(':')
    version = next((name for name in names if name in ('ip', 'ipv6')), None)
    if version is None:
        return None
    if version == 'ip':
        protocol, later = int(packet['ip.proto'][0]), int(packet['ip.frag_offset'][0]) > 0
    else:
        protocol, later = int(packet['ipv6.nxt'][0]), False
        chain = {kind: list(packet[field]) for kind, field in NEXT.items()}
        while chain.get(protocol) and not later:
            later = protocol == 44 and int(packet['ipv6.fraghdr.offset'][0]) > 0
            protocol = int(chain[protocol].pop(0))
    ports = [0, 0]
    if protocol in PORTS and not later:
        ports = [int(packet[PORTS[protocol] + end][0]) for end in ('.srcport', '.dstport')]
    return packet[version + '.src'][0], packet[version + '.dst'][0], *ports, protocol


def main():
    for path in map(Path, sys.argv[1:]):
        truth = Truth()
        for packet in packets(path):
            flow = flow_of(packet)
            ts_ns = int(Decimal(packet['frame.time_epoch'][0]) * SECOND)
            truth.count(flow, None if flow else 'ethertype', int(packet['frame.len'][0]), ts_ns)
        (path.parent / 'expected' / path.with_suffix('.tsv').name).write_text(truth.text())


if __name__ == '__main__':
    main()
