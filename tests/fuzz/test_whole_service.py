"""Thousands of requests to the whole service over a real socket: 20,000 in `make fuzz`.

Each carries words that nothing else holds. No answer is a fault of ours (5xx but for the documented
503), and none of the words comes back in a body or a header or stands in a line of the log; what a
chart says may stand on its own card and nowhere else.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import schemathesis
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from cds_hooks.services import REGISTRY
from tests.fuzz.serving import Fuzzed, fuzzed_service
from tests.hostile.charts import BENIGN, corpus
from tests.hostile.conftest import body_of

pytestmark = pytest.mark.slow
PHASES = [Phase.explicit, Phase.generate]
EACH = settings(phases=PHASES)
TWICE = settings(max_examples=settings.default.max_examples * 2, phases=PHASES)
OPERATIONS = {
    "hook": ("post", "/cds-services/{service_id}"),
    "feedback": ("post", "/cds-services/{service_id}/feedback"),
    "page": ("get", "/consultations/{link}"),
}
HEADERS = (
    *("content-type", "accept", "prefer", "origin", "x-request-id", "x-forwarded-for"),
    *("forwarded", "content-encoding", "range", "cookie", "authorization"),
)
VIEW = "/cds-services/chartside-patient-view"
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzed]:
    with fuzzed_service(tmp_path_factory.mktemp("fuzz")) as service:
        yield service


@pytest.fixture(autouse=True)
def _counted(fuzzed: Fuzzed, request: pytest.FixtureRequest) -> Iterator[None]:
    """With `-s`, how many requests each test made."""
    before = fuzzed.requests
    yield
    print(f"{request.node.name}: {fuzzed.requests - before} requests")


@pytest.fixture(scope="module")
def operations(fuzzed: Fuzzed) -> dict[tuple[str, str], Any]:
    # By our client, which waits longer than the tool's own: a service that has just started may
    # take its time over the first document.
    schema = schemathesis.openapi.from_dict(fuzzed.client.get("/openapi.json").json())
    found = (operation.ok() for operation in schema.get_all_operations())
    return {(operation.method, operation.path): operation for operation in found}


@pytest.mark.hypothesis
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("name", OPERATIONS)
def test_calls_made_from_the_openapi_document(
    fuzzed: Fuzzed, operations: dict[tuple[str, str], Any], name: str, mode: GenerationMode
) -> None:
    operation = operations[OPERATIONS[name]]

    @EACH
    @given(case=operation.as_strategy(generation_mode=mode))
    def attack(case: Any) -> None:
        word = fuzzed.sentinel()
        if isinstance(case.body, dict):
            case.body = {**case.body, word: {word: word}}
        case.query = {**(case.query or {}), "q": word}
        case.headers = {
            **(case.headers or {}),
            "X-Planted": word,
            "Authorization": f"Bearer {word}",
        }
        answer = case.call(base_url=fuzzed.url)
        fuzzed.judge(answer.status_code, answer.text, answer.headers, word)

    attack()


@st.composite
def mutations(draw: st.DrawFn) -> list[tuple[float, Any]]:
    """Where in a request (a share of its nodes) and what to put there."""
    odd = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**53), 2**63),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=20, alphabet=st.characters(exclude_categories=["Cs"])),
        st.sampled_from([[], {}, [[]], [None], {"": None}, "", "WORD", ["WORD"], {"WORD": "WORD"}]),
        st.sampled_from(["2026-13-45", "9999-12-31T24:00:00Z", "Patient/WORD", "1e400", "-0"]),
    )
    return draw(st.lists(st.tuples(st.floats(0, 1), odd), min_size=1, max_size=6))


CHARTS = [body_of(chart) for chart in (BENIGN, *corpus()) if len(chart.text) < 500]


@pytest.mark.timeout(1800)
@TWICE
@given(
    number=st.integers(0, len(CHARTS) - 1),
    changes=mutations(),
    service=st.sampled_from([service.id for service in REGISTRY]),
)
def test_charts_with_anything_in_any_place(
    fuzzed: Fuzzed, number: int, changes: list[tuple[float, Any]], service: str
) -> None:
    word, secret = fuzzed.sentinel(), fuzzed.sentinel()
    fuzzed.requests -= 1  # two words, one request
    body = copy.deepcopy(CHARTS[number])
    body["context"]["patientId"] = f"p-{number}"
    for where, what in changes:
        _replace(body, where, orjson.loads(orjson.dumps(what).replace(b"WORD", word.encode())))
    body["extension"] = {secret: secret}
    answer = fuzzed.client.post(f"/cds-services/{service}", json=body)
    shown = (secret,) if answer.status_code == 200 else (word, secret)
    fuzzed.judge(answer.status_code, answer.text, answer.headers, *shown)


def _replace(body: dict[str, Any], where: float, what: Any) -> None:
    """Replace the node that stands at this share of all nodes below the request's members."""
    places: list[tuple[Any, Any]] = []
    nodes: list[Any] = [body["prefetch"], body["context"]]
    while nodes:
        node = nodes.pop()
        pairs = node.items() if isinstance(node, dict) else enumerate(node)
        for key, value in pairs:
            places.append((node, key))
            if isinstance(value, (dict, list)):
                nodes.append(value)
    if places:
        node, key = places[min(int(where * len(places)), len(places) - 1)]
        node[key] = what


@pytest.mark.timeout(1800)
@TWICE
@given(
    path=st.sampled_from([VIEW, f"{VIEW}/feedback", "/cds-services", "/consultations/x.1.y"]),
    method=st.sampled_from(["POST", "POST", "GET", "PUT", "OPTIONS", "HEAD", "DELETE"]),
    body=st.binary(max_size=300)
    | st.builds(
        lambda cut, insert: orjson.dumps(CHARTS[0])[:cut] + insert,
        st.integers(0, 6000),
        st.binary(max_size=20),
    ),
    headers=st.dictionaries(
        st.sampled_from(HEADERS),
        st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30),
        max_size=3,
    ),
)
def test_any_bytes_and_headers(
    fuzzed: Fuzzed, path: str, method: str, body: bytes, headers: dict[str, str]
) -> None:
    word = fuzzed.sentinel()
    planted = {**JSON, **headers, "x-planted": word}
    answer = fuzzed.client.request(
        method, f"{path}?{word}={word}", content=body + word.encode(), headers=planted
    )
    fuzzed.judge(answer.status_code, answer.text, answer.headers, word)
