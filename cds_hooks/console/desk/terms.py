"""What a reviewer looks for: a form's fields, checked, and the query that they mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from urllib.parse import parse_qsl

from cds_hooks.audit.ledger.query import LedgerQuery
from cds_hooks.console.desk.desk import Desk
from cds_hooks.console.desk.desk_errors import SearchRefused
from prompts import visible

__all__ = ["Terms", "form_fields"]

_LONGEST_BODY = 16_384
_LONGEST = 300
_TIME = re.compile(r"\d{4}(?:-\d\d(?:-\d\d(?:T\d\d(?::\d\d(?::\d\d)?)?)?)?)?", re.ASCII)
_PSEUDONYM = re.compile(r"[0-9a-zA-Z:_-]{8,200}", re.ASCII)
_SOME = 20


def form_fields(body: bytes) -> dict[str, str]:
    """The fields of a form of ours. Raises SearchRefused for one that is too large or none."""
    if len(body) > _LONGEST_BODY:
        raise SearchRefused("the form is too large", where="form")
    try:
        pairs = parse_qsl(body.decode("ascii"), max_num_fields=40, keep_blank_values=True)
    except ValueError:
        hint = "Send the form of the page."
        raise SearchRefused("this is not what the page sends", where="form", hint=hint) from None
    return {name: value.strip() for name, value in pairs}


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of a search, empty where nothing is asked.

    `since` and `until` are UTC, RFC 3339 or its beginning. `patient` is a FHIR id on `server`: it
    becomes `pseudonyms`, and goes no further. `pseudonyms` has some, with spaces between.
    """

    since: str = ""
    until: str = ""
    service: str = ""
    outcome: str = ""
    type: str = ""
    user: str = ""
    client: str = ""
    patient: str = ""
    server: str = ""
    pseudonyms: str = ""
    consultation: str = ""

    @classmethod
    def of(cls, form: Mapping[str, str]) -> Terms:
        """The terms of a form. Raises SearchRefused, which names the field."""
        terms = cls(**{each.name: form.get(each.name, "") for each in fields(cls)})
        for name, value in terms.given().items():
            if len(value) > _LONGEST or visible(value) != value:
                raise SearchRefused("a term is too long or not one line of text", where=name)
        _require_times(terms)
        some = terms.pseudonyms.split()
        if len(some) > _SOME or not all(_PSEUDONYM.fullmatch(each) for each in some):
            hint = "Copy it from a record, or type the patient's id in its own field."
            raise SearchRefused("this is no pseudonym", where="pseudonyms", hint=hint)
        return terms

    def given(self) -> dict[str, str]:
        """The fields that are not empty; the server is part of the patient."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in found.items() if value}

    def with_pseudonyms(self, desk: Desk) -> Terms:
        """The same with the patient's pseudonyms in place of the id."""
        if not self.patient:
            return replace(self, server="")
        patient = self.patient.removeprefix("Patient/")
        keys = desk.patient_keys(patient, self.server)
        return replace(self, patient="", server="", pseudonyms=" ".join(keys))

    def query(self, desk: Desk) -> LedgerQuery:
        """What is compared with records. `with_pseudonyms` comes before."""
        return LedgerQuery(
            patients=frozenset(self.pseudonyms.split()),
            users=frozenset(desk.user_keys(self.user) if self.user else ()),
            consultation=self.consultation,
            types=frozenset(self.type.split()),
            since=self.since,
            until=self.until,
            service=self.service,
            outcome=self.outcome,
            client=self.client,
        )

    def hashed(self, digest: Callable[..., str]) -> list[str]:
        """`field:keyed hash` of each term, for the ledger."""
        return [f"{name}:{digest('desk-search', name, value)}"
                for name, value in self.given().items()]  # fmt: skip


def _require_times(terms: Terms) -> None:
    for name in ("since", "until"):
        value = getattr(terms, name)
        if value and not _TIME.fullmatch(value):
            hint = "UTC, like 2026-11-22 or 2026-11-22T14:30."
            raise SearchRefused("this is no time", where=name, hint=hint)
