"""Whatever is done to an export of a ledger is found, also while the witness has moved on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from cds_hooks.audit import SiteKey, Store, StoreConfig
from cds_hooks.audit.ledger import canonical_json, checkpoint
from cds_hooks.audit.ledger.checkpoint_keys import CheckpointSigner
from cds_hooks.audit.ledger.export import Export
from cds_hooks.audit.ledger.export_end import sign_end
from cds_hooks.runtime.ledger import Ledger, signing_key
from tests.ledger.ledgers import OTHER_KEY, rechained, signed
from tests.ledger.sites import Site, run, told

SIGNED = (4, 8, 12, 16)
"""Sizes at which the service signed before the export; it has one record more than the last."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The content of an export, and the key of whoever forges it with the site's own."""

    lines: list[bytes]
    notes: list[str]
    end: str
    key: CheckpointSigner
    earlier: str = ""
    later: str = ""

    def write(self, folder: Path) -> None:
        folder.mkdir()
        notes = [canonical_json.encode({"note": note}) for note in self.notes]
        for name, lines in (("records.ndjson", self.lines), ("checkpoints.ndjson", notes)):
            (folder / name).write_bytes(b"".join(line + b"\n" for line in lines))
        if self.end:
            (folder / "end.note").write_text(self.end)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site whose service went on after `early` and `export` were taken."""
    made = Site(tmp_path_factory.mktemp("site"))
    asyncio.run(_make(made))
    return made


async def _make(site: Site) -> None:
    settings = site.settings()
    key = SiteKey.load(settings.store.site_key, create=True)
    store = Store(StoreConfig(site.store), key)
    await store.open()
    ledger = Ledger(settings, store, key.key_id)
    for size in range(1, 21):
        await store.record_event("hook-answered", outcome="answered", reason=f"r{size}")
        if size % 4 == 0:
            await ledger.sign()
        if size in (9, 17):
            folder = site.export if size == 17 else site.export.with_name("early")
            await asyncio.to_thread(run, "export", folder, "--config", site.config)
    await store.close()


@pytest.fixture(scope="module")
def public(site: Site) -> Path:
    """The key that the site gave the reviewer."""
    place = site.export.with_name("given.pub")
    place.write_text(signing_key(site.settings()).public.line() + "\n")
    return place


@pytest.fixture(scope="module")
def taken(site: Site) -> Taken:
    export, early = Export(site.export), Export(site.export.with_name("early"))
    lines, notes = list(export.lines()), list(export.notes())
    later = (site.witness / f"checkpoint-{20:016}.note").read_text()
    key = signing_key(site.settings())
    return Taken(lines, notes, export.end(), key, early.end(), later)


def changed(lines: list[bytes], at: int = 5) -> list[bytes]:
    assert b'"answered"' in lines[at]
    return [*lines[:at], lines[at].replace(b'"answered"', b'"refused"'), *lines[at + 1 :]]


def more(lines: list[bytes]) -> list[bytes]:
    """With a record at the end that nobody wrote, chained as it should be."""
    return rechained([*lines, lines[3].replace(b'"answered"', b'"refused"')])


def forked(taken: Taken, lines: list[bytes], key: CheckpointSigner) -> Taken:
    """This history signed by a key, with an end as that key states it."""
    sizes = [size for size in SIGNED if size < len(lines)]
    notes = signed(lines, [*sizes, len(lines)], key)
    last = checkpoint.parse(notes[-1])
    end = sign_end(last, notes, "2026-11-22T10:00:00.000Z", key)
    return replace(taken, lines=lines, notes=notes, end=end)


def restated(taken: Taken, count: int, key: CheckpointSigner, at: str) -> Taken:
    """Cut back to so many checkpoints, with an end that says so."""
    notes = taken.notes[:count]
    last = checkpoint.parse(notes[-1])
    lines = taken.lines[: last.size]
    return replace(taken, lines=lines, notes=notes, end=sign_end(last, notes, at, key))


Edit = Callable[[Taken], Taken]

RECORDS: dict[str, Edit] = {
    "a record changed": lambda t: replace(t, lines=changed(t.lines)),
    "the last record changed": lambda t: replace(t, lines=changed(t.lines, 15)),
    "changed, the rest rewritten": lambda t: replace(t, lines=rechained(changed(t.lines))),
    "not in canonical form": lambda t: replace(t, lines=[*t.lines[:5], b" " + t.lines[5]]),
    "a record dropped": lambda t: replace(t, lines=[*t.lines[:5], *t.lines[6:]]),
    "the first dropped": lambda t: replace(t, lines=t.lines[1:]),
    "the last dropped": lambda t: replace(t, lines=t.lines[:-1]),
    "dropped, the rest rewritten": lambda t: replace(
        t, lines=rechained([*t.lines[:5], *t.lines[6:]])
    ),
    "two swapped": lambda t: replace(t, lines=[*t.lines[:5], t.lines[6], t.lines[5], *t.lines[7:]]),
    "swapped, the rest rewritten": lambda t: replace(
        t, lines=rechained([*t.lines[:5], t.lines[6], t.lines[5], *t.lines[7:]])
    ),
    "one inserted": lambda t: replace(t, lines=[*t.lines[:5], t.lines[3], *t.lines[5:]]),
    "inserted, the rest rewritten": lambda t: replace(
        t, lines=rechained([*t.lines[:5], t.lines[3], *t.lines[5:]])
    ),
    "all dropped": lambda t: replace(t, lines=[]),
}
ENDS: dict[str, Edit] = {
    "cut before a checkpoint": lambda t: replace(t, lines=t.lines[:14]),
    "cut with its checkpoint": lambda t: replace(t, lines=t.lines[:14], notes=t.notes[:3]),
    "cut back to a checkpoint": lambda t: replace(t, lines=t.lines[:12], notes=t.notes[:3]),
    "cut back, end stated by another key": lambda t: restated(
        t, 3, OTHER_KEY, "2026-11-22T10:00:00.000Z"
    ),
    "the end of an earlier export": lambda t: replace(t, end=t.earlier),
    "this end on an earlier export": lambda t: replace(t, lines=t.lines[:8], notes=t.notes[:2]),
    "another time of export": lambda t: replace(t, end=t.end.replace("exported 2", "exported 3")),
    "another size at the end": lambda t: replace(t, end=t.end.replace("\n16\n", "\n12\n")),
    "a checkpoint as the end": lambda t: replace(t, end=t.notes[2]),
    "a forged tail": lambda t: replace(t, lines=more(t.lines)),
    "a forged tail, no end": lambda t: replace(t, lines=more(t.lines), end=""),
    "a forged tail that another key signed": lambda t: replace(
        t, notes=[*t.notes, *signed(more(t.lines), [17], OTHER_KEY)], lines=more(t.lines)
    ),
}
CHECKPOINTS: dict[str, Edit] = {
    "one dropped": lambda t: replace(t, notes=[*t.notes[:1], *t.notes[2:]]),
    "the last dropped": lambda t: replace(t, notes=t.notes[:-1]),
    "all dropped, and the end": lambda t: replace(t, notes=[], end=""),
    "one replaced by another": lambda t: replace(t, notes=[t.notes[0], *t.notes[:1], *t.notes[2:]]),
    "a size changed": lambda t: replace(
        t, notes=[t.notes[0].replace("\n4\n", "\n5\n"), *t.notes[1:]]
    ),
    "signed by another key": lambda t: replace(t, notes=signed(t.lines, SIGNED, OTHER_KEY)),
    "a later one added": lambda t: replace(t, notes=[*t.notes, t.later]),
    "all signed by another key": lambda t: forked(t, rechained(changed(t.lines)), OTHER_KEY),
}
EDITS = [
    *(pytest.param(edit, id=name) for name, edit in RECORDS.items()),
    *(pytest.param(edit, id=name) for name, edit in ENDS.items()),
    *(pytest.param(edit, id=f"checkpoints: {name}") for name, edit in CHECKPOINTS.items()),
]

WITNESSED = {
    "a fork signed by the site's key": lambda t: forked(t, rechained(changed(t.lines)), t.key),
    "a longer fork signed by the site's key": lambda t: forked(
        t, more(more(rechained(changed(t.lines, 13)))), t.key
    ),
    "cut back to a checkpoint, no end": lambda t: replace(
        t, lines=t.lines[:12], notes=t.notes[:3], end=""
    ),
    "cut back, end stated long after by the site's key": lambda t: restated(
        t, 3, t.key, "2999-11-22T10:00:00.000Z"
    ),
    "cut back, end stated by the site's key without a time": lambda t: restated(t, 3, t.key, "now"),
}


def test_what_was_taken_is_whole_up_to_its_end(
    site: Site, taken: Taken, public: Path, tmp_path: Path
) -> None:
    taken.write(tmp_path / "same")
    options = ("--public-key", public, "--witness", site.witness)
    found = told("verify", tmp_path / "same", *options)
    assert (found["records"], found["covered"], found["checkpoints"]) == (16, 16, 4)
    assert found["signed_at"] == checkpoint.parse(taken.notes[-1]).signed_at
    later = checkpoint.parse(taken.later)
    assert found["later_checkpoints"] == 1
    assert found["newest_witnessed"] == {"size": 20, "signed_at": later.signed_at}
    text = run("verify", tmp_path / "same", *options)
    assert f"whole up to 16 records at {found['signed_at']}" in text
    assert f"exported at {found['exported_at']}" in text
    assert "1 later checkpoints of the witness are not covered by this export" in text
    early = told("verify", site.export.with_name("early"), *options)
    assert (early["records"], early["later_checkpoints"]) == (8, 3)


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_is_found(
    edit: Edit, site: Site, taken: Taken, public: Path, tmp_path: Path
) -> None:
    edit(taken).write(tmp_path / "edited")
    for witness in ((), ("--witness", site.witness)):
        found = told("verify", tmp_path / "edited", "--public-key", public, *witness, expect=1)
        assert not found["whole"]
        assert "NOT whole" in run(
            "verify", tmp_path / "edited", "--public-key", public, *witness, expect=1
        )


@pytest.mark.parametrize("edit", [pytest.param(e, id=name) for name, e in WITNESSED.items()])
def test_what_only_a_witness_can_tell_is_found_with_one(
    edit: Edit, site: Site, taken: Taken, public: Path, tmp_path: Path
) -> None:
    edit(taken).write(tmp_path / "edited")
    options = ("--public-key", public, "--witness", site.witness)
    assert not told("verify", tmp_path / "edited", *options, expect=1)["whole"]
    assert told("verify", tmp_path / "edited", *options[:2])["whole"]  # so the witness it is


def test_a_larger_checkpoint_of_a_key_that_came_later_is_counted(
    site: Site, taken: Taken, public: Path, tmp_path: Path
) -> None:
    taken.write(tmp_path / "same")
    (tmp_path / "witness").mkdir()
    [note] = signed(more(taken.lines), [17], OTHER_KEY)
    (tmp_path / "witness" / f"checkpoint-{17:016}.note").write_text(note)
    options = ("--public-key", public, "--witness", tmp_path / "witness")
    found = told("verify", tmp_path / "same", *options)
    assert (found["later_checkpoints"], found["later_of_other_keys"]) == (0, 1)
    [note] = signed(taken.lines, [15], OTHER_KEY)
    (tmp_path / "witness" / f"checkpoint-{15:016}.note").write_text(note)
    assert told("verify", tmp_path / "same", *options, expect=1)["code"] == "signature"
