#!/usr/bin/env python3
"""A VLAN sub-interface in user space, for kernels without 8021q: what a TAP device sends goes out of the
trunk with the tags in front, what comes in with just these tags goes to the TAP device.

  vlan_if.py TRUNK NAME TPID:VID [TPID:VID ...]      (e.g. vlan_if.py eth0 eth0.100.20 88a8:100 8100:20)
"""
import fcntl
import os
import select
import socket
import struct
import sys

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 2, 0x1000
SOL_PACKET, PACKET_AUXDATA, PACKET_OUTGOING, ETH_P_ALL = 263, 8, 4, 3
TAG_VALID = 0x10


def received(sock):
    """The next frame that came in; the outermost tag, which the kernel keeps beside the frame, put back."""
    frame, extra, _, source = sock.recvmsg(65600, 256)
    if source[2] == PACKET_OUTGOING:
        return b''
    for level, kind, data in extra:
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
            status, _, _, _, _, tci, tpid = struct.unpack_from('=IIIHHHH', data)
            if status & TAG_VALID:
                frame = frame[:12] + struct.pack('>HH', tpid, tci) + frame[12:]
    return frame


def main():
    trunk, name, *stack = sys.argv[1:]
    tags = b''
    for tag in stack:
        tpid, vid = tag.split(':')
        tags += struct.pack('>HH', int(tpid, 16), int(vid))
    tap = os.open('/dev/net/tun', os.O_RDWR)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack('16sH22x', name.encode(), IFF_TAP | IFF_NO_PI))
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    sock.bind((trunk, ETH_P_ALL))
    end = 12 + len(tags)
    while True:
        for ready in select.select([tap, sock], [], [])[0]:
            if ready == tap:
                frame = os.read(tap, 65600)
                sock.send(frame[:12] + tags + frame[12:])
            else:
                frame = received(sock)
                if frame[12:end] == tags and frame[end:end + 2] not in (b'\x81\x00', b'\x88\xa8'):
                    os.write(tap, frame[:12] + frame[end:])


if __name__ == '__main__':
    main()
