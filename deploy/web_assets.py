"""Fetch the web assets that `cds_hooks/console/assets/vendored.toml` lists, from the npm registry.

Without arguments: download each package, compare the digest of every file, write the files. With
`--pin`: also write the digests of what came into the list (after raising a version by hand).
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

ASSETS = Path(__file__).resolve().parent.parent / "cds_hooks" / "console" / "assets"
LIST = ASSETS / "vendored.toml"


def fetched(name: str, version: str, folder: Path) -> tarfile.TarFile:
    """The package as npm's registry has it; npm checks its integrity."""
    command = ["npm", "pack", "--silent", f"{name}@{version}", "--pack-destination", str(folder)]
    file = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1]
    return tarfile.open(folder / file)


def contents(packages: list[dict[str, object]]) -> Iterator[tuple[dict[str, str], bytes]]:
    """Each listed file with its bytes."""
    with tempfile.TemporaryDirectory() as folder:
        for package in packages:
            with fetched(str(package["name"]), str(package["version"]), Path(folder)) as archive:
                for file in package["files"]:
                    member = archive.extractfile(f"package/{file['from']}")
                    yield file, member.read()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pin", action="store_true", help="write the digests into the list")
    pin, text = parser.parse_args().pin, LIST.read_text(encoding="utf-8")
    for file, content in contents(tomllib.loads(text)["package"]):
        digest = hashlib.sha256(content).hexdigest()
        if digest != file["sha256"] and not pin:
            raise SystemExit(f"{file['to']}: the digest is {digest}, not {file['sha256']}")
        text = text.replace(file["sha256"], digest) if file["sha256"] else text
        (ASSETS / "vendor" / file["to"]).write_bytes(content)
    LIST.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
