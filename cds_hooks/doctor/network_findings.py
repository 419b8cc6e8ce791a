"""Ports and egress: who has the service's port, and whether listed destinations can be reached."""

from __future__ import annotations

import asyncio
import errno
import re
import socket
from collections.abc import Iterable
from pathlib import Path

import httpx

from cds_hooks.doctor.context import Context
from cds_hooks.doctor.findings import Finding, Level, find
from cds_hooks.errors import ChartsideError
from cds_hooks.runtime.egress import of_service
from cds_hooks.runtime.own_calls import own_http
from cds_hooks.settings import Settings
from cds_hooks.trust.egress.addresses import as_address
from cds_hooks.trust.egress.destinations import AllowList, Destination
from cds_hooks.trust.egress.sockets import listener

__all__ = ["destination_finding", "egress_findings", "port_finding", "port_findings"]

_WITHIN_S = 3.0
_VERSION = re.compile(r"[0-9A-Za-z.+-]{1,40}")


async def port_findings(context: Context) -> list[Finding]:
    """Whether the port is free; if not, whether this service has it, or who else."""
    settings = context.settings
    trouble, taken = _bind_trouble(settings.server.host, settings.server.port)
    if not trouble:
        return [port_finding(settings.server.port)]
    if not taken:
        return [port_finding(settings.server.port, trouble=trouble)]
    if version := await _chartside_there(settings):
        return [port_finding(settings.server.port, service=version)]
    holder = await asyncio.to_thread(_holder, settings.server.port)
    return [port_finding(settings.server.port, trouble=trouble, holder=holder)]


def port_finding(port: int, *, trouble: str = "", holder: str = "", service: str = "") -> Finding:
    """`trouble` is why it cannot be had, `holder` who has it, `service` the version of ours that
    answers there."""
    where = "server.port"
    if service:
        problem = f"port {port}: Chartside {service} answers there"
    elif trouble:
        whom = f", and {holder} has it" if holder else ""
        problem = f"port {port} cannot be had ({trouble}){whom}"
        return find("port", Level.FAIL, where, problem=problem, other=_another(port))
    else:
        problem = f"port {port} is free" if port else "any free port is taken"
    return find("port", Level.PASS, where, problem=problem)


def _bind_trouble(host: str, port: int) -> tuple[str, bool]:
    """Why it cannot be had, and whether that is because somebody has it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
            tried.listen()  # some kernels let two be bound, and only one of them listen
        except OSError as error:
            return error.strerror or type(error).__name__, error.errno == errno.EADDRINUSE
    return "", False


def _another(port: int) -> int:
    """A port that is free now, as near as may be."""
    near = (each for each in range(port + 1, port + 50) if each < 65536)
    return next((each for each in near if not _bind_trouble("127.0.0.1", each)[0]), 0)


async def _chartside_there(settings: Settings) -> str:
    """The version of the service of these settings that answers; it hides its process."""
    try:
        async with own_http(settings, settings.server.port, timeout=_WITHIN_S) as http:
            told = (await http.get("/version")).json()
    except (httpx.HTTPError, ChartsideError, OSError, ValueError):
        return ""
    version = told.get("version") if isinstance(told, dict) and "settings_sha256" in told else None
    # Another program may say anything, and this goes to a terminal.
    return version if isinstance(version, str) and _VERSION.fullmatch(version) else ""


def _holder(port: int) -> str:
    process = listener(port)
    if process is None:
        return f"a process that may not be looked at (ss -ltnp 'sport = :{port}' as root tells)"
    try:
        name = Path(f"/proc/{process}/comm").read_text("utf-8", "replace").strip()
    except OSError:
        name = "a program"
    return f"{name} (process {process})"


async def egress_findings(context: Context) -> list[Finding]:
    """The lock, and one connection to each destination that it lets through; nothing is sent."""
    settings = context.settings
    try:
        allowed = AllowList(of_service(settings), settings.egress.networks)
    except ChartsideError as error:
        problem = error.message
        return [find("egress-destination", Level.FAIL, error.where, error.hint, problem=problem)]
    level = Level.PASS if settings.egress.lock else Level.WARN
    lock = find("egress-lock", level, "egress.lock", count=len(allowed.destinations))
    each = [destination_finding(item, await _reach(allowed, item)) for item in allowed.destinations]
    return [lock, *each]


def destination_finding(item: Destination, trouble: tuple[str, str]) -> Finding:
    """`trouble` is a code and a text: `down` may be up tomorrow, everything else is wrong."""
    name, (code, text) = "egress-destination", trouble
    told = {"destination": str(item), "problem": text}
    if not code:
        return find(name, Level.PASS, item.setting, **told)
    mends = {
        "name": f"getent hosts {item.host}   # mend the name, or the name server",
        "unfit": 'egress.networks = ["..."]   # the network in which it lies, or another name',
        "down": f"nc -vz {item.host} {item.port}   # start it, or open the way to it",
        "socket": f"ls -l {item.host}   # start what should listen there",
    }
    level = Level.WARN if code in {"down", "socket"} else Level.FAIL
    return find(name, level, item.setting, mends[code], **told)


async def _reach(allowed: AllowList, item: Destination) -> tuple[str, str]:
    if item.scheme == "unix":
        there = await asyncio.to_thread(Path(item.host).is_socket)
        return ("", "") if there else ("socket", "no socket is there")
    if item.scheme == "udp":
        return "", ""
    try:
        async with asyncio.timeout(_WITHIN_S):
            addresses = await _addresses(item)
    except (OSError, TimeoutError):
        return "name", "the name has no address"
    if unfit := _all_unfit(allowed, item, addresses):
        return "unfit", f"the lock refuses its address ({unfit})"
    return await _connect(item, addresses[0])


async def _addresses(item: Destination) -> list[str]:
    if item.address is not None:
        return [item.host]
    found = await asyncio.get_running_loop().getaddrinfo(
        item.host, item.port, type=socket.SOCK_STREAM
    )
    return [str(each[4][0]) for each in found]


def _all_unfit(allowed: AllowList, item: Destination, addresses: Iterable[str]) -> str:
    """Why none of them may be connected to; empty when one may."""
    reasons = []
    for text in addresses:
        address = as_address(text)
        why = allowed.unfit(item, address) if address and item.address is None else ""
        if not why:
            return ""
        reasons.append(why)
    return ", ".join(dict.fromkeys(reasons))


async def _connect(item: Destination, address: str) -> tuple[str, str]:
    try:
        async with asyncio.timeout(_WITHIN_S):
            _, writer = await asyncio.open_connection(address, item.port)
    except TimeoutError:
        return "down", f"no connection within {_WITHIN_S:.0f} s"
    except OSError as error:
        return "down", f"no connection ({error.strerror or type(error).__name__})"
    writer.close()
    return "", ""
