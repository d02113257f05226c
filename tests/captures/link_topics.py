"""Crafted captures: what stands before the IP header."""
import struct

from files import Pcap, capture
from frames import *


# ---------------------------------------------------------------- on Ethernet
@capture('vlan_stacks.pcap')
def vlan_stacks():
    """Tags 8100, 88a8, 9100, 9200 alone and stacked, priority tag, 12 and 1000 deep, too deep, cut short."""
    out = Pcap()
    for i, (tpid, vid) in enumerate([(0x8100, 10), (0x88A8, 20), (0x9100, 30), (0x9200, 40), (0x8100, 0)]):
        for ethertype, (packet, flow) in ((IPV4, tcp4(1000 + i)), (IPV6, tcp6(1000 + i))):
            out.add(ethernet(*tags([(tpid, vid)], ethertype, packet)), flow, vlan=vid)
    packet, flow = tcp4(1100)
    out.add(ethernet(*tags([(0x8100, 0xE000 | 50)], IPV4, packet)), flow, vlan=50)  # priority 7
    packet, flow = tcp4(1101)
    out.add(ethernet(*tags([(0x88A8, 60), (0x8100, 61)], IPV4, packet)), flow, vlan=60)
    packet, flow = udp6(1102)
    stack = [(0x9200, 70), (0x9100, 71), (0x88A8, 72), (0x8100, 73)]
    out.add(ethernet(*tags(stack, IPV6, packet)), flow, vlan=70)
    packet, flow = tcp4(1103)
    out.add(ethernet(*tags([(0x8100, 80 + i) for i in range(12)], IPV4, packet)), flow, vlan=80)
    out.add(ethernet(*tags([(0x8100, 90)] * 1000, IPV4, packet)), flow, vlan=90)
    out.add(ethernet(*tags([(0x8100, 90)] * 1100, IPV4, packet)), refused='too_many_headers')
    out.add(ethernet(*tags([(0x8100, 10)], ARP, bytes(28))), refused='ethertype')
    whole = ethernet(*tags([(0x88A8, 10), (0x8100, 20)], IPV4, packet))
    for captured in (15, 17, 20):
        out.add(whole[:captured], refused='link_header_truncated', wire=len(whole))
    out.add(whole[:22], refused='ipv4_header_truncated', wire=len(whole))
    return out


@capture('two_vlans.pcap')
def two_vlans():
    """Flows that differ in nothing but the VLAN: 10, 20, none, and 10 inside service tag 300."""
    out = Pcap()
    for i in range(6):
        packet, flow = tcp4(1200, 443, bytes(100 * i))
        out.add(ethernet(*tags([(VLAN, 10)], IPV4, packet)), flow, vlan=10)
        out.add(ethernet(*tags([(VLAN, 20)], IPV4, packet)), flow, vlan=20)
        if i % 2:
            out.add(eth4(packet), flow, vlan=0)
            out.add(ethernet(*tags([(QINQ, 300), (VLAN, 10)], IPV4, packet)), flow, vlan=300)
    return out


@capture('mpls.pcap')
def mpls_stacks():
    """1 to 3 labels over IPv4 and IPv6, 8848, VLAN below and above, pseudowires, stacks cut short."""
    out = Pcap()
    for depth in (1, 2, 3):
        packet, flow = tcp4(1300 + depth)
        out.add(ethernet(MPLS, mpls(range(16, 16 + depth), packet)), flow)
        packet, flow = udp6(1300 + depth)
        out.add(ethernet(0x8848, mpls(range(16, 16 + depth), packet)), flow)
    packet, flow = tcp4(1310)
    out.add(ethernet(*tags([(VLAN, 5), (VLAN, 6)], MPLS, mpls([20, 21], packet))), flow)
    inner = eth4(packet)
    out.add(ethernet(MPLS, mpls([30], bytes(4) + inner)), refused='mpls_payload')  # control word
    out.add(ethernet(MPLS, mpls([30, 31], inner)), refused='mpls_payload')         # no control word
    out.add(ethernet(MPLS, mpls([13], b'\x10\0\0\x21' + packet)), refused='mpls_payload')  # channel header
    whole = ethernet(MPLS, mpls([40, 41], packet))
    for captured in (14, 17, 18, 21, 22):
        out.add(whole[:captured], refused='link_header_truncated', wire=len(whole))
    out.add(whole[:23], refused='ipv4_header_truncated', wire=len(whole))
    return out


@capture('pppoe.pcap')
def pppoe_session():
    """PPPoE session: IPv4, IPv6, LCP, IPCP, one-byte protocol field; below QinQ; discovery; cut short."""
    out = Pcap()
    packet, flow = tcp4(1400)
    out.add(ethernet(PPPOE, pppoe(ppp(0x21, packet))), flow)
    out.add(ethernet(PPPOE, pppoe(b'\x21' + packet)), flow)
    out.add(ethernet(*tags([(QINQ, 7), (VLAN, 8)], PPPOE, pppoe(ppp(0x21, packet)))), flow)
    packet6, flow6 = tcp6(1401)
    out.add(ethernet(PPPOE, pppoe(ppp(0x57, packet6))), flow6)
    out.add(ethernet(PPPOE, pppoe(ppp(0xC021, unhex('01010004')))), refused='ppp_protocol')
    out.add(ethernet(PPPOE, pppoe(ppp(0x8021, unhex('01010004')))), refused='ppp_protocol')
    out.add(ethernet(0x8863, pppoe(unhex('01010000'), code=9)), refused='ethertype')
    whole = ethernet(PPPOE, pppoe(ppp(0x21, packet)))
    for captured in (16, 20, 21):
        out.add(whole[:captured], refused='link_header_truncated', wire=len(whole))
    out.add(whole[:41], refused='ipv4_header_truncated', wire=len(whole))
    return out


@capture('llc_snap.pcap')
def llc_snap():
    """SNAP with OUI 0, 0000f8 and others, a tag inside SNAP, STP, IS-IS, Novell; lengths 1500 and 1501."""
    out = Pcap()
    packet, flow = udp4(1500)
    packet6, flow6 = udp6(1501)
    for oui in (0, 0xF8):
        out.add(ethernet(8 + len(packet), snap(oui, IPV4, packet)), flow)
        out.add(ethernet(8 + len(packet6), snap(oui, IPV6, packet6)), flow6)
    out.add(ethernet(12 + len(packet), snap(0, *tags([(VLAN, 9)], IPV4, packet))), flow)
    out.add(ethernet(*tags([(VLAN, 9)], 8 + len(packet), snap(0, IPV4, packet))), flow)
    out.add(ethernet(1500, snap(0, IPV4, packet)), flow)  # the length field bounds nothing
    out.add(ethernet(1501, snap(0, IPV4, packet)), refused='ethertype')
    out.add(ethernet(8 + len(packet), snap(0x00000C, IPV4, packet)), refused='llc')  # Cisco's OUI
    out.add(ethernet(36, snap(0, ARP, bytes(28))), refused='ethertype')
    out.add(ethernet(38, unhex('424203') + bytes(35)), refused='llc')  # STP
    out.add(ethernet(30, unhex('fefe03') + bytes(27)), refused='llc')  # IS-IS
    out.add(ethernet(30, b'\xff\xff' + bytes(28)), refused='llc')              # Novell raw 802.3
    out.add(ethernet(3 + len(packet), b'\x06\x06\x03' + packet), refused='llc')
    whole = ethernet(8 + len(packet), snap(0, IPV4, packet))
    out.add(whole[:20], refused='link_header_truncated', wire=len(whole))
    out.add(whole[:22], refused='ipv4_header_truncated', wire=len(whole))
    return out


@capture('not_ip.pcap')
def not_ip():
    """ARP, RARP, LLDP, EAPOL, MACsec, PBB, VN-tag, NSH, TRILL (IP inside is not looked for); short frames."""
    out = Pcap()
    inner = eth4(tcp4(1600)[0])
    for ethertype in (ARP, 0x8035, 0x88CC, 0x888E, 0x88E5, 0x88E7, 0x8926, 0x894F, 0x22F3, 0x0600, 0xFFFF):
        out.add(ethernet(ethertype, bytes(4) + inner), refused='ethertype')
    for captured in (0, 1, 12, 13):
        out.add(inner[:captured], refused='link_header_truncated', wire=len(inner))
    packet, flow = tcp4(1601)
    out.add(eth4(packet), flow)
    return out


# ---------------------------------------------------------------- other link types
def loopback(link, order, family_order):
    out = Pcap(link, order=order)
    family = lambda af: struct.pack(family_order + 'I', af)
    packet, flow = tcp4(2300)
    out.add(family(2) + packet, flow)
    for af in (24, 28, 30):  # NetBSD and OpenBSD, FreeBSD, macOS
        packet6, flow6 = tcp6(2300 + af)
        out.add(family(af) + packet6, flow6)
    out.add(family(7) + packet, refused='address_family')
    out.add(family(2) + packet6, refused='ipv4_bad_version')
    out.add(family(2)[:3], refused='link_header_truncated', wire=44)
    return out


@capture('null_le.pcap')
def null_le():
    """BSD null, written on a little-endian machine."""
    return loopback(0, '<', '<')


@capture('null_be.pcap')
def null_be():
    """BSD null, written on a big-endian machine."""
    return loopback(0, '>', '>')


@capture('loop.pcap')
def loop():
    """OpenBSD loop: address family in network byte order."""
    return loopback(108, '<', '>')


@capture('ppp.pcap')
def ppp_link():
    """PPP with and without FF03, one-byte protocol fields, MPLS, LCP, cut short."""
    out = Pcap(9)
    packet, flow = tcp4(2400)
    packet6, flow6 = tcp6(2401)
    for hdlc in (b'', b'\xff\x03'):
        out.add(hdlc + ppp(0x21, packet), flow)
        out.add(hdlc + b'\x21' + packet, flow)
        out.add(hdlc + ppp(0x57, packet6), flow6)
        out.add(hdlc + b'\x57' + packet6, flow6)
        out.add(hdlc + ppp(0x281, mpls([16, 17], packet)), flow)
        out.add(hdlc + ppp(0x283, mpls([16], packet6)), flow6)
        out.add(hdlc + ppp(0xC021, unhex('01010004')), refused='ppp_protocol')
        out.add(hdlc + b'\0', refused='link_header_truncated', wire=42)
        out.add(hdlc + ppp(0x21, packet[:12]), refused='ipv4_header_truncated', wire=42)
    return out


def raw(link):
    def topic():
        out = Pcap(link)
        packet, flow = tcp4(2500)
        packet6, flow6 = udp6(2501, headers=[options(0)])
        for wanted, announced, p, f in ((4, link != 229, packet, flow), (6, link != 228, packet6, flow6)):
            if announced:
                out.add(p, f)
            else:
                out.add(p, refused='ipv%d_bad_version' % (10 - wanted))
        if link == 228:
            out.add(packet[:19], refused='ipv4_header_truncated', wire=40)
        elif link == 229:
            out.add(packet6[:39], refused='ipv6_header_truncated', wire=60)
        else:
            out.add(b'\x10' + packet[1:], refused='raw_payload')
            out.add(packet[:19], refused='ipv4_header_truncated', wire=40)
        return out
    topic.__doc__ = 'Raw IP, link type %d: IPv4, IPv6, what is neither or is not announced, cut short.' % link
    return topic


for number in (12, 14, 101, 228, 229):
    capture('raw_%d.pcap' % number)(raw(number))


def linux_cooked(link, header, header_len):
    out = Pcap(link)
    packet, flow = tcp4(2600)
    packet6, flow6 = tcp6(2601)
    out.add(header(IPV4, packet), flow)
    out.add(header(IPV6, packet6), flow6)
    out.add(header(*tags([(VLAN, 11)], IPV4, packet)), flow)
    out.add(header(*tags([(QINQ, 11), (VLAN, 12)], IPV6, packet6)), flow6)
    out.add(header(MPLS, mpls([16], packet)), flow)
    out.add(header(PPPOE, pppoe(ppp(0x57, packet6))), flow6)
    out.add(header(IPV4, packet, hardware=772), flow)  # the loopback interface
    out.add(header(IPV4, packet, hardware=65534), flow)  # a tun interface
    out.add(header(ARP, bytes(28)), refused='ethertype')
    out.add(header(4, unhex('424203') + bytes(35)), refused='llc')
    out.add(header(IPV4, packet)[:header_len - 1], refused='link_header_truncated', wire=header_len + 40)
    out.add(header(IPV4, packet)[:header_len + 19], refused='ipv4_header_truncated', wire=header_len + 40)
    return out


@capture('sll.pcap')
def sll():
    """Linux cooked, version 1: IP, VLAN, MPLS, PPPoE, ARP, STP, cut short."""
    return linux_cooked(113, cooked, 16)


@capture('sll2.pcap')
def sll2():
    """Linux cooked, version 2: the same."""
    return linux_cooked(276, cooked2, 20)
