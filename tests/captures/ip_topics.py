"""Crafted captures: the IP header and what follows it."""
import struct

from files import Pcap, capture
from frames import *


@capture('ipv6_chains.pcap')
def ipv6_chains():
    """Extension headers 0, 43, 44, 51, 60, 140 in odd orders, over 2 KiB, over 1024, ended, cut short."""
    out = Pcap()
    six = [options(0), routing(), fragment(), authentication(), options(60), shim6()]
    for i, headers in enumerate([[h] for h in six] + [six, six[::-1], six[3:] + six[:3], [options(60)] * 7]):
        for packet, flow in (tcp6(1700 + i, headers=headers), udp6(1700 + i, headers=headers)):
            out.add(eth6(packet), flow)
    for i, headers in enumerate([[options(60, 2048)], [options(0, 1024), routing(1016), authentication(1020)],
                                 [options(60)] * 300, [options(60)] * 1000]):
        packet, flow = tcp6(1720 + i, headers=headers)
        out.add(eth6(packet), flow)
    packet, _ = tcp6(1730, headers=[options(60)] * 1100)
    out.add(eth6(packet), (A6, B6, 0, 0, 60))  # more headers than are walked
    for last in (50, 59, 135, 139, 4, 41, 47, 58, 89, 253):
        out.add(eth6(ipv6(A6, B6, *chain([options(0)], last, tcp(1740, 80)))), (A6, B6, 0, 0, last))
    # Cut by the capture: behind the IPv6 header, inside each header, behind the last one.
    whole, flow = tcp6(1750, headers=[options(0), routing(), authentication()])
    whole = eth6(whole)
    for captured, (protocol, ports) in {54: (0, False), 61: (0, False), 62: (43, False), 85: (43, False),
                                        86: (51, False), 109: (51, False), 110: (6, False), 113: (6, False),
                                        114: (6, True)}.items():
        out.add(whole[:captured], flow if ports else (A6, B6, 0, 0, protocol), wire=len(whole))
    # Cut by the IPv6 payload length: the bytes behind it are not of the datagram.
    next_header, payload = chain([options(0), routing()], TCP, tcp(1760, 80))
    for length, (protocol, ports) in {7: (0, False), 8: (43, False), 31: (43, False), 32: (6, False),
                                      35: (6, False), 36: (6, True)}.items():
        out.add(eth6(ipv6(A6, B6, next_header, payload, length=length)),
                (A6, B6, 1760, 80, 6) if ports else (A6, B6, 0, 0, protocol))
    return out


@capture('fragments.pcap')
def fragments():
    """First, middle and last fragments of IPv4 and IPv6; atomic, within chains, two fragment headers."""
    out = Pcap()
    datagram = udp(1800, 1801, bytes(4000))
    for offset in range(0, len(datagram), 1480):
        more = offset + 1480 < len(datagram)
        packet = ipv4(A4, B4, UDP, datagram[offset:offset + 1480], frag=more * MORE | offset // 8)
        out.add(eth4(packet), (A4, B4, 0, 0, UDP) if offset else (A4, B4, 1800, 1801, UDP))
    for offset in range(0, len(datagram), 1448):
        more = offset + 1448 < len(datagram)
        packet = ipv6(A6, B6, *chain([fragment(offset, more)], UDP, datagram[offset:offset + 1448]))
        out.add(eth6(packet), (A6, B6, 0, 0, UDP) if offset else (A6, B6, 1800, 1801, UDP))
    for flags in (0x4000, 0x8000):  # don't fragment, and the reserved bit: whole datagrams
        packet, flow = tcp4(1810, frag=flags)
        out.add(eth4(packet), flow)
    out.add(eth4(ipv4(A4, B4, UDP, udp(1811, 53)[:8], frag=MORE)), (A4, B4, 1811, 53, UDP))
    out.add(eth4(ipv4(A4, B4, TCP, tcp(1812, 80), frag=1)), (A4, B4, 0, 0, TCP))
    packet, flow = tcp6(1813, headers=[fragment()])  # atomic
    out.add(eth6(packet), flow)
    packet, flow = tcp6(1814, headers=[options(0), routing(), fragment(0, True), options(60)])
    out.add(eth6(packet), flow)
    # A later fragment: its protocol is what the fragment header says, whatever the bytes behind look like.
    for last in (60, 44, 0, TCP):
        packet = ipv6(A6, B6, *chain([options(0), fragment(8)], last, tcp(1815, 80)))
        out.add(eth6(packet), (A6, B6, 0, 0, last))
    packet, flow = tcp6(1816, headers=[fragment(), fragment(0, True)])
    out.add(eth6(packet), flow)
    packet = ipv6(A6, B6, *chain([fragment(), fragment(16)], TCP, tcp(1817, 80)))
    out.add(eth6(packet), (A6, B6, 0, 0, TCP))
    return out


@capture('ip_headers.pcap')
def ip_headers():
    """IPv4 options; wrong version, IHL, total length; headers cut short; IPv6 with IPv4-mapped addresses."""
    out = Pcap()
    for i, size in enumerate((4, 8, 40)):
        packet, flow = tcp4(1900 + i, options=b'\x01' * size)
        out.add(eth4(packet), flow)
        out.add(eth4(packet)[:14 + 20 + size - 1], refused='ipv4_header_truncated', wire=14 + len(packet))
    for version in (0, 5, 6, 15):
        out.add(eth4(tcp4(1910, version=version)[0]), refused='ipv4_bad_version')
        out.add(eth6(ipv6(A6, B6, TCP, tcp(1910, 80), version=version - version // 6 * 2)),
                refused='ipv6_bad_version')
    for ihl in (0, 4):
        out.add(eth4(tcp4(1911, ihl=ihl)[0]), refused='ipv4_bad_ihl')
    for total in (1, 19):
        out.add(eth4(tcp4(1912, total=total)[0]), refused='ipv4_bad_total_length')
    out.add(eth4(tcp4(1912, options=bytes(8), total=27)[0]), refused='ipv4_bad_total_length')
    whole, flow = tcp4(1913)
    out.add(eth4(whole[:20]), (A4, B4, 0, 0, TCP), wire=54)
    for captured in (0, 1, 10, 19):
        out.add(eth4(whole[:captured]), refused='ipv4_header_truncated', wire=54)
    whole, flow = tcp6(1914)
    out.add(eth6(whole[:40]), (A6, B6, 0, 0, TCP), wire=74)
    for captured in (0, 1, 39):
        out.add(eth6(whole[:captured]), refused='ipv6_header_truncated', wire=74)
    mapped = '::ffff:' + A4, '::ffff:' + B4
    out.add(eth4(tcp4(1915)[0]), (A4, B4, 1915, 80, TCP))
    out.add(eth6(ipv6(*mapped, TCP, tcp(1915, 80))), (*mapped, 1915, 80, TCP))
    return out


@capture('length_zero.pcap')
def length_zero():
    """IP length 0: TSO frames of 5000 and 40000 bytes; a jumbogram and an IPv4 frame of 70000 bytes."""
    out = Pcap()
    for sport, size in ((2000, 0), (2001, 5000), (2002, 40000)):
        packet, flow = tcp4(sport, 80, bytes(size), total=0)
        out.add(eth4(packet), flow)
    out.add(eth6(ipv6(A6, B6, TCP, tcp(2003, 80, bytes(3000)), length=0)), (A6, B6, 2003, 80, TCP))
    packet, flow = tcp4(2004)
    out.add(eth4(packet), flow)
    jumbo = 0, unhex('00c204') + struct.pack('>I', 69906)
    packet = ipv6(A6, B6, *chain([jumbo], TCP, tcp(2005, 80, bytes(69906 - 8 - 20))), length=0)
    out.add(eth6(packet + bytes(40)), (A6, B6, 2005, 80, TCP))
    packet, flow = tcp4(2006, 80, bytes(70000 - 54), total=0)
    out.add(eth4(packet), flow)
    packet, flow = tcp4(2007)
    out.add(eth4(packet), flow)  # what follows the big ones is still read right
    return out


@capture('transport.pcap')
def transport():
    """TCP, UDP, UDP-Lite, SCTP, DCCP: whole, 4 bytes, 3 bytes, ports behind the IP length; padding."""
    out = Pcap()
    headers = {TCP: tcp, UDP: udp, UDPLITE: udp, SCTP: sctp, DCCP: dccp}
    for i, (protocol, header) in enumerate(headers.items()):
        sport = 2100 + 10 * i
        for version, ip, src, dst, header_len in ((IPV4, ipv4, A4, B4, 20), (IPV6, ipv6, A6, B6, 40)):
            portless = (src, dst, 0, 0, protocol)
            l4 = header(sport, 80, bytes(20))
            whole = ethernet(version, ip(src, dst, protocol, l4))
            out.add(whole, (src, dst, sport, 80, protocol))
            out.add(whole[:14 + header_len + 4], (src, dst, sport, 80, protocol), wire=len(whole))
            out.add(whole[:14 + header_len + 3], portless, wire=len(whole))
            short = header(sport + 1, 80)
            out.add(ethernet(version, ip(src, dst, protocol, short[:4])), (src, dst, sport + 1, 80, protocol))
            out.add(ethernet(version, ip(src, dst, protocol, short[:3])), portless)
            for inside in (0, 3, 4):  # bytes of the transport header that the IP length admits
                if version == IPV6 and inside == 0:
                    continue  # a length field of 0 would be no bound
                bound = {'total': 20 + inside} if version == IPV4 else {'length': inside}
                out.add(ethernet(version, ip(src, dst, protocol, l4, **bound)),
                        (src, dst, sport, 80, protocol) if inside == 4 else portless)
    out.add(eth4(ipv4(A4, B4, TCP, b'') + bytes(26)), (A4, B4, 0, 0, TCP))  # padding is no port
    out.add(eth4(ipv4(A4, B4, 51, tcp(2190, 80))), (A4, B4, 0, 0, 51))
    for protocol in (0, 43, 44, 60, 140):  # IPv6's extension headers mean nothing under IPv4
        out.add(eth4(ipv4(A4, B4, protocol, tcp(2191, 80))), (A4, B4, 0, 0, protocol))
    return out


@capture('tunnels.pcap')
def tunnels():
    """IP in IP, GRE, ESP, L2TPv3, VXLAN, Geneve, GTP-U, Teredo: the outer flow only; ICMP, IGMP, OSPF."""
    out = Pcap()
    inner4 = ipv4('10.0.0.1', '10.0.0.2', TCP, tcp(9999, 9998))
    inner6 = ipv6('2001:db8:dead::1', '2001:db8:dead::2', UDP, udp(9999, 9998))
    gre = struct.pack('>HH', 0, IPV4) + inner4
    after8 = bytes(8) + inner4
    for protocol, payload in ((4, inner4), (41, inner6), (47, gre), (50, after8), (115, after8)):
        out.add(eth4(ipv4(A4, B4, protocol, payload)), (A4, B4, 0, 0, protocol))
        out.add(eth6(ipv6(A6, B6, protocol, payload)), (A6, B6, 0, 0, protocol))
    vxlan = unhex('0800000000000500') + eth4(inner4)
    geneve = unhex('0000655800000500') + eth6(inner6)
    gtp = struct.pack('>BBHI', 0x30, 255, len(inner4), 1) + inner4
    for dport, payload in ((4789, vxlan), (6081, geneve), (2152, gtp), (3544, inner6)):
        for packet, flow in (udp4(2200, dport, payload), udp6(2200, dport, payload)):
            out.add(ethernet(IPV4 if len(flow[0]) < 10 else IPV6, packet), flow)
    unreachable = unhex('0303000000000000') + inner4  # the packet inside an error is not looked at
    for protocol, payload in ((1, unhex('0800000012340001') + bytes(32)), (1, unreachable), (89, bytes(24)),
                              (2, unhex('16000000e0000001'))):
        out.add(eth4(ipv4(A4, B4, protocol, payload)), (A4, B4, 0, 0, protocol))
    for payload in (unhex('8000000012340001') + bytes(32), unhex('0100000000000000') + inner6):
        out.add(eth6(ipv6(A6, B6, 58, payload)), (A6, B6, 0, 0, 58))
    return out
