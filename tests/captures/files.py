"""Capture files with the truth about them: each packet is added together with the flow or the refusal that a
flow meter must come to. Nothing here reads a frame.
"""
import struct
from collections import Counter

from frames import address

SECOND = 10**9
T0 = 1_700_000_000_000_000_000  # 2023-11-14 22:13:20 UTC
STEP_NS = 1_001_000             # between packets that name no time of their own

MALFORMED = {'ipv4_header_truncated', 'ipv4_bad_version', 'ipv4_bad_ihl', 'ipv4_bad_total_length',
             'ipv6_header_truncated', 'ipv6_bad_version'}
NOT_IP = {'link_header_truncated', 'ethertype', 'llc', 'mpls_payload', 'ppp_protocol', 'address_family',
          'raw_payload', 'too_many_headers', 'unsupported_link_type'}
TOPICS = {}  # path -> the function that makes it


def capture(path):
    """Register a function that returns a Capture, or plain bytes where nothing can be measured."""
    def register(function):
        TOPICS[path] = function
        return function
    return register


class Truth:
    def __init__(self):
        self.packets, self.flows = 0, {}
        self.refused, self.vlan_packets, self.vlan_bytes = Counter(), Counter(), Counter()

    def count(self, flow, refused, wire, ts_ns, vlan=None):
        assert (flow is None) != (refused is None) and (refused is None or refused in MALFORMED | NOT_IP)
        self.packets += 1
        if refused:
            self.refused[refused] += 1
            return
        packets, size, first, last = self.flows.get(flow, (0, 0, ts_ns, ts_ns))
        self.flows[flow] = packets + 1, size + wire, min(first, ts_ns), max(last, ts_ns)
        if vlan is not None:
            self.vlan_packets[vlan] += 1
            self.vlan_bytes[vlan] += wire

    def text(self):
        lines = ['# src dst sport dport proto packets bytes first_ns last_ns']
        order = lambda flow: (len(address(flow[0])), address(flow[0]), address(flow[1]), *flow[2:])
        for flow in sorted(self.flows, key=order):
            lines.append('\t'.join(map(str, flow + self.flows[flow])))
        lines.append('# packets %d' % self.packets)
        lines.append('# not_ip %d' % sum(n for why, n in self.refused.items() if why in NOT_IP))
        for why, n in sorted(self.refused.items()):
            lines.append('# %s %s %d' % ('malformed' if why in MALFORMED else 'not_ip_reason', why, n))
        for vlan, packets in sorted(self.vlan_packets.items()):
            lines.append('# vlan %d %d %d' % (vlan, packets, self.vlan_bytes[vlan]))
        return '\n'.join(lines) + '\n'


class Capture:
    def __init__(self):
        self.truth, self.data, self.clock_ns = Truth(), b'', T0

    def time(self, ts_ns):
        self.clock_ns = self.clock_ns + STEP_NS if ts_ns is None else ts_ns
        return self.clock_ns


class Pcap(Capture):
    MAGIC = {'us': (0xA1B2C3D4, 1000), 'ns': (0xA1B23C4D, 1), 'modified': (0xA1B2CD34, 1000)}

    def __init__(self, link=1, *, kind='us', order='<', snaplen=262144, version=(2, 4)):
        super().__init__()
        self.kind, self.order, self.version = kind, order, version
        magic, self.unit_ns = self.MAGIC[kind]
        self.data = struct.pack(order + 'IHHiIII', magic, *version, 0, 0, snaplen, link)

    def add(self, frame, flow=None, *, refused=None, wire=None, ts_ns=None, vlan=None):
        """`wire`: the length on the wire, where more (or less) than the frame was captured."""
        wire, ts_ns = len(frame) if wire is None else wire, self.time(ts_ns)
        assert ts_ns % self.unit_ns == 0
        self.truth.count(flow, refused, wire, ts_ns, vlan)
        lengths = (wire, len(frame)) if self.version < (2, 3) else (len(frame), wire)  # old files swap them
        self.data += struct.pack(self.order + 'IIII', ts_ns // 10**9, ts_ns % 10**9 // self.unit_ns, *lengths)
        if self.kind == 'modified':
            self.data += struct.pack(self.order + 'IHBx', 2, 0x0800, 0)
        self.data += frame


class Pcapng(Capture):
    def __init__(self, order='<'):
        super().__init__()
        self.section(order)

    def block(self, kind, body):
        body += bytes(-len(body) % 4)
        size = struct.pack(self.order + 'I', len(body) + 12)
        self.data += struct.pack(self.order + 'I', kind) + size + body + size

    def option(self, code, value):
        return struct.pack(self.order + 'HH', code, len(value)) + value + bytes(-len(value) % 4)

    def section(self, order='<', version=(1, 0)):
        self.order, self.interfaces = order, []
        self.block(0x0A0D0D0A, struct.pack(order + 'IHHq', 0x1A2B3C4D, *version, -1))

    def interface(self, link=1, *, snaplen=262144, tsresol=None, tsoffset_s=0):
        body = struct.pack(self.order + 'HHI', link, 0, snaplen)
        per_second = 10**6
        if tsresol is not None:
            body += self.option(9, bytes([tsresol]))
            per_second = 2**(tsresol & 127) if tsresol & 128 else 10**tsresol
        if tsoffset_s:
            body += self.option(14, struct.pack(self.order + 'q', tsoffset_s))
        if len(body) > 8:
            body += self.option(0, b'')
        self.block(1, body)
        self.interfaces.append((per_second, tsoffset_s))
        return len(self.interfaces) - 1

    def units(self, interface, ts_ns):
        per_second, tsoffset_s = self.interfaces[interface]
        units = (ts_ns - tsoffset_s * 10**9) * per_second // 10**9
        assert per_second > 10**9 or units * 10**9 % per_second == 0
        return units

    def add(self, frame, flow=None, *, refused=None, interface=0, wire=None, ts_ns=None, extra_units=0,
            comment=''):
        """`extra_units`: a part of the timestamp below the nanosecond, which the measurement leaves out."""
        wire, ts_ns = len(frame) if wire is None else wire, self.time(ts_ns)
        self.truth.count(flow, refused, wire, ts_ns)
        units = self.units(interface, ts_ns) + extra_units
        body = struct.pack(self.order + 'IIIII', interface, units >> 32, units & 0xFFFFFFFF, len(frame), wire)
        body += frame + bytes(-len(frame) % 4)
        if comment:
            body += self.option(1, comment.encode()) + self.option(0, b'')
        self.block(6, body)

    def simple(self, frame, flow, wire=None):
        """No timestamp: it counts as 0. The captured length is the smaller of `wire` and the snaplen."""
        wire = len(frame) if wire is None else wire
        self.truth.count(flow, None, wire, 0)
        self.block(3, struct.pack(self.order + 'I', wire) + frame)

    def obsolete(self, frame, flow, *, interface=0, wire=None, ts_ns=None):
        wire, ts_ns = len(frame) if wire is None else wire, self.time(ts_ns)
        self.truth.count(flow, None, wire, ts_ns)
        units = self.units(interface, ts_ns)
        self.block(2, struct.pack(self.order + 'HHIIII', interface, 0xFFFF, units >> 32, units & 0xFFFFFFFF,
                                  len(frame), wire) + frame)
