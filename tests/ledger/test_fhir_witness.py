"""A FHIR server as witness: a real one (sekmet-fhir), and one that does everything wrong."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from cds_hooks.audit import SiteKey, Store, StoreConfig
from cds_hooks.audit.ledger import checkpoint, storage
from cds_hooks.audit.ledger.fhir_witness import LEDGER, FhirWitness, document, notes_of
from cds_hooks.audit.ledger.ledger_errors import WitnessDiffers, WitnessFailed, WitnessRefused
from cds_hooks.cli.application import app
from cds_hooks.gather.server_base import ServerBase
from cds_hooks.operation import Metrics
from cds_hooks.runtime.ledger import Ledger
from cds_hooks.settings import Settings, load_settings

ROOT = base64.b64encode(bytes(32)).decode()
NOTE = f"test\n1\n{ROOT}\nrecorded 2026-11-23T01:00:00.000Z\n\n— test AAAA\n"


class FixedToken:
    """The one token of a server, and how often it was not taken."""

    def __init__(self, token: str) -> None:
        self.it, self.forgotten = token, 0

    async def token(self) -> str:
        return self.it

    def forget(self, _token: str) -> None:
        self.forgotten += 1


class Faulty:
    """A FHIR server in memory that can be told to fail; it also grants tokens."""

    def __init__(self) -> None:
        self.status = 0
        self.gives_back: Callable[[dict[str, Any]], Any] = lambda found: found
        self.stored: list[dict[str, Any]] = []
        self.wanted_token = ""
        self.asked: list[str] = []
        self.silent_s = 0.0
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def do_POST(self) -> None:
                server.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.base = f"{self.url}/fhir"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, asked: Any) -> None:
        body = asked.rfile.read(int(asked.headers.get("content-length") or 0))
        self.asked.append(f"{asked.command} {asked.path}")
        time.sleep(self.silent_s)
        status, found = self._found(asked, body)
        data = json.dumps(self.gives_back(found)).encode()
        asked.send_response(status)
        if status == 201:
            place = f"http://inner.name/fhir/DocumentReference/{len(self.stored)}/_history/1"
            asked.send_header("Location", place)
        asked.send_header("Content-Length", str(len(data)))
        asked.end_headers()
        asked.wfile.write(data)

    def _found(self, asked: Any, body: bytes) -> tuple[int, Any]:
        url = urlsplit(asked.path)
        if url.path == "/token":
            assert b"client_assertion=" in body
            return 200, {"access_token": self.wanted_token, "token_type": "bearer"}
        if self.status:
            return self.status, {}
        wanted = f"Bearer {self.wanted_token}" if self.wanted_token else None
        if asked.headers.get("authorization") != wanted:
            return 401, {}
        if asked.command == "POST":
            unless = asked.headers.get("if-none-exist")
            if unless and self._matching(unless):
                return 200, {}
            self.stored.append(json.loads(body))
            return 201, {}
        if url.query:
            return 200, self._bundle(self._matching(url.query), url)
        return 200, self.stored[int(url.path.rpartition("/")[2]) - 1]

    def _matching(self, query: str) -> list[dict[str, Any]]:
        system, _, value = parse_qs(query)["identifier"][0].partition("|")
        wanted = {"system": system, "value": value}
        return [each for each in self.stored if wanted in each["identifier"]]

    def _bundle(self, found: list[dict[str, Any]], url: Any) -> dict[str, Any]:
        asked = parse_qs(url.query)
        begin, count = int(asked.get("page", ["0"])[-1]), 2 if "_count=200" in url.query else 100
        more = f"{self.base}/DocumentReference?{url.query}&page={begin + count}"
        link = [{"relation": "next", "url": more}] if begin + count < len(found) else []
        entry = [{"resource": each} for each in found[begin : begin + count]]
        return {"resourceType": "Bundle", "link": link, "entry": entry}

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def faulty() -> Iterator[Faulty]:
    server = Faulty()
    yield server
    server.stop()


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


def witness_at(
    base: str, http: httpx.AsyncClient, tokens: Any = None, name: str = "test"
) -> FhirWitness:
    parsed = ServerBase.parse(base)
    assert parsed is not None
    return FhirWitness(parsed, name, http, tokens, within_s=60)


async def all_of(witness: FhirWitness) -> list[str]:
    return [note async for note in witness.notes()]


@pytest.mark.fhir_server
async def test_a_real_server_takes_checkpoints_once_and_gives_all_back(
    fhir_server: Any, http: httpx.AsyncClient
) -> None:
    name = "ward,5|a"  # what separates values in a search has to be escaped
    witness = witness_at(fhir_server.base, http, FixedToken(fhir_server.token), name)
    made = [NOTE.replace("\n1\n", f"\n{size}\n") for size in range(1, 26)]
    for size, note in enumerate(made, 1):
        await witness.keep(size, note)
    await witness.keep(1, made[0])
    assert sorted(await all_of(witness)) == sorted(made)
    assert set(await witness.newest()) <= set(made)
    # A reviewer finds them without us, by the identifier that docs/reviewers/fhir-witness.md names.
    found = fhir_server.request(
        "GET", f"DocumentReference?identifier={LEDGER}%7Cward%5C%2C5%5C%7Ca"
    )
    assert set(notes_of(found)) <= set(made)
    assert list(notes_of(found))
    other = witness_at(fhir_server.base, http, FixedToken(fhir_server.token), "another")
    assert await all_of(other) == []


@pytest.mark.fhir_server
async def test_a_real_server_refuses_another_token(
    fhir_server: Any, http: httpx.AsyncClient
) -> None:
    tokens = FixedToken("not-this-one")
    witness = witness_at(fhir_server.base, http, tokens)
    with pytest.raises(WitnessRefused, match="401"):
        await witness.keep(1, NOTE)
    assert tokens.forgotten == 2
    with pytest.raises(WitnessRefused):
        await all_of(witness)


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, WitnessRefused), (403, WitnessRefused), (404, WitnessFailed), (500, WitnessFailed),
     (307, WitnessFailed), (422, WitnessFailed)],
)  # fmt: skip
async def test_each_refusal_is_told(
    faulty: Faulty, http: httpx.AsyncClient, status: int, error: type[WitnessFailed]
) -> None:
    faulty.status = status
    witness = witness_at(faulty.base, http)
    for asked in (witness.keep(1, NOTE), witness.newest(), all_of(witness)):
        with pytest.raises(error) as raised:
            await asked
        assert raised.value.code == error.code


async def test_a_server_that_is_away_or_silent_is_told(http: httpx.AsyncClient) -> None:
    server = Faulty()
    witness = witness_at(server.base, http)
    hurried = FhirWitness(witness.base, "test", http, within_s=0.2)
    server.silent_s = 60.0
    with pytest.raises(WitnessFailed):
        await hurried.keep(1, NOTE)
    server.stop()
    with pytest.raises(WitnessFailed, match="reached"):
        await witness.keep(1, NOTE)
    with pytest.raises(WitnessFailed):
        await witness.newest()


@pytest.mark.parametrize(
    "other",
    [{}, [], "text", 7, {"resourceType": "Patient"}, {"resourceType": "Bundle", "entry": [1, {}]},
     document("test", 1, NOTE.replace("1", "2")), document("another", 1, NOTE)],
)  # fmt: skip
async def test_a_server_that_gives_something_else_back_is_no_witness(
    faulty: Faulty, http: httpx.AsyncClient, other: Any
) -> None:
    faulty.gives_back = lambda _: other
    with pytest.raises(WitnessFailed):
        await witness_at(faulty.base, http).keep(1, NOTE)


async def test_what_somebody_else_put_under_the_name_does_not_keep_ours_out(
    faulty: Faulty, http: httpx.AsyncClient
) -> None:
    witness = witness_at(faulty.base, http)
    faulty.stored.append(document("test", 1, "something else"))
    await witness.keep(1, NOTE)
    assert await all_of(witness) == ["something else", NOTE]
    faulty.stored[1] = document("test", 1, "changed later")
    await witness.keep(1, NOTE)
    assert NOTE in await all_of(witness)


async def test_all_pages_are_read_and_none_beyond_the_base(
    faulty: Faulty, http: httpx.AsyncClient
) -> None:
    witness = witness_at(faulty.base, http)
    faulty.stored = [document("test", size, f"note {size}") for size in range(7)]
    assert len(await all_of(witness)) == 7

    def elsewhere(found: Any) -> Any:
        link = [{"relation": "next", "url": "http://169.254.169.254/fhir/DocumentReference"}]
        return {**found, "link": link}

    faulty.gives_back = elsewhere
    with pytest.raises(WitnessFailed):
        await all_of(witness)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["resourceType", "entry", "resource", "identifier", "content", "system",
                         "attachment", "data", "value"]),
        inner | st.sampled_from(["Bundle", "DocumentReference", LEDGER, "test", "AA=="]),
        max_size=5,
    ),
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["resourceType", "entry", "content"]), json_values))
def test_any_resource_gives_texts_or_none(found: dict[str, Any]) -> None:
    assert all(isinstance(note, str) for note in notes_of(found))
    assert all(isinstance(note, str) for note in notes_of(found, "test"))


@given(st.text(max_size=200), st.integers(0, 2**53))
def test_what_is_written_is_read_again(note: str, size: int) -> None:
    made = document("test", size, note.encode("utf-8", "replace").decode())
    assert list(notes_of(made, "test")) == [note.encode("utf-8", "replace").decode()]
    assert list(notes_of(made, "another")) == []
    assert list(notes_of({"resourceType": "Bundle", "entry": [{"resource": made}]})) != []


class Site:
    """A ledger whose checkpoints a FHIR server keeps."""

    def __init__(self, folder: Path, base: str, token_url: str = "", extra: str = "") -> None:
        self.config = folder / "chartside.toml"
        self.key = folder / "witness.pem"
        made = ec.generate_private_key(ec.SECP384R1())
        form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self.key.write_bytes(made.private_bytes(*form))
        self.key.chmod(0o600)
        token = f'client_id = "us"\nkey = "{self.key}"\ntoken_url = "{token_url}"\n'
        self.config.write_text(
            f'[store]\npath = "{folder}/s.sqlite"\nsite_key = "{folder}/site.key"\n'
            f'[ledger]\nname = "test-{folder.name}"\nevery_s = 0.1\n'
            f'[witness]\nfhir_server = "{base}"\n{token if token_url else ""}{extra}'
        )

    def settings(self) -> Settings:
        return load_settings(self.config, {})

    @asynccontextmanager
    async def running(self) -> AsyncIterator[tuple[Ledger, Store]]:
        settings = self.settings()
        key = SiteKey.load(settings.store.site_key, create=True)
        store = Store(
            StoreConfig(Path(settings.store.path)),
            key,
            observer=lambda commit: ledger.committed(commit.ledger_size),
        )
        ledger = Ledger(settings, store, key.key_id)
        await store.open()
        async with ledger.kept(lambda: {"version": "1"}):
            yield ledger, store
        await store.close()


async def until(reached: Callable[[], bool | Awaitable[bool]], within_s: float = 300) -> None:
    ends = time.monotonic() + within_s
    while time.monotonic() < ends:
        found = reached()
        if found if isinstance(found, bool) else await found:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("not reached in time")


def verified(site: Site, *options: object, expect: int = 0) -> dict[str, Any]:
    words = ["audit", "verify", "--config", str(site.config), "--json", *map(str, options)]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == expect, result.output
    found: dict[str, Any] = json.loads(result.output)
    return found


@pytest.mark.fhir_server
async def test_a_service_has_its_checkpoints_at_a_real_server_and_a_cut_ledger_is_found(
    fhir_server: Any, faulty: Faulty, tmp_path: Path
) -> None:
    faulty.wanted_token = fhir_server.token
    site = Site(tmp_path, fhir_server.base, f"{faulty.url}/token")
    async with site.running() as (ledger, store):
        await until(lambda: bool(ledger.fhir and ledger.fhir.newest))
        await store.record_event("hook-answered", patient_id="1")
        first = ledger.fhir.newest if ledger.fhir else ""
        await until(lambda: bool(ledger.fhir and ledger.fhir.newest != first))
        assert ledger.trouble == ""
    found = await asyncio.to_thread(verified, site, "--witness-fhir")
    assert (found["whole"], found["witnessed"]) == (True, True)
    # The reviewer's own way: what the server finds, in a file.
    name = site.settings().ledger.name
    bundle = fhir_server.request("GET", f"DocumentReference?identifier={LEDGER}%7C{name}&_count=99")
    saved = tmp_path / "bundle.json"
    saved.write_text(json.dumps(bundle))
    assert (await asyncio.to_thread(verified, site, "--witness", saved))["witnessed"]

    await cut(site)
    assert (await asyncio.to_thread(verified, site))["whole"]
    found = await asyncio.to_thread(verified, site, "--witness-fhir", expect=1)
    assert found["code"] == "truncated"
    found = await asyncio.to_thread(verified, site, "--witness", saved, expect=1)
    assert found["code"] == "truncated"
    # And the service itself signs no second history.
    async with site.running() as (ledger, _):
        await until(lambda: ledger.trouble == "ledger-forked")


async def cut(site: Site) -> None:
    """What whoever owns machine and key could do: forget the newest records and signatures."""
    import sqlite3

    from cds_hooks.audit.ledger import merkle_tree

    with sqlite3.connect(site.settings().store.path) as at:
        notes = at.execute("SELECT size FROM ledger_checkpoints ORDER BY size").fetchall()
        size = notes[0][0]
        leaves = [row[0] for row in at.execute("SELECT leaf_hash FROM ledger ORDER BY seq")][:size]
        frontier = merkle_tree.Frontier()
        for leaf in leaves:
            frontier.append(leaf)
        at.execute("DELETE FROM ledger WHERE seq >= ?", (size,))
        at.execute("DELETE FROM ledger_nodes WHERE ((position + 1) << level) > ?", (size,))
        at.execute("DELETE FROM ledger_checkpoints WHERE size > ?", (size,))
        row = (size, leaves[-1], b"".join(frontier.hashes))
        at.execute("UPDATE ledger_head SET size = ?, last_hash = ?, frontier = ?", row)
    at.close()


async def test_an_outage_blocks_nothing_is_told_and_is_caught_up_in_order(
    faulty: Faulty, tmp_path: Path
) -> None:
    site = Site(tmp_path, faulty.base)
    faulty.status = 500
    metrics = Metrics()
    async with site.running() as (ledger, store):
        assert ledger.fhir is not None
        ledger.fhir.told_in(metrics.registry)
        await until(lambda: ledger.trouble == "witness-failed")
        for _ in range(3):
            await store.record_event("hook-answered", patient_id="1")
            await ledger.sign()
        signed = await store.ledger.checkpoints()
        assert len(signed) >= 3
        page = metrics.page()[0].decode()
        assert "chartside_witness_behind_records 0.0" not in page
        faulty.status = 0
        await until(lambda: ledger.trouble == "" and len(faulty.stored) >= 3)
        kept = [next(notes_of(each)) for each in faulty.stored]
        sizes = [checkpoint.parse(note).size for note in kept]
        assert sizes == sorted(sizes)
        assert kept[: len(signed)] == signed
        assert 'chartside_witness_copies_total{result="ok"}' in metrics.page()[0].decode()


async def test_what_was_not_copied_before_a_stop_is_copied_after_the_next_start(
    faulty: Faulty, tmp_path: Path
) -> None:
    site = Site(tmp_path, faulty.base)
    faulty.status = 503
    async with site.running() as (ledger, _):
        await until(lambda: ledger.trouble == "witness-failed")
    faulty.status = 0
    async with site.running() as (ledger, store):
        await until(lambda: len(faulty.stored) >= 2 and ledger.trouble == "")
        notes = await store.ledger.checkpoints()
        assert [next(notes_of(each)) for each in faulty.stored][:2] == notes[:2]
    # A start that finds all there asks for none of it again.
    before = [next(notes_of(each)) for each in faulty.stored]
    faulty.asked.clear()
    async with site.running() as (ledger, store):
        await until(lambda: len(faulty.stored) > len(before))
    posted = sum(each.startswith("POST") for each in faulty.asked)
    new = [next(notes_of(each)) for each in faulty.stored[len(before) :]]
    assert set(new).isdisjoint(before)
    # The stop may have cut the last one off before it was stored.
    assert posted - len(new) in (0, 1)


async def test_a_token_that_is_refused_is_asked_for_anew(faulty: Faulty, tmp_path: Path) -> None:
    faulty.wanted_token = "first"
    site = Site(tmp_path, faulty.base, f"{faulty.url}/token")
    async with site.running() as (ledger, store):
        await until(lambda: len(faulty.stored) >= 1)
        faulty.wanted_token = "second"
        count = len(faulty.stored)
        await store.record_event("hook-answered", patient_id="1")
        await until(lambda: len(faulty.stored) > count)
        assert ledger.trouble == ""


async def test_forged_notes_at_the_server_do_not_stop_the_service(
    faulty: Faulty, tmp_path: Path
) -> None:
    site = Site(tmp_path, faulty.base)
    forged = NOTE.replace("test", f"test-{tmp_path.name}").replace("\n1\n", "\n999999\n")
    faulty.stored.append(document(f"test-{tmp_path.name}", 999999, forged))
    async with site.running() as (ledger, store):
        await until(lambda: len(faulty.stored) >= 2)
        assert ledger.trouble == ""
        assert await store._transactions.read(lambda c: storage.head(c).size) > 0
    # Whoever verifies is told that something stands there which the key did not sign.
    found = await asyncio.to_thread(verified, site, "--witness-fhir", expect=1)
    assert found["code"] == "signature"


def test_a_file_that_holds_no_resource_is_refused(tmp_path: Path, faulty: Faulty) -> None:
    site = Site(tmp_path, faulty.base)
    for content in (b"", b"[]", b"{}", b"\xff", base64.b64encode(b"x")):
        (tmp_path / "file.json").write_bytes(content)
        result = CliRunner().invoke(
            app,
            ["audit", "verify", "--config", str(site.config), "--witness",
             str(tmp_path / "file.json")],
        )  # fmt: skip
        assert result.exit_code
        assert getattr(result.exception, "code", "") == "export-unreadable"


def test_verification_speaks_to_no_server_that_the_settings_do_not_name(
    tmp_path: Path, faulty: Faulty
) -> None:
    site = Site(tmp_path, faulty.base)
    text = site.config.read_text()
    site.config.write_text(text.replace(faulty.base, ""))
    words = ["audit", "verify", "--config", str(site.config), "--witness-fhir"]
    result = CliRunner().invoke(app, words)
    assert getattr(result.exception, "where", "") == "witness.fhir_server"
    assert faulty.asked == []


async def test_a_server_that_loses_what_it_took_is_told_by_its_code(
    faulty: Faulty, http: httpx.AsyncClient
) -> None:
    faulty.gives_back = lambda found: {**found, "content": []} if "content" in found else found
    with pytest.raises(WitnessDiffers):
        await witness_at(faulty.base, http).keep(1, NOTE)
