"""Nothing is measured on what it was fitted on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from cds_hooks.cli.evaluation_fitted import unseen_by
from cds_hooks.evaluation.evaluation_errors import RunError
from cds_hooks.evaluation.suites.suite import Suite
from cds_hooks.evaluation.trained_cases import (
    TrainedCase,
    case_digests,
    fitted_cases,
    left_out,
    overlap,
    require_unseen,
    trained_beside,
)
from cds_hooks.settings import Settings


def written(path: Path, suite: Suite, part: str, *numbers: int) -> Path:
    digests = [d for n in numbers for d in case_digests(suite.id, suite.cases[n])]
    parts = {"train": {"case_digests": ["0" * 64]}} | {part: {"case_digests": digests}}
    path.write_bytes(orjson.dumps({"parts": parts}))
    return path


def test_a_trained_case_is_found_by_its_id(tmp_path: Path, small_suite: Suite) -> None:
    path = written(tmp_path / "m.json", small_suite, "train", 1, 3)
    assert overlap(small_suite, fitted_cases(path)) == ("case-1", "case-3")
    with pytest.raises(TrainedCase, match="2 of 6 cases of own") as caught:
        require_unseen(small_suite, [path])
    assert caught.value.code == "measured-on-training-case"


def test_a_trained_case_is_found_under_another_id_by_its_words(
    tmp_path: Path, small_suite: Suite
) -> None:
    told = replace(small_suite.cases[0], text="A man of 40 has a painful toe.")
    fitted = replace(small_suite, cases=(told,))
    path = written(tmp_path / "m.json", fitted, "heldout", 0)
    renamed = replace(told, id="other", text="A man of 40:  has a PAINFUL toe")
    elsewhere = replace(small_suite, id="vignettes", cases=(renamed, *small_suite.cases[1:]))
    assert overlap(elsewhere, fitted_cases(path)) == ("other",)


def test_cases_that_were_kept_for_measuring_may_be_measured(
    tmp_path: Path, small_suite: Suite
) -> None:
    path = written(tmp_path / "m.json", small_suite, "unseen", 0, 1, 2)
    require_unseen(small_suite, [path])


def test_a_manifest_that_tells_no_cases_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    for raw in (b"{}", b"no"):
        path.write_bytes(raw)
        with pytest.raises(RunError):
            fitted_cases(path)


def test_the_manifest_lies_beside_the_adapter(tmp_path: Path) -> None:
    adapter = tmp_path / "ours.gguf"
    assert trained_beside([adapter]) == ()
    beside = tmp_path / "ours.gguf.tuning.json"
    beside.write_text("{}")
    assert trained_beside([adapter]) == (beside,)


def test_of_a_suite_that_was_trained_on_only_what_was_kept_is_measured(
    tmp_path: Path, small_suite: Suite
) -> None:
    def digests(*numbers: int) -> dict[str, list[str]]:
        found = [d for n in numbers for d in case_digests(small_suite.id, small_suite.cases[n])]
        return {"case_digests": found}

    path = tmp_path / "m.json"
    parts = {"train": digests(0, 1), "heldout": digests(2), "unseen": digests(3, 4)}
    path.write_bytes(orjson.dumps({"parts": parts}))
    left = left_out(small_suite, [path])
    assert [c.id for c in left.cases] == ["case-3", "case-4"]
    require_unseen(left, [path])
    path.write_bytes(orjson.dumps({"coefficients": digests(0, 1)}))
    assert [c.id for c in left_out(small_suite, [path]).cases] == [f"case-{n}" for n in range(2, 6)]
    elsewhere = replace(small_suite, id="vignettes")
    assert left_out(elsewhere, [path]) == elsewhere


def test_a_run_refuses_what_an_adapter_or_a_panels_model_was_trained_on(
    tmp_path: Path, small_suite: Suite
) -> None:
    def settings(**other: object) -> Settings:
        return Settings.model_validate({"model": {"path": tmp_path / "base.gguf", **other}})

    adapter = tmp_path / "ours.gguf"
    tuned = settings(adapters=[{"path": adapter}])
    assert unseen_by(small_suite, tuned, None, leave_out=False, limit=0) == small_suite
    written(tmp_path / "ours.gguf.tuning.json", small_suite, "train", 1, 3)
    with pytest.raises(TrainedCase):
        unseen_by(small_suite, tuned, None, leave_out=False, limit=0)
    first = unseen_by(small_suite, tuned, None, leave_out=False, limit=1)
    assert [c.id for c in first.cases] == ["case-0"]
    left = unseen_by(small_suite, tuned, None, leave_out=True, limit=2)
    assert [c.id for c in left.cases] == ["case-0", "case-2"]
    assert unseen_by(small_suite, settings(), None, leave_out=False, limit=0) == small_suite
    named = [tmp_path / "ours.gguf.tuning.json"]
    with pytest.raises(TrainedCase):
        unseen_by(small_suite, settings(), named, leave_out=False, limit=0)


def test_a_link_to_an_adapter_does_not_hide_what_it_was_trained_on(tmp_path: Path) -> None:
    adapter, link = tmp_path / "ours.gguf", tmp_path / "current.gguf"
    beside = tmp_path / "ours.gguf.tuning.json"
    adapter.touch()
    beside.write_text("{}")
    link.symlink_to(adapter)
    assert trained_beside([link]) == (beside,)


def test_a_manifest_that_cannot_be_read_is_not_taken_for_none(tmp_path: Path) -> None:
    adapter = tmp_path / "ours.gguf"
    (tmp_path / "ours.gguf.tuning.json").symlink_to(tmp_path / "gone.json")
    (found,) = trained_beside([adapter])
    with pytest.raises(RunError, match="cannot be read"):
        fitted_cases(found)


def test_a_manifest_nested_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "deep.json"
    path.write_bytes(b'{"a":' * 1000 + b"1" + b"}" * 1000)
    with pytest.raises(RunError):
        fitted_cases(path)
