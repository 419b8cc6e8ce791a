"""Bad input on the wire: a clear answer without a value in it, and the service goes on."""

from __future__ import annotations

import orjson
import pytest

VIEW = "/cds-services/chartside-patient-view"
SENTINEL = "Zzyzx-SENTINEL"


def nested(levels: int, opening: bytes, closing: bytes) -> bytes:
    return b'{"hook":"patient-view","prefetch":{"patient":' + opening * levels + closing * levels


@pytest.fixture
def refused(edge, request_for):
    """Fire a body, expect a status, and see that the service still answers."""

    async def run(body, status: int, *, path: str = VIEW) -> dict:
        response = await edge.fire(body, path)
        assert response.status_code == status, response.text
        assert SENTINEL not in response.text + str(response.headers)
        assert (await edge.fire(request_for())).status_code == 200
        document = response.json()
        assert document["resourceType"] == "OperationOutcome"
        return document["issue"][0]

    return run


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"null",
        b"[]",
        b'"x"',
        b"7",
        b'{"hook":"' + SENTINEL.encode(),
        b'{"hook":"\xff\xfe"}',
        b'{"hook":"\\ud800"}',
        b"{'hook':'x'}",
        b'{"hook":NaN}',
        b'{"hook":1,}',
        b'// comment\n{"hook":1}',
        b"\x00\x01\x02",
        b"hook=patient-view",
        b"<xml/>",
    ],
)
async def test_what_is_not_one_json_object(refused, body):
    issue = await refused(body, 400)
    assert issue["details"]["coding"][0]["code"] == "body-not-json"


async def test_truncated_json_says_where(refused, request_for):
    issue = await refused(orjson.dumps(request_for())[:-20], 400)
    assert issue["expression"][0].startswith("line 1 column ")


@pytest.mark.parametrize("levels", [65, 1000, 1024, 1025, 10_000, 1_000_000])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}"), (b"[", b"")])
async def test_nesting_bombs(refused, levels, opening, closing):
    end = b"1" if opening != b"[" else b""
    body = nested(levels, opening, b"") + end + closing * levels + b"}}"
    issue = await refused(body, 400)
    code = issue["details"]["coding"][0]["code"]
    if closing:
        assert code in ("body-too-deep", "body-too-many-parts")
    else:
        assert code in ("body-too-deep", "body-too-many-parts", "body-not-json")


async def test_a_body_of_millions_of_parts_is_refused_before_it_is_read(refused):
    body = b'{"hook":[' + b"[]," * 1_500_000 + b"[]]}"
    issue = await refused(body, 400)
    assert issue["details"]["coding"][0]["code"] == "body-too-many-parts"


async def test_60_megabytes(refused):
    issue = await refused(b'{"hook":"' + b"x" * 60_000_000 + b'"}', 413)
    assert issue["details"]["coding"][0]["code"] == "body-too-large"


WRONG = [None, "", 7, 1.5, True, [], {}, ["x"], {"x": 1}, SENTINEL, [[SENTINEL]], {SENTINEL: 1}]
FIELDS = ["hook", "hookInstance", "context", "fhirServer", "fhirAuthorization", "prefetch"]


@pytest.mark.parametrize("field", [*FIELDS, "extension"])
@pytest.mark.parametrize("value", WRONG, ids=repr)
async def test_wrong_types_in_every_field(edge, request_for, field, value):
    response = await edge.fire(request_for(**{field: value}))
    assert response.status_code in (200, 400)
    assert SENTINEL not in response.text
    if response.status_code == 400:
        paths = {path for issue in response.json()["issue"] for path in issue["expression"]}
        assert all(path.split(".")[0] in (*FIELDS, "extension") for path in paths)


@pytest.mark.parametrize("field", ["userId", "patientId", "encounterId"])
@pytest.mark.parametrize("value", [7, True, [SENTINEL], {"id": SENTINEL}, f"a\n{SENTINEL}"])
async def test_wrong_types_in_the_context(refused, request_for, field, value):
    document = request_for()
    document["context"][field] = value
    issue = await refused(document, 400)
    assert issue["expression"] == [f"context.{field}"]


@pytest.mark.parametrize(
    "patient",
    ["../Practitioner/1", "..", "1?x=y", "1/2", "1#2", "a b", "Patient/", "%2e%2e", "x" * 999],
)
async def test_an_id_that_could_leave_its_url(refused, request_for, patient):
    document = request_for(context={"userId": "Practitioner/1", "patientId": patient})
    issue = await refused(document, 400)
    assert issue["expression"] == ["context.patientId"]


@pytest.mark.parametrize(
    ("sent", "read"),
    [("Patient/a.b-c_1", "a.b-c_1"), ("eq081-VQEgP8drUUqCWzHfw3", "eq081-VQEgP8drUUqCWzHfw3")],
)
async def test_ids_as_clients_really_send_them(edge, request_for, sent, read):
    document = request_for(context={"userId": "PractitionerRole/1", "patientId": sent})
    assert (await edge.fire(document)).status_code == 200
    assert edge.asked[0][1].context.patient_id == read


async def test_a_byte_order_mark_is_not_checked_against_a_client(edge, request_for):
    response = await edge.fire(b"\xef\xbb\xbf" + orjson.dumps(request_for()))
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", VIEW, 405, "POST, OPTIONS"),
        ("PUT", f"{VIEW}/feedback", 405, "POST, OPTIONS"),
        ("DELETE", "/healthz", 405, "GET, HEAD, OPTIONS"),
        ("POST", "/openapi.json", 405, "GET, HEAD, OPTIONS"),
        ("GET", f"/{SENTINEL}", 404, None),
        ("POST", f"{VIEW}/feedback/{SENTINEL}", 404, None),
        ("GET", f"/cds-services/{SENTINEL}/feedback/", 405, "POST, OPTIONS"),
        ("GET", "/docs", 404, None),
        ("GET", "/redoc", 404, None),
        ("GET", "/", 404, None),
        ("BREW", "/cds-services", 405, "GET, HEAD, OPTIONS"),
    ],
)
async def test_wrong_paths_and_methods(edge, method, path, status, allow):
    response = await edge.request(method, path)
    assert response.status_code == status
    assert response.json()["resourceType"] == "OperationOutcome"
    assert response.headers.get("allow") == allow
    assert SENTINEL not in response.text + str(response.headers)


@pytest.mark.parametrize(
    "path", ["/cds-services", "/healthz", "/readyz", "/version", "/metrics", "/basis"]
)
async def test_head_and_options(edge, path):
    got, head = await edge.get(path), await edge.request("HEAD", path)
    assert (head.status_code, head.headers["content-type"]) == (200, got.headers["content-type"])
    options = await edge.request("OPTIONS", path)
    assert (options.status_code, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
    assert (await edge.request("OPTIONS", VIEW)).headers["allow"] == "POST, OPTIONS"
