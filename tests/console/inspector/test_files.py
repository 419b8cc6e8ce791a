"""Files that are dropped: bundles, NDJSON, captured requests, several patients, 4 MB."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest

from cds_hooks.cds_client.captured import FORMAT
from cds_hooks.console.inspector import firing, inspector, pages
from cds_hooks.console.inspector.choosing import patients_in
from cds_hooks.console.inspector.inspector_errors import ChoiceIncomplete
from cds_hooks.console.inspector.uploads import form_of

Start = Callable[..., Any]


def patient(found: str, family: str = "Example") -> dict[str, Any]:
    return {"resourceType": "Patient", "id": found, "name": [{"family": family}]}


def problem(found: str, whose: str, text: str) -> dict[str, Any]:
    subject = {"reference": f"Patient/{whose}"}
    return {"resourceType": "Condition", "id": found, "code": {"text": text}, "subject": subject}


def lines(*resources: dict[str, Any]) -> bytes:
    return b"\n".join(json.dumps(each).encode() for each in resources)


async def test_ndjson_files_of_a_folder_are_one_chart(start: Start, browser_of: Any) -> None:
    browser = await browser_of(await start())
    files = [("export/Patient.ndjson", lines(patient("one"))),
             ("export/Condition.ndjson", lines(problem("c1", "one", "Gout"),
                                               problem("c2", "one", "Asthma")))]  # fmt: skip
    page = await browser.ended(await browser.fire(files, **{"from": "files"}))
    assert "Gout" in page
    assert "Asthma" in page
    assert "2 dropped files" in page


async def test_of_several_patients_one_is_chosen(
    start: Start, browser_of: Any, engine: Any
) -> None:
    browser = await browser_of(await start())
    content = lines(patient("one", "Alpha"), patient("two", "Beta"), problem("c1", "one", "Gout"),
                    problem("c2", "two", "Asthma"))  # fmt: skip
    answer = await browser.send([("all.ndjson", content)], **{"from": "files"})
    assert answer.status_code == 200
    assert "Alpha" in answer.text
    assert "Beta" in answer.text
    page = await browser.ended(await browser.fire(**{"from": "dropped", "patient": "two"}))
    assert "Asthma" in page
    asked = engine.requests[-1].messages[-1].content
    assert "Asthma" in asked
    assert "Gout" not in asked


@pytest.mark.parametrize("name", [5, True, "Alpha", {"family": "Alpha"}, [5], [{"given": 5}], None])
def test_a_name_of_any_shape_is_listed(name: Any) -> None:
    content = [{**patient("one"), "name": name}, patient("two", "Beta")]
    assert patients_in(content) == [("one", ""), ("two", "Beta")]


async def test_a_list_of_files_that_were_replaced_in_another_tab_fires_nothing(
    start: Start, browser_of: Any, engine: Any
) -> None:
    browser = await browser_of(await start())
    one = lines(patient("one", "Alpha"), patient("two", "Beta"), problem("c", "two", "Gout"))
    other = lines(patient("two", "Gamma"), patient("six", "Delta"), problem("c", "two", "Asthma"))
    first, second = [
        await browser.send([("all.ndjson", content)], **{"from": "files"})
        for content in (one, other)
    ]
    numbers = [re.findall(r'name="list" value="([^"]+)"', page.text)[0] for page in (first, second)]
    answer = await browser.send(**{"from": "dropped", "list": numbers[0], "patient": "two"})
    assert answer.status_code == 409
    assert "patient-list-outdated" in answer.text
    assert not engine.requests
    chosen = {"from": "dropped", "list": numbers[1], "patient": "two"}
    assert "Asthma" in await browser.ended(await browser.fire(**chosen))


async def test_a_captured_request_is_sent_as_it_was(start: Start, browser_of: Any) -> None:
    prefetch = {"patient": patient("one"), "problems": None}
    request = {"hook": "patient-view", "hookInstance": "h", "prefetch": prefetch,
               "context": {"userId": "Practitioner/7", "patientId": "one"},
               "fhirAuthorization": {"access_token": "t0ken"}}  # fmt: skip
    browser = await browser_of(await start())
    for document in (request, {"format": FORMAT, "version": 1, "request": request}):
        files = [("r.json", json.dumps(document).encode())]
        place = await browser.fire(files, **{"from": "files"})
        page = await browser.ended(place)
        assert "There is no answer" not in page
        sent = json.loads(await browser.get(f"{place}/request"))
        assert sent["context"] == request["context"]
        assert sent["prefetch"] == prefetch
        assert sent["hookInstance"] != "h"
        assert "t0ken" not in json.dumps(sent)


async def test_a_bundle_of_4_mb_is_taken_apart_and_read_beside_the_event_loop(
    start: Start, browser_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that other tasks go on meanwhile; mapping it is the pipeline's."""
    notes = [{**problem(f"c{n}", "one", f"Gout of joint {n}"), "note": [{"text": "x" * 2000}]}
             for n in range(2000)]  # fmt: skip
    entries = [{"resource": each} for each in (patient("one"), *notes)]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    content = json.dumps(bundle, indent=1).encode()
    assert len(content) > 4_000_000
    loop, threads = threading.get_ident(), {}

    def watch(module: Any, name: str) -> None:
        called = getattr(module, name)

        def noted(*given: Any) -> Any:
            threads[name] = threading.get_ident()
            return called(*given)

        monkeypatch.setattr(module, name, noted)

    watch(inspector, "chart_in")
    watch(pages, "form_of")
    watch(firing, "parse_request")
    browser = await browser_of(await start())
    page = await browser.ended(await browser.fire([("big.json", content)], **{"from": "files"}))
    assert set(threads) == {"chart_in", "form_of", "parse_request"}
    assert loop not in threads.values()
    assert "Gout" in page
    assert "Listed are 300 of 2000" in page
    assert len(page) < 300_000


def test_a_form_is_taken_apart_as_it_was_sent() -> None:
    content = b'{"a": "\r\n--b\\r\\n \xc3\xa9"}\n\n'
    body = (
        b'--bb\r\nContent-Disposition: form-data; name="from"\r\n\r\nfiles\r\n'
        b'--bb\r\nContent-Disposition: form-data; name="file"; filename="x.json"\r\n'
        b"Content-Type: application/json\r\n\r\n" + content + b"\r\n--bb--\r\n"
    )
    fields, files = form_of("multipart/form-data; boundary=bb", body)
    assert fields == {"from": "files"}
    assert [file.content for file in files] == [content]


def test_whatever_a_form_holds_it_is_taken_apart_or_nothing_is_found() -> None:
    for body in (b"", b"--bb", b"--bb--", b"\x00" * 100, b"--bb\r\n\r\nx\r\n--bb--",
                 b"--bb\r\nContent-Disposition: form-data\r\n\r\nx\r\n--bb--"):  # fmt: skip
        fields, files = form_of("multipart/form-data; boundary=bb", body)
        assert files == ()
        assert set(fields) <= {""}


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Disposition: form-data; " + b"(" * 2000,
        b"Content-Disposition: form-data; name=" + b"=?utf-8?q?a?= " * 20_000,
        b"Content-Type: \r\nContent-Disposition: form-data; =",
        b"Content-Type: text/plain; charset=;=\r\nContent-Disposition: form-data; filename*=a'",
    ],
)
def test_no_header_of_a_part_is_too_odd_to_be_read(head: bytes) -> None:
    form_of("multipart/form-data; boundary=bb", b"--bb\r\n" + head + b"\r\n\r\nv\r\n--bb--")


def test_a_file_s_name_is_in_any_characters() -> None:
    head = 'Content-Disposition: form-data; name="file"; filename="Jos\xe9 \u6771.json"'.encode()
    body = b"--bb\r\n" + head + b"\r\n\r\n{}\r\n--bb--"
    _, files = form_of("multipart/form-data; boundary=bb", body)
    assert [file.content for file in files] == [b"{}"]


def test_forms_within_forms_are_refused() -> None:
    body = b"".join(
        b"--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n" % (n, n + 1)
        for n in range(3000)
    )
    with pytest.raises(ChoiceIncomplete):
        form_of("multipart/form-data; boundary=b0", body)
