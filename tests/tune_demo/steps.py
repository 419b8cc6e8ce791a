"""The recipe as the commands that a site would run, each once: a run that broke off goes on."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from typing import Any

import orjson

from cds_hooks.settings import load_settings
from tests.tune_demo.demonstration_charts import write_charts

__all__ = ["Recipe", "Spent"]

_MAIN = "import sys; from cds_hooks.cli.application import main; sys.exit(main())"
REFUSED = 1


@dataclass(frozen=True, slots=True)
class Spent:
    """A step's seconds by the clock and of processor time; 0 where it was done before."""

    step: str
    seconds: float
    processor_s: float


@dataclass(slots=True)
class Recipe:
    """All steps in one folder. `data` is a site's own file of cases; without it the project's
    charts are used, all or the first `charts` of them."""

    folder: Path
    data: Path | None = None
    charts: int = 0
    unseen: float = 0.15
    heldout: float = 0.05
    spent: list[Spent] = field(default_factory=list)

    @property
    def cases(self) -> Path:
        """The file of all cases."""
        return self.data or self.folder / "charts.jsonl"

    @property
    def manifest(self) -> Path:
        """The manifest of the training set."""
        return self.folder / "set" / "manifest.json"

    @property
    def adapter(self) -> Path:
        """The adapter that was trained."""
        return self.folder / "run" / "adapter.gguf"

    def run(self) -> None:
        """Every step that is not done yet."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.cases.exists():
            write_charts(self.cases, datetime.now(UTC), limit=self.charts)
        self._once("prepare", self.manifest, self._prepare)
        self._once("train and check", self.folder / "run" / "report.html", self._train)
        self._once("ask the base", self.folder / "untuned" / "report.html", self._ask("untuned"))
        self._once("ask it tuned", self.folder / "tuned" / "report.html", self._ask("tuned"))
        self._once("compare", self.folder / "comparison.json", self._compare)
        self._once("admission", self.folder / "admission.json", self._admit)

    def _once(self, step: str, result: Path, work: Callable[[], None]) -> None:
        if result.exists():
            return
        print(f"{step} ...", flush=True)
        began, before = time.monotonic(), _children_s()
        work()
        spent = Spent(step, time.monotonic() - began, _children_s() - before)
        self.spent.append(spent)
        print(f"{step}: {spent.seconds:.0f} s, {spent.processor_s:.0f} s of processor time")

    def _prepare(self) -> None:
        shares = ["--unseen", str(self.unseen), "--heldout", str(self.heldout)]
        model = ["--model", str(load_settings(None).model.path)]
        own = ["--suite", "own", "--data", str(self.cases)]
        _command(["tune", "prepare", *own, *model, *shares, "--output", str(self.manifest.parent)])

    def _train(self) -> None:
        output = ["--output", str(self.adapter.parent)]
        _command(["tune", "run", "--training-set", str(self.manifest.parent), *output])

    def _ask(self, name: str) -> Callable[[], None]:
        def work() -> None:
            own = ["--suite", "own", "--data", str(self.cases), "--leave-out-fitted"]
            fitted = ["--fitted-on", str(self.manifest), "--output", str(self.folder / name)]
            _command(["eval", "run", *own, *fitted], self._adapted if name == "tuned" else {})

        return work

    def _compare(self) -> None:
        runs = [str(self.folder / name) for name in ("untuned", "tuned")]
        told = _command(["eval", "compare", *runs, "--match", "ancestor", "--at", "5", "--json"])
        (self.folder / "comparison.json").write_bytes(told)

    def _admit(self) -> None:
        model, key = load_settings(None).model.path, self.folder / "admission.key"
        runs = ["--run", str(self.folder / "tuned"), "--base-run", str(self.folder / "untuned")]
        how = ["--purpose", "demonstration", "--limit", "1", "--who", "make tune-demo"]
        place = ["--key", str(key), "--output", str(self.folder / "admission.json")]
        command = ["models", "admit", str(model), *runs, *how, *place, "--json"]
        _command(command, self._adapted, allowed=(0, REFUSED))

    @property
    def _adapted(self) -> dict[str, str]:
        adapters = orjson.dumps([{"path": str(self.adapter.resolve())}]).decode()
        return {"CHARTSIDE_MODEL__ADAPTERS": adapters}


def _command(
    words: Sequence[str], more: dict[str, str] | None = None, *, allowed: Sequence[int] = (0,)
) -> bytes:
    """Run `chartside` and return what it printed. Raises SystemExit where it failed."""
    environment: dict[str, Any] = {**os.environ, **(more or {})}
    program = [sys.executable, "-W", "ignore", "-c", _MAIN, *words]
    done = subprocess.run(program, env=environment, stdout=subprocess.PIPE, check=False)
    if done.returncode not in allowed:
        raise SystemExit(f"chartside {' '.join(words[:2])} ended with {done.returncode}")
    return done.stdout


def _children_s() -> float:
    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
