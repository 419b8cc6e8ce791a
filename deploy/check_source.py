"""Print where the source breaks its own rules: names and words (source_rules/names.toml), sizes.

Exit status 1 if anything is printed. `make check` runs it over the checkout's files.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from source_rules.names import read_rules
from source_rules.python_file import parse
from source_rules.sizes import read_known_long, size_problems

ROOT = Path(__file__).resolve().parent.parent
READ = ("*.py", "*.md", "*.toml", "Makefile")


def source_files(root: Path) -> dict[str, str]:
    """The text of each file that git tracks or would add, by its path in the checkout."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *READ]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    paths = sorted({path for path in listed.stdout.splitlines() if (root / path).is_file()})
    return {path: (root / path).read_text(encoding="utf-8") for path in paths}


def main() -> int:
    files = source_files(ROOT)
    code = [parse(path, text) for path, text in files.items() if path.endswith(".py")]
    rules = read_rules()
    problems = [problem for file in code for problem in rules.in_code(file)]
    for path, text in files.items():
        if not path.endswith(".py"):
            problems += rules.in_page(path, text)
    problems += size_problems(code, read_known_long())
    print(*problems, sep="\n", end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
