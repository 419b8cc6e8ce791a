"""Print where the pages break proselint's rules; source_rules/proselint.toml says which are off.

Code, addresses and comments are not read. Exit status 1 if anything is printed.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OFF = ROOT / "deploy/source_rules/proselint.toml"
# A letter in the place of what is not read: no word, and no end of a sentence.
_BLANK = "x"
_NOT_READ = re.compile(
    r"^ *```.*?^ *```|<!--.*?-->|`[^`\n]+`|\]\([^)\s]+\)|https?://\S+|^\|[-|: ]+\|$",
    re.DOTALL | re.MULTILINE,
)


def prose_of(text: str) -> str:
    """The page with everything that is no prose blanked out, every line where it was."""
    return _NOT_READ.sub(lambda found: re.sub(r"[^\n]", _BLANK, found[0]), text)


def pages() -> list[Path]:
    """The pages that a person wrote: no history and no licence texts."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return sorted(page for page in found if page.name != "CHANGELOG.md")


def checks() -> Mapping[str, bool]:
    """Every check, on or off; what is more specific comes first, as proselint wants it."""
    from proselint.config import DEFAULT

    off = tomllib.loads(OFF.read_text(encoding="utf-8"))["off"]
    switched = {check: False for entry in off for check in entry["checks"]}
    return {**switched, **{name: True for name in DEFAULT["checks"] if name not in switched}}


def problems_in(name: str, text: str) -> Iterator[str]:
    """`path:line: check: what is wrong` for each."""
    from proselint.checks import __register__
    from proselint.registry import CheckRegistry
    from proselint.tools import LintFile

    registry = CheckRegistry()
    if not registry.checks:
        registry.register_many(__register__)
    for result in LintFile(name, prose_of(text)).lint({"max_errors": 1000, "checks": checks()}):
        found = result.check_result
        yield f"{name}:{result.pos[0]}: {found.check_path}: {found.message}"


def main() -> int:
    problems = [
        problem
        for page in pages()
        for problem in problems_in(str(page.relative_to(ROOT)), page.read_text(encoding="utf-8"))
    ]
    print(*problems, sep="\n", end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
