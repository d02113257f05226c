"""Frames, built layer by layer as plain bytes.

Lengths and the IPv4 header checksum are filled in, and can be given wrong on purpose; nothing else is done
behind the caller's back. Transport checksums are 0: nobody who measures flows verifies them.
"""
import ipaddress
import struct

IPV4, IPV6, ARP, VLAN, QINQ, MPLS, PPPOE = 0x0800, 0x86DD, 0x0806, 0x8100, 0x88A8, 0x8847, 0x8864
TCP, UDP, DCCP, SCTP, UDPLITE = 6, 17, 33, 132, 136
MORE = 0x2000  # IPv4's "more fragments"

unhex = bytes.fromhex

A4, B4 = '192.0.2.1', '198.51.100.2'
A6, B6 = '2001:db8::1', '2001:db8:0:1::2'


def address(text):
    return ipaddress.ip_address(text).packed


# ---------------------------------------------------------------- link layers
def ethernet(ethertype, payload):
    """`ethertype` may be a length (802.3)."""
    return unhex('0200000000bb' '0200000000aa') + struct.pack('>H', ethertype) + payload


def eth4(packet):
    return ethernet(IPV4, packet)


def eth6(packet):
    return ethernet(IPV6, packet)


def tags(stack, ethertype, payload):
    """[(tpid, vid), ...] from the outermost on -> (first ethertype, bytes): two arguments of ethernet()."""
    for tpid, tci in reversed(stack):
        payload, ethertype = struct.pack('>HH', tci, ethertype) + payload, tpid
    return ethertype, payload


def mpls(labels, payload):
    entries = [label << 12 | 64 for label in labels]
    entries[-1] |= 0x100  # bottom of stack
    return b''.join(struct.pack('>I', entry) for entry in entries) + payload


def ppp(protocol, payload):
    return struct.pack('>H', protocol) + payload


def pppoe(payload, code=0):
    return struct.pack('>BBHH', 0x11, code, 7, len(payload)) + payload


def snap(oui, ethertype, payload):
    return b'\xaa\xaa\x03' + oui.to_bytes(3, 'big') + struct.pack('>H', ethertype) + payload


def cooked(protocol, payload, hardware=1):
    return struct.pack('>HHH8sH', 0, hardware, 6, unhex('0200000000aa0000'), protocol) + payload


def cooked2(protocol, payload, hardware=1):
    return struct.pack('>HHIHBB8s', protocol, 0, 2, hardware, 0, 6, unhex('0200000000aa0000')) + payload


# ---------------------------------------------------------------- IP
def checksum(data):
    total = sum(struct.unpack('>%dH' % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(src, dst, protocol, payload=b'', *, version=4, options=b'', ihl=None, total=None, frag=0, tos=0):
    ihl = 5 + len(options) // 4 if ihl is None else ihl
    total = 20 + len(options) + len(payload) if total is None else total
    header = struct.pack('>BBHHHBBH', version << 4 | ihl, tos, total, 0x1234, frag, 64, protocol, 0)
    header += address(src) + address(dst) + options
    return header[:10] + struct.pack('>H', checksum(header)) + header[12:] + payload


def ipv6(src, dst, next_header, payload=b'', *, version=6, length=None):
    length = len(payload) if length is None else length
    header = struct.pack('>IHBB', version << 28 | 0x12345, length, next_header, 64)
    return header + address(src) + address(dst) + payload


# IPv6 extension headers are (type, all bytes but the first, which is the next header's type).
def options(kind=60, size=8):
    """Hop-by-hop (0) or destination (60) options, filled with padding options."""
    room, filling = size - 2, b''
    while room:
        pad = min(room, 257)
        filling += b'\0' if pad == 1 else bytes([1, pad - 2]) + bytes(pad - 2)
        room -= pad
    return kind, bytes([size // 8 - 1]) + filling


def routing(size=24):
    return 43, bytes([size // 8 - 1, 4, 0]) + bytes(size - 4)


def fragment(offset=0, more=False):
    """`offset` in bytes, a multiple of 8."""
    return 44, struct.pack('>BHI', 0, offset | more, 0xABCD)


def authentication(size=24):
    return 51, bytes([size // 4 - 2]) + bytes(size - 2)


def shim6(size=8):
    return 140, bytes([size // 8 - 1, 0x80]) + bytes(size - 3)


def chain(headers, last, payload=b''):
    """-> (next header, payload): two arguments of ipv6()."""
    for kind, body in reversed(headers):
        payload, last = bytes([last]) + body + payload, kind
    return last, payload


# ---------------------------------------------------------------- transport
def tcp(sport, dport, data=b'', flags=0x18):
    return struct.pack('>HHIIBBHHH', sport, dport, 1, 1, 0x50, flags, 8192, 0, 0) + data


def udp(sport, dport, data=b''):
    return struct.pack('>HHHH', sport, dport, 8 + len(data), 0) + data


def sctp(sport, dport, data=b''):
    return struct.pack('>HHII', sport, dport, 7, 0) + data


def dccp(sport, dport, data=b''):
    return struct.pack('>HHBBHI', sport, dport, 3, 0, 0, 1) + data


# ------------------------------------------------------------ whole packets that say which flow they are of
def tcp4(sport, dport=80, data=b'', **ip):
    return ipv4(A4, B4, TCP, tcp(sport, dport, data), **ip), (A4, B4, sport, dport, TCP)


def udp4(sport, dport=53, data=b'', **ip):
    return ipv4(A4, B4, UDP, udp(sport, dport, data), **ip), (A4, B4, sport, dport, UDP)


def tcp6(sport, dport=80, data=b'', headers=()):
    return ipv6(A6, B6, *chain(headers, TCP, tcp(sport, dport, data))), (A6, B6, sport, dport, TCP)


def udp6(sport, dport=53, data=b'', headers=()):
    return ipv6(A6, B6, *chain(headers, UDP, udp(sport, dport, data))), (A6, B6, sport, dport, UDP)
