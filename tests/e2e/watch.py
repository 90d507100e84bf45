# SPDX-License-Identifier: Apache-2.0
"""Watches every interface of the network namespace it runs in, until its
standard input ends. Prints "ready", then a line for every packet that a test
of ours can have caused: to or from documentation addresses, with a name of
.test asked for, or with the marker in it.

Packets on loopback count as well, but for those that carry the conversation
with the stand-in registry (their port is the argument); what that was asked is
in its log."""
import select
import socket
import struct
import sys

MARKER = b"lzleakmarker7f3a"
V4 = socket.inet_aton("198.51.100.0")[:3]
V6 = socket.inet_pton(socket.AF_INET6, "2001:db8::")[:4]
EXEMPT = int(sys.argv[1]) if len(sys.argv) > 1 else -1


def why(frame, protocol):
    if protocol == 0x0800 and len(frame) >= 20:
        if V4 in (frame[12:15], frame[16:19]):
            return "an IPv4 packet of the test"
        header = (frame[0] & 15) * 4
        if frame[9] == 6 and len(frame) >= header + 4 and EXEMPT in \
                struct.unpack("!HH", frame[header:header + 4]):
            return None
    if protocol == 0x86dd and V6 in (frame[8:12], frame[24:28]):
        return "an IPv6 packet of the test"
    if MARKER in frame:
        return "the marker"
    if b"\x04test\x00" in frame:
        return "a name of .test"
    return None


def main():
    seen = 0
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM,
                       socket.htons(3)) as s:
        print("ready", flush=True)
        while True:
            ready, _, _ = select.select([s, sys.stdin], [], [])
            if s in ready:
                frame, where = s.recvfrom(65535)
                reason = why(frame, where[1])
                if reason is not None:
                    seen += 1
                    print(f"{where[0]}: {reason}: {frame[:64].hex()}",
                          flush=True)
            elif not sys.stdin.readline():
                break
    print(f"{seen} packets", flush=True)


main()
