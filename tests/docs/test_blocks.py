"""Every block of code on a page is what it says it is, and what can run here runs.

A comment in front of a block says what a reader of the source has to know: `<!-- not run: WHY -->`,
`<!-- keeps running -->` (a service), `<!-- as: FILE -->` (settings for the blocks below),
`<!-- read as: WHAT -->` (TOML that is no settings file). A block that is not run is still compared
with the commands and options that there are.
"""

from __future__ import annotations

import configparser
import json
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from cds_hooks.evaluation.matrix.plan import read_matrix
from cds_hooks.inference.model_catalogue.catalogue import load_catalogue
from cds_hooks.plausibility import load_calibration
from cds_hooks.settings import Settings
from tests.docs.pages import PAGES, ROOT, Block, blocks_of, name_of
from tests.docs.shell import commands_in, fault_of
from tests.docs.terminal import at_a_terminal

BLOCKS = [block for page in PAGES for block in blocks_of(page)]
LANGUAGES = {"sh", "toml", "json", "python", "ini", "text", "mermaid"}
README = ROOT / "README.md"
# Their commands ask the model for most of a minute each; connect.md and the README run the same.
LONG = {
    *(f"docs/integrators/{name}.md" for name in ("any-other-ehr", "charts", "epic")),
    *(f"docs/integrators/{name}.md" for name in ("cds-hooks-sandbox", "oracle-health")),
    *(f"docs/reviewers/{name}.md" for name in ("compliance", "documents")),
}


def _of(*languages: str) -> list[Block]:
    return [block for block in BLOCKS if block.language in languages]


def _runs(block: Block) -> bool:
    return block.language == "sh" and not block.comment.startswith("not run:")


def test_every_block_names_its_language() -> None:
    assert [str(block) for block in BLOCKS if block.language not in LANGUAGES] == []


def _settings(file: Path) -> None:
    Settings.model_validate(tomllib.loads(file.read_text("utf-8")))


READERS: dict[str, Callable[[Path], object]] = {
    "": _settings,
    "calibration": load_calibration,
    "catalogue": load_catalogue,
    "matrix": read_matrix,
}


@pytest.mark.parametrize("block", _of("toml"), ids=str)
def test_settings_can_be_loaded(block: Block, tmp_path: Path) -> None:
    file = tmp_path / "page.toml"
    file.write_text(block.text.replace('"..."', f'"{"a" * 64}"'), "utf-8")
    READERS[block.comment.removeprefix("read as: ") if "read as:" in block.comment else ""](file)


@pytest.mark.parametrize("block", _of("json", "ini", "python"), ids=str)
def test_other_blocks_can_be_read(block: Block) -> None:
    if block.language == "json":
        json.loads(block.text)
    elif block.language == "ini":
        unit = configparser.ConfigParser(strict=False, allow_no_value=True, delimiters=("=",))
        unit.read_string(block.text)
        assert unit.sections()
    else:
        exec(compile(block.text, str(block), "exec"), {})


@pytest.mark.parametrize("block", _of("sh"), ids=str)
def test_commands_and_options_exist(block: Block) -> None:
    read = subprocess.run(["bash", "-n", "-c", block.text], capture_output=True, check=False)
    assert read.stderr == b""
    commands = commands_in(block.text)
    assert commands
    assert [fault for words in commands if (fault := fault_of(words))] == []


@pytest.mark.parametrize("block", [b for b in _of("sh") if not _runs(b)], ids=str)
def test_a_block_that_is_not_run_says_why(block: Block) -> None:
    assert len(block.comment.removeprefix("not run:").split()) >= 3


def _run(page: Path, folder: Path) -> list[str]:
    with at_a_terminal(folder) as terminal:
        faults = []
        for block in blocks_of(page):
            if block.comment.startswith("as:"):
                terminal.write(block)
            elif _runs(block) and (fault := terminal.run(block)):
                faults.append(fault)
        codes = terminal.close()
    return [*faults, *(f"a service ended with {code}" for code in codes if code)]


def _marks(page: Path) -> list[pytest.MarkDecorator]:
    if page == README:
        return []
    return [pytest.mark.slow, *([pytest.mark.long] if name_of(page) in LONG else [])]


def test_pages_that_take_long_exist() -> None:
    assert set(map(name_of, PAGES)) >= LONG


@pytest.mark.model
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=name_of(page), marks=_marks(page))
        for page in PAGES
        if any(map(_runs, blocks_of(page)))
    ],
)
def test_the_commands_of_a_page_run(page: Path, tmp_path: Path) -> None:
    assert _run(page, tmp_path) == []


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("chartside map chart.json --quality", ""),
        ("chartside map chart.json --qualms", "--qualms"),
        ("chartside doctor --skip engine", ""),
        ("chartside doctor --heart", "--heart"),
        ("chartside map", "missing ['file']"),
        ("chartside audit forget", "no command forget"),
        ("chartside models check a.gguf b.gguf", "too much ['b.gguf']"),
        ("LLAMA=cuda make setup", ""),
        ("make setup LLAMA=cuda", ""),
        ("make everything", "no target everything"),
        ("make setup NO_SUCH=1", "no variable NO_SUCH"),
        ("python -m tests.no_such", "no module"),
        ("frobnicate", "an unknown program"),
        ("sudo -u chartside chartside serve --at-once 3", "--at-once"),
    ],
)
def test_a_wrong_command_is_noticed(line: str, fault: str) -> None:
    [words] = commands_in(line)
    assert fault_of(words) == "" if not fault else fault in fault_of(words)
