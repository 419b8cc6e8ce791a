"""Known values computed again before a service starts: what comes out otherwise refuses the start.

A library that changed, a damaged table or a file of another edition would else give wrong facts
and say nothing. The values are data with their sources: `known_values.toml` here, conversions of
units in `fhir_mapping/tables/known_conversions.toml`.
"""

from __future__ import annotations

import base64
import hmac
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

import fhir_mapping
import prompts
from cds_hooks.errors import ChartsideError
from fhir_mapping.attachments import text_of
from fhir_mapping.index import Index

if TYPE_CHECKING:
    from cds_hooks.plausibility import Terminology

__all__ = [
    "Checked",
    "SelfCheckFailed",
    "check_canonical",
    "check_chart",
    "check_crypto",
    "check_documents",
    "check_terminology",
    "check_units",
    "quick_checks",
    "require",
    "slow_checks",
]

Row = Mapping[str, Any]


class SelfCheckFailed(ChartsideError):
    """A known value comes out otherwise here: nothing that is computed can be relied on."""

    code = "self-check-failed"
    status = 500


@dataclass(frozen=True, slots=True)
class Checked:
    """`part` is units, documents, chart, terminology, crypto or canonical; `problem` is empty when
    the value is right."""

    part: str
    name: str
    problem: str


_MEND = {
    "units": "Install the versions of deploy/locks/runtime.txt: `make setup` does.",
    "documents": "Install the versions of deploy/locks/runtime.txt: `make setup` does.",
    "chart": "Restore the tables of fhir_mapping and prompts as they were published.",
    "terminology": "Delete the terminology file and compile it again: `make setup` does.",
    "crypto": "Install the versions of deploy/locks/runtime.txt: `make setup` does.",
    "canonical": "Install the versions of deploy/locks/runtime.txt: `make setup` does.",
}


def require(results: Iterable[Checked]) -> None:
    """Raise SelfCheckFailed for the first value that is wrong; the hint says what to do."""
    for one in results:
        if one.problem:
            where = f"{one.part}: {one.name}"
            raise SelfCheckFailed(
                f"a known value is wrong ({one.problem})", where=where, hint=_MEND[one.part]
            )


def slow_checks() -> Iterator[Checked]:
    """What libraries have to be loaded for: units that no table holds, and documents."""
    yield from check_units()
    yield from check_documents()


def quick_checks(terminology: Terminology | None = None) -> Iterator[Checked]:
    """All that takes some milliseconds: everything that no large library is loaded for."""
    yield from check_units(library=False)
    yield from check_canonical()
    yield from check_crypto()
    yield from check_chart()
    if terminology is not None:
        yield from check_terminology(terminology)


def check_units(*, library: bool = True) -> Iterator[Checked]:
    """Conversions between units; with `library` also those that pint or labunits does."""
    for name, problem in fhir_mapping.check_units(library=library):
        yield Checked("units", name, problem)


def check_documents() -> Iterator[Checked]:
    """The text of an HTML, an RTF and a PDF attachment."""
    for row in _known()["documents"]:
        yield _compared("documents", row, _words, row["words"])


def check_canonical() -> Iterator[Checked]:
    """JSON in the form that the ledger hashes."""
    from cds_hooks.audit.ledger.canonical import encode

    for row in _known()["canonical"]:
        wanted = row["expected"].encode()
        yield _compared("canonical", row, lambda row: encode(orjson.loads(row["given"])), wanted)


def check_crypto() -> Iterator[Checked]:
    """What the store seals with, keys are derived by, and the ledger hashes and signs with."""
    for row in _known()["crypto"]:
        yield _compared("crypto", row, _CRYPTO[row["name"]], _hex(row, "expected"))


def check_chart(template: prompts.Template | None = None) -> Iterator[Checked]:
    """A chart of nobody mapped, and rendered with the template in use."""
    row = _known()["chart"]
    for line in row["lines"]:
        named = {**row, "name": line.partition(" ")[0], "line": line}
        yield _compared("chart", named, lambda row: row["line"] in _shown(row, template), True)


def check_terminology(terminology: Terminology) -> Iterator[Checked]:
    """Codes and names looked up in the compiled file."""
    for row in _known()["terminology"]:
        wanted = next(row[key] for key in ("display", "above", "category") if key in row)
        yield _compared("terminology", row, lambda row: _looked_up(terminology, row), wanted)


def _compared(part: str, row: Row, compute: Callable[[Row], object], wanted: object) -> Checked:
    try:
        found = compute(row)
    except Exception as error:  # whatever a library raises: told, and the start refused
        return Checked(part, row["name"], f"it cannot be computed: {type(error).__name__}")
    return Checked(part, row["name"], "" if found == wanted else "the result is another")


@cache
def _known() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("known_values.toml").read_text("utf-8"))


def _shown(row: Row, template: prompts.Template | None) -> list[str]:
    chart = fhir_mapping.map_chart(
        orjson.loads(row["resources"]),
        patient_id=row["patient"],
        now=datetime.fromisoformat(row["now"]),
    )
    layout = prompts.lay_out(chart, template or prompts.load("differential"))
    prompt = prompts.render(layout, [1] * len(layout.texts))
    return prompt.messages[-1].content.splitlines()


def _words(row: Row) -> str:
    data = base64.b64encode(row["given"].encode("cp1252")).decode()
    text, _ = text_of({"contentType": row["media"], "data": data}, Index([]))
    return " ".join(text.split())


def _looked_up(terminology: Terminology, row: Row) -> object:
    if "above" in row:
        return terminology.ancestors(row["code"])
    if "code" in row:
        concept = terminology.concept(row["code"])
        return concept.display if concept else ""
    found = terminology.resolve(row["term"]).icd
    return found[0].category if found else ""


def _hex(row: Row, name: str) -> bytes:
    return bytes.fromhex(row[name])


def _aes_gcm(row: Row) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce, plain, about = (_hex(row, name) for name in ("nonce", "plain", "about"))
    cipher = AESGCM(_hex(row, "key"))
    sealed = cipher.encrypt(nonce, plain, about)
    return sealed if cipher.decrypt(nonce, sealed, about) == plain else b""


def _hkdf(row: Row) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    length = len(_hex(row, "expected"))
    kdf = HKDF(algorithm=SHA256(), length=length, salt=_hex(row, "salt"), info=_hex(row, "about"))
    return kdf.derive(_hex(row, "key"))


def _hmac(row: Row) -> bytes:
    return hmac.digest(_hex(row, "key"), _hex(row, "plain"), "sha256")


def _ed25519(row: Row) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from cds_hooks.audit.ledger.signing import SigningKey

    text = _hex(row, "plain")
    key = SigningKey(Ed25519PrivateKey.from_private_bytes(_hex(row, "key")), "self-check")
    signature, named = key.sign(text), key.public.key_id("self-check")
    accepted = key.public.accepts("self-check", named, signature, text)
    other = key.public.accepts("self-check", named, signature, text + b"x")
    return signature if accepted and not other else b""


def _merkle_tree(row: Row) -> bytes:
    from cds_hooks.audit.ledger.tree import leaf_hash, root_of

    return root_of([leaf_hash(bytes.fromhex(leaf)) for leaf in row["leaves"]])


_CRYPTO: Mapping[str, Callable[[Row], bytes]] = {
    "AES-256-GCM": _aes_gcm,
    "HKDF-SHA256": _hkdf,
    "HMAC-SHA256": _hmac,
    "Ed25519": _ed25519,
    "Merkle tree": _merkle_tree,
}
