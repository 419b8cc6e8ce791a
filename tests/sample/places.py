"""Where test data lies: the sample that is shipped, and the shared folder where it is there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["DATA", "SAMPLE", "SHARED", "Data"]

_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Data:
    """A folder with `patients/`, `eval/` and `hooks/`; `name` is "sample" or "shared"."""

    name: str
    folder: Path

    @property
    def osce(self) -> Path:
        return self.folder / "eval" / "osce_cases.jsonl"

    @property
    def vignettes(self) -> Path:
        return self.folder / "eval" / "vignettes_mcq.jsonl"

    @property
    def recording(self) -> Path:
        return self.folder / "eval" / "eurorad_predictions.csv"

    @property
    def stays(self) -> Path:
        """The folder of patients with a stay, and their labels."""
        [labels] = self.folder.glob("patients/*/labels.json")
        return labels.parent

    @property
    def crd(self) -> Path:
        """The fixtures of the CRD test kit, which the sample has not."""
        return self.folder / "patients" / "crd-hooks" / "spec" / "fixtures"

    def charts(self) -> list[Path]:
        """The folders of patients."""
        found = sorted(p for p in (self.folder / "patients").iterdir() if p.is_dir())
        return [p for p in found if p.name != "crd-hooks"]


SAMPLE = Data("sample", Path(__file__).resolve().parent / "data")
SHARED = Data("shared", _ROOT.parent / "shared" / "data")
DATA = (SAMPLE, SHARED) if SHARED.folder.is_dir() else (SAMPLE,)
"""The data at hand: the sample always, the shared folder beside the checkout where there is one."""
