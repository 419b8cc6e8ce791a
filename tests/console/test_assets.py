"""Every asset is local and is what its package shipped."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.console.assets import assets, vendored

FOLDER = Path(__file__).resolve().parents[2] / "cds_hooks" / "console" / "assets" / "vendor"
LISTED = [(package["name"], file) for package in vendored() for file in package["files"]]


@pytest.mark.parametrize(("package", "file"), LISTED, ids=[file["to"] for _, file in LISTED])
def test_a_vendored_file_is_what_its_package_shipped(package: str, file: dict[str, str]) -> None:
    assert hashlib.sha256((FOLDER / file["to"]).read_bytes()).hexdigest() == file["sha256"]


def test_every_vendored_file_is_listed_with_its_licence() -> None:
    assert {file.name for file in FOLDER.iterdir()} == {file["to"] for _, file in LISTED}
    for package in vendored():
        assert package["version"]
        assert package["licence"] in ("0BSD", "Apache-2.0", "MIT")
        assert any("LICENSE" in file["to"] for file in package["files"])


def test_our_own_assets_name_no_other_origin() -> None:
    listed = {file["to"] for _, file in LISTED}
    for name, asset in assets().items():
        if name not in listed:
            addresses = re.findall(rb"https?://[^\s\"')]+", asset.content)
            assert [a for a in addresses if not a.startswith(b"http://www.w3.org/")] == []


def test_an_asset_is_served_with_its_type_and_may_be_kept(serve_site: Callable[..., Any]) -> None:
    response = serve_site().get("/assets/console.css")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/css; charset=utf-8"
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.content == assets()["console.css"].content


@pytest.mark.parametrize("name", ["nothing.css", "vendored.toml", "..%2f__init__.py", "%00"])
def test_nothing_else_is_served(serve_site: Callable[..., Any], name: str) -> None:
    assert serve_site().get(f"/assets/{name}").status_code == 404
