"""The README shows two pictures of the console, small and with words for who does not see them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.console_pictures import CONSULTATION, INSPECTOR
from tests.docs.pages import ROOT

KB = 1024


@pytest.mark.parametrize("picture", [INSPECTOR, CONSULTATION], ids=lambda picture: picture.stem)
def test_the_readme_shows_it(picture: Path) -> None:
    content = picture.read_bytes()
    assert content.startswith(b"\x89PNG\r\n")
    assert len(content) <= 150 * KB
    place = re.escape(picture.relative_to(ROOT).as_posix())
    [said] = re.findall(rf"!\[([^\]]+)\]\({place}\)", (ROOT / "README.md").read_text("utf-8"))
    assert len(said.split()) >= 5
