"""Crafted captures: file formats, times and lengths; files that break."""
import struct
import zlib

from files import SECOND, T0, Pcap, Pcapng, capture
from frames import *


# ---------------------------------------------------------------- capture formats
def few(out, sport, count=4, **where):
    """Some packets that every format can hold."""
    for i in range(count):
        packet, flow = (tcp4, tcp6)[i % 2](sport + i // 2, 80, bytes(10 * i))
        out.add(ethernet((IPV4, IPV6)[i % 2], packet), flow, **where)
    return out


@capture('us_be.pcap')
def us_be():
    """Microseconds, big-endian."""
    return few(Pcap(order='>'), 3000)


def nanoseconds(order):
    out = Pcap(kind='ns', order=order)
    for ts_ns in (T0 + 999_999_999, T0 + 1, T0 + SECOND + 1, T0 + 123_456_789, 0, 4_026_531_840 * SECOND + 7):
        few(out, 3010, 2, ts_ns=ts_ns)
    return out


@capture('ns_le.pcap')
def ns_le():
    """Nanoseconds, little-endian; times at a second's edges, 0, and in the year 2097."""
    return nanoseconds('<')


@capture('ns_be.pcap')
def ns_be():
    """The same, big-endian."""
    return nanoseconds('>')


@capture('modified.pcap')
def modified():
    """Kuznetzov's modified pcap (magic a1b2cd34): 24-byte record headers."""
    return few(Pcap(kind='modified'), 3020)


@capture('modified_be.pcap')
def modified_be():
    """The same, big-endian."""
    return few(Pcap(kind='modified', order='>'), 3020)


@capture('version_2_2.pcap')
def version_2_2():
    """pcap 2.2: captured and wire length stand the other way round; one packet is snapped."""
    out = few(Pcap(version=(2, 2)), 3030)
    packet, flow = tcp4(3039, 80, bytes(500))
    out.add(eth4(packet)[:60], flow, wire=14 + len(packet))
    return out


@capture('snapped.pcap')
def snapped():
    """Captured lengths below, at and above the wire length: bytes are always the wire's."""
    out = Pcap(snaplen=96)
    for i, size in enumerate((0, 42, 43, 1000, 1400)):
        for ethertype, packet_of in ((IPV4, tcp4), (IPV6, tcp6)):
            packet, flow = packet_of(3100 + i, 80, bytes(size))
            frame = ethernet(ethertype, packet)
            out.add(frame[:96], flow, wire=len(frame))
    packet, flow = udp4(3110, 53, bytes(20))
    out.add(eth4(packet), flow, wire=42)
    return out


@capture('above_snaplen.pcap')
def above_snaplen():
    """Records longer than the file header's snaplen of 68: they are whole all the same."""
    out = Pcap(snaplen=68)
    for i in range(4):
        packet, flow = tcp4(3120 + i, 80, bytes(1000))
        out.add(eth4(packet), flow)
    return out


@capture('above_tiny_snaplen.pcap')
def above_tiny_snaplen():
    """A snaplen of 20 in the file header, and whole packets: the ports lie beyond it."""
    return few(Pcap(snaplen=20), 3130)


@capture('backwards.pcap')
def backwards():
    """Times that go back across seconds."""
    out = Pcap()
    for i, ms in enumerate((3000, 2900, 1500, 4200, 700, 5100, 5000, 4999, 0, 6000)):
        few(out, 3200 + i % 2, 2, ts_ns=T0 + ms * 10**6)
    return out


@capture('hour_gaps.pcap')
def hour_gaps():
    """Gaps of three hours and a day between packets of the same flows."""
    out = Pcap()
    for seconds in (0, 1, 3 * 3600, 3 * 3600 + 1, 27 * 3600):
        few(out, 3300, 2, ts_ns=T0 + seconds * SECOND)
    return out


@capture('two_sections.pcapng')
def two_sections():
    """A little-endian, a big-endian and again a little-endian section, each with an interface of its own."""
    out = Pcapng('<')
    out.interface()
    few(out, 3400)
    out.section('>')
    out.interface(tsresol=9)
    few(out, 3400, ts_ns=T0 + 5 * SECOND + 1)
    out.section('<')
    out.interface(tsresol=3)
    few(out, 3402, ts_ns=T0 + 6 * SECOND)
    return out


@capture('resolutions.pcapng')
def resolutions():
    """Interfaces of resolution s, ms, us, ns, ps, 2^-20 s, with offsets and snaplens; one declared late."""
    out = Pcapng()
    for tsresol, snaplen in ((None, 65535), (0, 96), (3, 128), (6, 0), (9, 1500), (12, 64), (0x80 | 20, 200)):
        # Picoseconds since 1970 do not fit 64 bits: such an interface needs the offset.
        out.interface(snaplen=snaplen, tsresol=tsresol, tsoffset_s=T0 // SECOND if tsresol == 12 else 0)
    hour = out.interface(tsoffset_s=3600)
    earlier = out.interface(tsresol=9, tsoffset_s=-86400)
    for interface, fraction_ns in enumerate((123_456_000, 0, 123_000_000, 123_456_000, 123_456_789,
                                             123_456_789, 1_953_125 * 64)):
        packet, flow = tcp4(3500 + interface, 80, bytes(10))
        for second in (9, 2):
            ts_ns = T0 + second * SECOND + fraction_ns
            out.add(eth4(packet), flow, interface=interface, ts_ns=ts_ns, extra_units=999 * (interface == 5))
    few(out, 3510, interface=hour, ts_ns=T0)
    few(out, 3512, interface=earlier, ts_ns=T0 + 1)
    late = out.interface(tsresol=9, snaplen=60)
    packet, flow = tcp4(3520, 80, bytes(900))
    out.add(eth4(packet)[:60], flow, interface=late, wire=954, ts_ns=T0 + 2)
    return out


@capture('link_types.pcapng')
def link_types():
    """One section with Ethernet, raw IP, Linux cooked and BSD null interfaces."""
    out = Pcapng()
    for link in (1, 101, 113, 276, 0):
        out.interface(link)
    for i in range(3):
        packet, flow = tcp4(3600, 80, bytes(i))
        packet6, flow6 = tcp6(3600, 80, bytes(i))
        out.add(eth4(packet), flow, interface=0)
        out.add(packet6, flow6, interface=1)
        out.add(cooked(IPV4, packet), flow, interface=2)
        out.add(cooked2(IPV6, packet6), flow6, interface=3)
        out.add(struct.pack('<I', 2) + packet, flow, interface=4)
    return out


@capture('link_types_some_unsupported.pcapng')
def link_types_some_unsupported():
    """An Ethernet interface and one of 802.11 (105), which is not measured."""
    out = Pcapng()
    out.interface(1)
    out.interface(105)
    for i in range(3):
        few(out, 3700, 2, interface=0)
        out.add(unhex('08010000') + bytes(60), refused='unsupported_link_type', interface=1)
    return out


@capture('block_types.pcapng')
def block_types():
    """Enhanced, simple (no time, cut at the snaplen) and obsolete packets between blocks that hold none."""
    out = Pcapng()
    out.block(4, out.option(0, b'') + bytes(4))  # names
    out.interface(snaplen=100)
    few(out, 3800, 2, comment='a comment')
    out.block(0x0BAD, b'a custom block')
    for size in (1, 2, 3, 46):
        packet, flow = tcp4(3801, 80, bytes(size))
        out.simple(eth4(packet), flow)
    packet, flow = tcp4(3802, 80, bytes(1000))
    out.simple(eth4(packet)[:100], flow, wire=1054)
    out.block(5, struct.pack('<III', 0, 0, 0))   # interface statistics
    out.obsolete(eth4(packet)[:99], flow, wire=1054)
    out.obsolete(eth4(tcp4(3800)[0]), tcp4(3800)[1])
    out.block(0x80000001, b'a block of no known type')
    few(out, 3800, 2)
    return out


# ---------------------------------------------------------------- files that break, or are none
@capture('bad/empty.pcap')
def bad_empty():
    """No byte."""
    return b''


@capture('bad/text.pcap')
def bad_text():
    """Not a capture."""
    return b'This is a line of text, and not a capture.\n' * 3


@capture('bad/header_cut.pcap')
def bad_header_cut():
    """Ends inside the file header."""
    return Pcap().data[:10]


@capture('bad/header_cut_ng.pcapng')
def bad_header_cut_ng():
    """Ends inside the section header."""
    return Pcapng().data[:20]


@capture('bad/link_type_105.pcap')
def bad_link_type():
    """802.11, which is not measured."""
    out = Pcap(105)
    out.add(unhex('08010000') + bytes(60), refused='unsupported_link_type')
    return out.data


@capture('bad/version_3.pcap')
def bad_version():
    """pcap 3.0, which does not exist."""
    return few(Pcap(version=(3, 0)), 3900).data


@capture('bad/version_2.pcapng')
def bad_version_ng():
    """pcapng 2.0, which does not exist."""
    out = Pcapng()
    out.data = b''
    out.section('<', (2, 0))
    out.interface()
    return few(out, 3900).data


@capture('bad/gzip.pcap')
def bad_gzip():
    """A good capture, compressed (stored blocks, so that every zlib gives the same bytes)."""
    good = few(Pcap(), 3900, 5).data
    stored = b'\x01' + struct.pack('<HH', len(good), len(good) ^ 0xFFFF) + good
    return unhex('1f8b08000000000000ff') + stored + struct.pack('<II', zlib.crc32(good), len(good))


def good_then(out, tail):
    """Five good packets, then `tail`."""
    few(out, 3900, 5)
    out.data += tail
    return out


def one_more(out):
    """The bytes of one more good record."""
    before = len(out.data)
    few(out, 3900, 1)
    return out.data[before:]


def with_interface(out):
    out.interface()
    return out


@capture('bad/record_cut.pcap')
def bad_record_cut():
    """Ends inside the sixth packet's bytes."""
    return good_then(Pcap(), one_more(Pcap())[:30])


@capture('bad/record_header_cut.pcap')
def bad_record_header_cut():
    """Ends inside the sixth record's header."""
    return good_then(Pcap(), one_more(Pcap())[:9])


@capture('bad/record_cut_ng.pcapng')
def bad_record_cut_ng():
    """Ends inside the sixth packet's block."""
    return good_then(with_interface(Pcapng()), one_more(with_interface(Pcapng()))[:50])


@capture('bad/garbage_length.pcap')
def bad_garbage_length():
    """The sixth record claims 0xdeadbeef captured bytes; a good record follows."""
    return good_then(Pcap(), struct.pack('<IIII', 1, 1, 0xDEADBEEF, 60) + bytes(100) + one_more(Pcap()))


@capture('bad/block_length.pcapng')
def bad_block_length():
    """The sixth block claims a length of 11, below the least; a good block follows."""
    tail = struct.pack('<II', 6, 11) + bytes(24) + one_more(with_interface(Pcapng()))
    return good_then(with_interface(Pcapng()), tail)


@capture('bad/interface_missing.pcapng')
def bad_interface_missing():
    """The sixth packet names interface 1; there is only 0."""
    block = struct.pack('<IIIIIIII', 6, 36, 1, 0, 0, 4, 4, 0) + struct.pack('<I', 36)
    return good_then(with_interface(Pcapng()), block)
