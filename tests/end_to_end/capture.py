"""A packet capture of a few lines: which flows were on which interface."""

from __future__ import annotations

import ipaddress
import socket
import threading
from typing import NamedTuple

__all__ = ["Capture", "Flow", "flow_of"]

_ALL = 0x0003
_IPV4, _IPV6, _ARP = 0x0800, 0x86DD, 0x0806
_NAMED = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmp6"}


class Flow(NamedTuple):
    """One packet's interface, protocol, and both ends."""

    interface: str
    protocol: str
    source: str
    source_port: int
    target: str
    target_port: int


def flow_of(interface: str, kind: int, packet: bytes) -> Flow | None:
    """What a packet says of itself; None for neighbour discovery (ARP)."""
    if kind == _ARP:
        return None
    if kind == _IPV4 and len(packet) >= 20:
        head, number, ends = 4 * (packet[0] & 15), packet[9], (packet[12:16], packet[16:20])
    elif kind == _IPV6 and len(packet) >= 40:
        head, number, ends = 40, packet[6], (packet[8:24], packet[24:40])
    else:
        return Flow(interface, f"ethertype {kind:#06x}", "", 0, "", 0)
    protocol = _NAMED.get(number, str(number))
    ports = packet[head : head + 4] if protocol in {"tcp", "udp"} else b"\0\0\0\0"
    source, target = (str(ipaddress.ip_address(end)) for end in ends)
    here, there = (int.from_bytes(ports[at : at + 2], "big") for at in (0, 2))
    return Flow(interface, protocol, source, here, target, there)


class Capture:
    """Every packet of every interface of this namespace, from now until `stop`."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ALL))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
        self._socket.settimeout(0.2)
        self._ends = threading.Event()
        self.flows: set[Flow] = set()
        self.packets = 0
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while not self._ends.is_set():
            try:
                packet, where = self._socket.recvfrom(128)
            except TimeoutError:
                continue
            self.packets += 1
            flow = flow_of(where[0], where[1], packet)
            if flow is not None:
                self.flows.add(flow)

    def stop(self) -> int:
        """End; how many packets the kernel had to drop, of which nothing is known."""
        self._ends.set()
        self._thread.join()
        told = self._socket.getsockopt(263, 6, 8)  # SOL_PACKET, PACKET_STATISTICS
        self._socket.close()
        return int.from_bytes(told[4:8], "little")
