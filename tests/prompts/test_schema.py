"""The answer's schema compiles, accepts an answer, and refuses a fact that was not shown."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
import pytest

import prompts
from prompts import Template
from prompts.schema import FACT_IDS, NAMES, answer_schema

SHIPPED = sorted(Path(prompts.__file__).parent.glob("*/*/output.schema.json"))


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for child in (
        node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    ):
        yield from nodes(child)


@pytest.fixture
def answer() -> dict[str, Any]:
    one = {
        "name": "Acute kidney injury",
        "group": "likely",
        "for": [{"fact": "L2", "is": "high"}],
        "against": [],
        "discriminator": "fractional excretion of sodium",
    }
    return {"diagnoses": [copy.deepcopy(one) for _ in range(3)]}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: "-".join(p.parts[-3:-1]))
@pytest.mark.parametrize("facts", [0, 1, 200])
def test_every_shipped_schema_compiles_in_the_grammar_engine(path: Path, facts: int) -> None:
    llguidance = pytest.importorskip("llguidance")
    schema = answer_schema(orjson.loads(path.read_bytes()), [f"L{i}" for i in range(facts)])
    grammar = llguidance.LLMatcher.grammar_from_json_schema(
        orjson.dumps(schema).decode(), defaults={"whitespace_flexible": False}
    )
    failed, messages = llguidance.LLMatcher.validate_grammar_with_warnings(grammar)
    assert not failed
    assert messages == []


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: "-".join(p.parts[-3:-1]))
def test_no_bound_that_breaks_a_grammar(path: Path) -> None:
    """llama.cpp's grammars fail from repetitions of 2,000 on (ggml-org/llama.cpp #25895)."""
    for node in nodes(orjson.loads(path.read_bytes())):
        for bound in ("maxLength", "maxItems", "minLength", "minItems"):
            assert node.get(bound, 0) < 200


def test_one_string_is_marked_for_the_terminologys_names(template: Template) -> None:
    schema = answer_schema(template.schema, ["L2"])
    assert [node for node in nodes(schema) if node.get(NAMES)] == [
        schema["properties"]["diagnoses"]["items"]["properties"]["name"]
    ]
    assert not any(FACT_IDS in node for node in nodes(schema))


def test_an_answer_of_this_shape_is_valid(template: Template, answer: dict[str, Any]) -> None:
    validator = jsonschema_rs.validator_for(answer_schema(template.schema, ["L2", "S1"]))
    assert validator.is_valid(answer)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("for", [{"fact": "L9", "is": "high"}]),
        ("for", [{"fact": "L2", "is": "raised"}]),
        ("for", []),
        ("against", [{"fact": "L2"}]),
        ("group", "unlikely"),
        ("name", ""),
        ("name", "<b>Cancer</b>"),
        ("name", "a\nb c d"),
        ("name", "D123456"),
        ("discriminator", ""),
        ("confidence", 0.9),
    ],
)
def test_anything_else_is_not(
    template: Template, answer: dict[str, Any], key: str, value: Any
) -> None:
    answer["diagnoses"][1][key] = value
    validator = jsonschema_rs.validator_for(answer_schema(template.schema, ["L2", "S1"]))
    assert not validator.is_valid(answer)


@pytest.mark.parametrize("count", [2, 6])
def test_three_to_five_diagnoses(template: Template, answer: dict[str, Any], count: int) -> None:
    answer["diagnoses"] = answer["diagnoses"][:1] * count
    validator = jsonschema_rs.validator_for(answer_schema(template.schema, ["L2"]))
    assert not validator.is_valid(answer)


def test_a_chart_without_facts_can_only_be_answered_without_evidence(
    template: Template, answer: dict[str, Any]
) -> None:
    validator = jsonschema_rs.validator_for(answer_schema(template.schema, []))
    assert not validator.is_valid(answer)
    for diagnosis in answer["diagnoses"]:
        diagnosis["for"] = []
    assert validator.is_valid(answer)


def test_filling_in_leaves_the_template_as_it_was(template: Template) -> None:
    before = orjson.dumps(template.schema)
    answer_schema(template.schema, ["L1"])
    assert orjson.dumps(template.schema) == before


@pytest.mark.parametrize(
    ("fact", "claim", "valid"),
    [
        ("L2", "high", True),
        ("V1", "normal", True),
        ("L2", "present", False),
        ("S1", "present", True),
        ("P1", "high", False),
        ("P1", "absent", True),
        ("P9", "present", False),
    ],
)
def test_what_may_be_claimed_depends_on_the_kind_of_fact(
    answer: dict[str, Any], fact: str, claim: str, valid: bool
) -> None:
    schema = prompts.load("differential", "2").schema
    validator = jsonschema_rs.validator_for(answer_schema(schema, ["L2", "V1", "S1", "P1"]))
    for where in ("for", "against"):
        for diagnosis in answer["diagnoses"]:
            diagnosis[where] = [{"fact": fact, "is": claim}]
    assert validator.is_valid(answer) is valid


def test_a_laboratory_result_in_words_can_be_told_apart(answer: dict[str, Any]) -> None:
    schema = prompts.load("differential", "2").schema
    filled = answer_schema(schema, ["L2", "L3"], measured={"L2"})
    answer["diagnoses"][0]["for"] = [{"fact": "L3", "is": "present"}]
    assert jsonschema_rs.validator_for(filled).is_valid(answer)


@pytest.mark.parametrize("ids", [["L1"], ["S1"], []])
def test_without_facts_of_a_kind_its_claims_are_not_offered(ids: list[str]) -> None:
    schema = answer_schema(prompts.load("differential", "2").schema, ids)
    evidence = schema["properties"]["diagnoses"]["items"]["properties"]["for"]
    assert "anyOf" not in str(evidence)
    if ids:
        claims = evidence["items"]["properties"]["is"]["enum"]
        assert ("high" in claims, "present" in claims) == (ids == ["L1"], ids == ["S1"])
    else:
        assert evidence == {"type": "array", "maxItems": 0}
