"""What the page of a read consultation is given, and where its wording is suspect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from cds_hooks.console.desk.desk import ReadConsultation
from cds_hooks.console.desk.suspect import kinds, pieces
from prompts import ago

__all__ = ["view_values"]

Json = Mapping[str, Any]


def view_values(read: ReadConsultation, shown: tuple[Any, ...]) -> dict[str, Any]:
    """Values of `desk/consultation.html.j2`; `shown` are the ledger's records of who was shown
    it."""
    told = read.told
    return {
        "told": told,
        "asked": read.asked,
        "silent": read.silent,
        "basis": tuple(_basis(told)),
        "checks": tuple(_check_groups(told["diagnoses"])),
        "rules": tuple(_rules(told)),
        "cards": read.cards,
        "attested": _attested(shown),
        "shown": shown,
        "suspect": _suspect(told),
        "pieces": pieces,
        "kinds": kinds(),
        "ago": ago,
        "version": _version,
    }


def _basis(told: Json) -> Iterator[tuple[str, str]]:
    head, basis = told["consultation"], told["basis"]
    model, template = basis["model"] or {}, basis["template"] or {}
    sampling = basis["sampling"] or {}
    yield "Outcome", " ".join(filter(None, (head["outcome"], head["fault"], head["remark"])))
    yield "Model", f"{model.get('name', 'none')} {model.get('sha256', '')}".strip()
    yield "Engine", model.get("engine", "") or "none"
    identity = f"{template.get('id', '')}/{template.get('version', '')}".strip("/")
    yield "Template", f"{identity} {template.get('sha256', '')}".strip() or "none"
    yield (
        "Sampling",
        ", ".join(f"{k} {'not set' if v is None else v}" for k, v in sampling.items())
        or "not recorded",
    )
    yield "Program", basis["version"] or "not recorded"
    yield "Tables of rules", basis["tables_sha256"] or "not recorded"
    yield "Terminology", basis["terminology_sha256"] or "not recorded"
    if basis["verifier_sha256"]:
        yield "Verifier", basis["verifier_sha256"]
    yield "Settings", basis["settings_sha256"] or "not recorded"
    yield from ((f"{key} (not the default)", value) for key, value in basis["settings"].items())
    yield "Tokens", ", ".join(f"{k} {v}" for k, v in head["tokens"].items()) or "none"


def _check_groups(diagnoses: Json) -> Iterator[tuple[str, Any]]:
    """Checks of the list as a whole; those of each diagnosis stand with it."""
    for title, key in (("Called for, and named by no sample", "red_flags"),
                       ("Abnormal, and cited for nothing", "unexplained")):  # fmt: skip
        if diagnoses[key]:
            yield title, diagnoses[key]


def _rules(told: Json) -> Iterator[Json]:
    for each in told["rules"]:
        text = f"{each['diagnosis']}: {'; '.join(each['told'])}"
        yield {"rule": each["rule"], "text": text, "fact_ids": each["fact_ids"],
               "version": _version(each["table"]), "source": each["source"]}  # fmt: skip
    for name in ("contradictions", "medication_concerns"):
        for each in told[name]:
            yield {"rule": each["check"], "text": each["text"], "fact_ids": each["fact_ids"],
                   "version": _version(each["rule"]), "source": each["source"]}  # fmt: skip


def _version(rule: Json) -> str:
    """Table and version of a rule, as of then or as of today."""
    table = rule["table"] or "program"
    as_of = "" if rule["as_of"] == "the consultation" else ", as of today"
    return f"{table} {rule['version'] or 'without version'}{as_of}"


def _attested(shown: tuple[Any, ...]) -> frozenset[str]:
    """The keyed hashes of the summaries of cards that the ledger says were shown."""
    cards = [each.fields.get("cards", ()) for each in shown]
    return frozenset(
        card["summary_hmac"]
        for some in cards if isinstance(some, list)
        for card in some if isinstance(card, dict) and isinstance(card.get("summary_hmac"), str)
    )  # fmt: skip


def _suspect(told: Json) -> list[tuple[str, str, int]]:
    """Part of the page, kind of wording and count of it, where there is any."""
    parts = {
        "facts": [fact["text"] for fact in told["facts"]],
        "prompt": [each["content"] for each in (told["prompt"] or {}).get("messages", ())
                   if each["role"] == "user"],
        "samples": [each["text"] for each in told["samples"]],
        "feedback": [str(each.get("user_comment", "")) for each in told["feedback"]],
    }  # fmt: skip
    found = []
    for part, texts in parts.items():
        counted = Counter(p.kind for text in texts for p in pieces(text) if p.kind)
        found += [(part, kind, count) for kind, count in sorted(counted.items())]
    return found
