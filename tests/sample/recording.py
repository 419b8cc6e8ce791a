"""Eighty invented closed-list cases with a recorded answer for each column of the catalogue.

Every figure that the tests expect of it was counted by hand from `ANSWERS`: the cases are in eight
groups of ten, and a model's three runs answer alike in a group. T is the truth, a to d are the
other options in their order, x is an invented name off the list, - is no answer.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping

from cds_hooks.evaluation.research.catalogue import RecordedModel, catalogue

__all__ = ["ANSWERS", "CASES", "SHIFTED", "csv_text"]

CASES, _GROUP = 80, 10

ANSWERS: Mapping[str, str] = {
    "gemini-3.1-pro": "TTT TTT TTT TTT TTT TTT TTa aaa",
    "gpt-5.1": "TTT TTT TTT TTT TTT aTT Taa aaa",
    "qwen3.5-35b-ft": "TTT TTT TTT TTT TTT aaa Tab aab",
    "gemma-4-31b": "TTT TTT TTT TTT TTT TTT aaa aTT",
    "gpt-oss-20b-ft": "TTT TTT TTT TTT TTT TTT aTT aba",
    "qwen3.5-35b": "TTT TTT TTT TTT TTa aaa Taa bbb",
    "gpt-oss-20b-high": "TTT TTT TTT TTa TTT bTT abb x--",
    "qwen3.5-9b": "TTT TTT TTT TTT TTa Taa aaa bbb",
    "qwen3.5-9b-ft": "TTT TTT TTT TTT TTT TTa aaa bbb",
    "gpt-oss-20b-medium": "TTT TTT TTT TTT TTa aaT aaT TTT",
}
"""The other models of the catalogue answer as `_OTHERS` does."""
_OTHERS = "TTT TTT TTT TTT aaa bbb ccc ddd"

SHIFTED = ("qwen3.5-9b", range(12, 17))
"""Places of cases (from 0) in whose rows this model's answers slipped one down: the first holds
the answer of a case that is not in the file, the others that of the row above; the last case's own
answer is lost."""

_LISTS = (
    ("Gout", "Septic arthritis", "Pseudogout", "Cellulitis", "Reactive arthritis"),
    ("Nail\u2013patella syndrome", "Achondroplasia", "Hypochondroplasia", "Rickets", "Scurvy"),
    ("Neurofibromatosis, type 1", "Legius syndrome", "Noonan syndrome", "Cowden syndrome",
     "Tuberous sclerosis"),
    ("Sarcoidosis", "Tuberculosis", "Silicosis", "Berylliosis", "Histoplasmosis"),
    ("Appendicitis", "Crohn disease", "Mesenteric adenitis", "Ovarian torsion", "Diverticulitis"),
    ("Osteosarcoma", "Ewing sarcoma", "Chondrosarcoma", "Osteomyelitis", "Giant cell tumor"),
    ("Meningioma", "Schwannoma", "Ependymoma", "Glioblastoma", "Medulloblastoma"),
    ("Hydatid cyst", "Simple cyst", "Biliary cystadenoma", "Liver abscess", "Caroli disease"),
    ("Moyamoya disease", "Vasculitis", "Dissection", "Fibromuscular dysplasia", "Migraine"),
    ("Pheochromocytoma", "Adrenal adenoma", "Neuroblastoma", "Adrenal myelolipoma",
     "Adrenal hemorrhage"),
)  # fmt: skip
"""Ten lists of five; neighbouring cases share no name, so that a slipped row can be told."""
_SECTIONS = ("Musculoskeletal system", "Abdominal imaging", "Neuroradiology", "Chest imaging")


def csv_text() -> str:
    """The file: id, section, list and truth of each case, then a column a run."""
    models = catalogue().model
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    head = ["case_id", "Section", "DifferentialDiagnosisList", "FinalDiagnosis"]
    writer.writerow([*head, *(column for m in models for column in m.columns)])
    for at in range(CASES):
        answers = [answer for m in models for answer in _answers(at, m)]
        names = ", ".join(_shown(at))
        section = _SECTIONS[at % len(_SECTIONS)]
        writer.writerow([f"{5001 + at}", section, names, _options(at)[0], *answers])
    return file.getvalue()


def _options(at: int) -> tuple[str, ...]:
    """The truth and then the others, in an order that differs from group to group."""
    names = _LISTS[at % len(_LISTS)]
    turn = at // _GROUP % len(names)
    return (*names[turn:], *names[:turn])


def _shown(at: int) -> list[str]:
    """The options as listed: the truth is first in every fifth case."""
    truth, *others = _options(at)
    others.insert(at % 5, truth)
    return others


def _answers(at: int, model: RecordedModel) -> Iterator[str]:
    name, rows = SHIFTED
    slipped = model.id == name and at in rows
    if slipped and at == rows.start:
        return (_said(at, "x") for _ in model.columns)
    asked = at - 1 if slipped else at
    letters = ANSWERS.get(model.id, _OTHERS).split()[asked // _GROUP]
    return (_said(asked, letter) for letter in letters[: len(model.columns)])


def _said(at: int, letter: str) -> str:
    if letter == "-":
        return ""
    if letter == "x":
        return f"Invented disease {at}"
    return _options(at)["Tabcd".index(letter)]
