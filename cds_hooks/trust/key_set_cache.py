"""The key sets of all clients: given, or read from a client's own URL and kept.

An unknown key id may mean that a client has a new key, so its set is read again, but at most once
in `floor_s`: whoever sends made-up ids must not turn this service against the client's host. A
host that is down leaves the keys in force for `stale_s`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

import httpx

from cds_hooks.trust.caller_errors import KeysUnusable
from cds_hooks.trust.client import Client
from cds_hooks.trust.key_set import MAX_BYTES, KeySet, parse_key_set
from cds_hooks.trust.trust_settings import ClientKeysSettings

__all__ = ["KeySets", "Read", "read_key_set"]

Read = Callable[[str], Awaitable[bytes]]

_NONE = KeySet()


@dataclass(slots=True)
class _Kept:
    keys: KeySet = _NONE
    read_at: float = float("-inf")
    tried_at: float = float("-inf")


class KeySets:
    """Key sets by client. `told` hears of each read: the client's name and "" or an error's code;
    `published` lets the published keys of test tools in.

    Raises KeysUnusable for a given set that cannot be used.
    """

    def __init__(
        self,
        clients: Iterable[Client],
        read: Read,
        config: ClientKeysSettings,
        *,
        published: bool = False,
        clock: Callable[[], float] = time.monotonic,
        told: Callable[[str, str], None] = lambda _name, _code: None,
    ) -> None:
        self._read, self._config, self._clock, self._told = read, config, clock, told
        self._published = published
        self._given: dict[str, KeySet] = {}
        self._kept: dict[str, _Kept] = {}
        self._reading: dict[str, asyncio.Task[None]] = {}
        for client in clients:
            if client.fetches:
                self._kept[client.name] = _Kept()
            else:
                self._given[client.name] = self._of_settings(client)

    def of(self, client: Client) -> KeySet:
        """The keys in force now; none when they are too old to be trusted."""
        if not client.fetches:
            return self._given.get(client.name, _NONE)
        kept = self._kept[client.name]
        return kept.keys if self._clock() - kept.read_at <= self._config.stale_s else _NONE

    async def refresh(self, client: Client) -> bool:
        """Read a client's set again unless that was tried just now; whether it was."""
        reading = self._reading.get(client.name)
        if reading is None:
            if not client.fetches or not self._due(client, self._config.floor_s):
                return False
            reading = self._begin(client)
        await asyncio.shield(reading)
        return True

    def renew(self, client: Client) -> None:
        """Begin to read a set that is not fresh any more; nobody waits for it."""
        kept = self._kept.get(client.name)
        if kept is None or client.name in self._reading:
            return
        old = self._clock() - kept.read_at > self._config.fresh_s
        if old and self._due(client, self._config.floor_s):
            self._begin(client)

    async def close(self) -> None:
        """End what is being read."""
        tasks = list(self._reading.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _due(self, client: Client, after_s: float) -> bool:
        return self._clock() - self._kept[client.name].tried_at >= after_s

    def _begin(self, client: Client) -> asyncio.Task[None]:
        self._kept[client.name].tried_at = self._clock()
        task = asyncio.create_task(self._once(client), name=f"key set of {client.name}")
        self._reading[client.name] = task
        task.add_done_callback(lambda _: self._reading.pop(client.name, None))
        return task

    async def _once(self, client: Client) -> None:
        kept = self._kept[client.name]
        try:
            async with asyncio.timeout(self._config.read_s):
                document = await self._read(client.jku)
            kept.keys, kept.read_at = self._parsed(client, document), self._clock()
        except KeysUnusable as error:
            self._told(client.name, error.code)
        except (TimeoutError, httpx.HTTPError, OSError, ValueError):
            self._told(client.name, "client-keys-unreachable")
        else:
            self._told(client.name, "")

    def _of_settings(self, client: Client) -> KeySet:
        try:
            return self._parsed(client, client.given_keys())
        except KeysUnusable as error:
            where = error.where or f"client {client.name}"
            raise KeysUnusable(error.message, where=where, hint=error.hint) from None

    def _parsed(self, client: Client, document: bytes) -> KeySet:
        return parse_key_set(document, frozenset(client.algorithms), published=self._published)


async def read_key_set(http: httpx.AsyncClient, url: str) -> bytes:
    """The document at a client's own URL: 200, at most 256 KiB, no redirect.

    Raises httpx.HTTPError, and KeysUnusable for any other answer.
    """
    async with http.stream("GET", url, headers={"Accept": "application/json"}) as answer:
        if answer.status_code != httpx.codes.OK:
            raise KeysUnusable("the key set's URL does not answer 200")
        document = b""
        async for piece in answer.aiter_bytes():
            document += piece
            if len(document) > MAX_BYTES:
                raise KeysUnusable("the key set is larger than 256 KiB")
        return document
