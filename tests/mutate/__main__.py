"""`make mutate`: change the code a little, a sample of times, and see whether a test notices.

Why not a published tool: mutmut 3.8.1 changes nothing outside functions, where limits are, nor in
functions with a decorator; cosmic-ray 8.7.0 writes each mutant into the working tree, knows one
test command, starts Python for each and takes no seeded sample. mutatest is of 2022.

Results are kept in build/mutate and used again while the code, its tests and data are the same.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import tomllib
from collections import Counter
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

from tests.mutate.forked import preload
from tests.mutate.judging import judge_all
from tests.mutate.mutants import Mutant, mutants
from tests.mutate.tracing import Calls, traced

HERE = Path(__file__).parent
BUILD = Path("build/mutate")


@dataclass(frozen=True, slots=True)
class Package:
    """Sources to change and the tests that should notice it, as paths below the root."""

    name: str
    sources: tuple[Path, ...]
    tests: tuple[Path, ...]

    def mutants(self) -> list[Mutant]:
        """All mutants of the package."""
        return [m for path in self.sources for m in mutants(str(path), path.read_text("utf-8"))]


def packages() -> list[Package]:
    """`packages.toml`."""
    rows = tomllib.loads((HERE / "packages.toml").read_text("utf-8"))["package"]
    return [
        Package(
            row["name"],
            _paths(row["sources"], row["without"]),
            _paths(row["tests"], row["without"]),
        )
        for row in rows
    ]


def _paths(patterns: list[str], without: Any) -> tuple[Path, ...]:
    found = {path for pattern in patterns for path in Path().glob(pattern)}
    return tuple(sorted(path for path in found if str(path) not in without))


@dataclass(frozen=True, slots=True)
class Judged:
    """A mutant with its package's name and what became of it."""

    mutant: Mutant
    package: str
    result: str

    @property
    def survived(self) -> bool:
        """Whether no test noticed it."""
        return self.result == "survived"


def equivalents() -> dict[str, str]:
    """Ids of mutants that no test can notice, each with the reason, from `equivalent.toml`."""
    rows = tomllib.loads((HERE / "equivalent.toml").read_text("utf-8")).get("mutant", [])
    return {row["id"]: row["reason"] for row in rows}


def interval(part: int, whole: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a proportion."""
    z, p = 1.96, part / whole
    middle = (p + z * z / (2 * whole)) / (1 + z * z / whole)
    half = z / (1 + z * z / whole) * math.sqrt(p * (1 - p) / whole + z * z / (4 * whole * whole))
    return middle - half, middle + half


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutate", description=__doc__)
    parser.add_argument("--sample", type=int, default=120, help="how many mutants; 0: all")
    parser.add_argument("--seed", type=int, default=1, help="of the sample")
    parser.add_argument("--paths", nargs="*", default=[], help="beginnings of paths to change")
    parser.add_argument("--packages", nargs="*", default=[], help="of the sample, judge these")
    return parser.parse_args()


def main() -> int:
    """Sample, judge, print; 1 if fewer than nine in ten are noticed."""
    arguments = _read_arguments()
    everything = sorted(((m.id, m, p) for p in packages() for m in p.mutants()), key=itemgetter(0))
    everything = [row for row in everything if row[0].startswith(tuple(arguments.paths) or "")]
    size = min(arguments.sample or len(everything), len(everything))
    chosen = random.Random(arguments.seed).sample(everything, size)
    preload()
    found: list[Judged] = []
    for package in packages():
        if arguments.packages and package.name not in arguments.packages:
            continue
        mine = [m for _, m, p in chosen if p == package]
        calls = traced(package.tests, package.sources, BUILD) if mine else Calls({}, {})
        results = judge_all(mine, package.sources, calls, BUILD)
        found += [Judged(m, package.name, results[m.id]) for m in mine]
    return report(found, len(everything), arguments.seed)


def report(found: list[Judged], population: int, seed: int) -> int:
    """Print survivors and the score without equivalent mutants; 0 if it is at least 90 %."""
    same = equivalents()
    counted = [j for j in found if j.mutant.id not in same]
    wrong = [j for j in found if j.mutant.id in same and not j.survived]
    for judged in sorted(found, key=lambda j: j.mutant.id):
        if judged.survived:
            reason = same.get(judged.mutant.id)
            print(f"survived{f' (equivalent: {reason})' if reason else ''}: {judged.mutant.id}")
    for judged in wrong:
        print(f"marked equivalent, but a test notices it: {judged.mutant.id}")
    noticed = Counter(j.package for j in counted if not j.survived)
    for name, count in sorted(Counter(j.package for j in counted).items()):
        print(f"{name}: {noticed[name]} of {count}")
    low, high = interval(noticed.total(), len(counted))
    print(
        f"{noticed.total()} of {len(counted)} noticed, {noticed.total() / len(counted):.1%} (95 %"
        f" interval {low:.1%} to {high:.1%}); {len(found) - len(counted)} equivalent;"
        f" {len(found)} of {population} mutants, seed {seed}"
    )
    return int(bool(wrong) or noticed.total() < 0.9 * len(counted))


if __name__ == "__main__":
    sys.exit(main())
