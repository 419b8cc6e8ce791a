"""What this installation is made of: program, model, template, rules, terminology, web assets."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from cds_hooks.console.assets import assets, vendored
from cds_hooks.consult.rule_tables import rule_tables
from cds_hooks.documents.bill_of_materials import BillOfMaterials, Part, PartKind
from cds_hooks.documents.installation import Installation, ModelFacts
from cds_hooks.inference.model_files.gguf import sha256_of
from cds_hooks.runtime.package_parts import llama_parts, lock_hashes, own_needs, package_parts
from cds_hooks.settings import Settings

__all__ = ["materials_of"]


def materials_of(settings: Settings, of: Installation, lock: Path | None = None) -> BillOfMaterials:
    """The bill of an installation. `lock` names accepted archives; else the checkout's, if any.

    Raises OSError when a file cannot be read.
    """
    parts = [*package_parts(lock_hashes(lock)), *llama_parts()]
    parts += [*_models(of), *_template(of), *_tables(), *_terminology(settings, of), *_assets()]
    return BillOfMaterials(of.version, of.made_at, of.settings_sha256, tuple(parts), own_needs())


def _models(of: Installation) -> Iterator[Part]:
    for place, model in enumerate((of.model, *of.more_models)):
        where = "answers first" if place == 0 else "answers in the panel"
        yield Part(
            name=f"{model.name} ({place + 1})" if place else model.name,
            kind=PartKind.MODEL,
            licence=model.licence,
            sha256=(model.sha256,) if model.sha256 else (),
            description=f"{where}{'; a demonstration model' if model.demonstration else ''}",
            needs=tuple(model.files),
            more={k: v for k, v in _model_facts(model).items() if v},
        )
        for name, digest in model.files.items():
            yield Part(name, PartKind.FILE, licence=model.licence, sha256=(digest,))


def _model_facts(model: ModelFacts) -> Mapping[str, str]:
    return {
        "architecture": model.architecture,
        "parameters": str(model.parameters or ""),
        "quantisation": model.quantisation,
        "context-tokens": str(model.context or ""),
        "source": model.source,
        "licence-in-the-file": model.metadata.get("license", ""),
        "publisher-in-the-file": model.metadata.get("organization", ""),
        "runs-on": "a model server of the site" if model.on_server else "this machine",
    }


def _template(of: Installation) -> Iterator[Part]:
    template = of.template
    yield Part(
        name=f"prompts/{template.id}",
        kind=PartKind.DATA,
        version=template.version,
        licence=_licences()["ours"],
        sha256=(template.sha256,),
        description="Prompt template: the digest is over all files of its folder",
    )


def _tables() -> Iterator[Part]:
    licences = _licences()
    for name, table in rule_tables().items():
        yield Part(
            name=name,
            kind=PartKind.DATA,
            version=table.version,
            licence=licences["tables"].get(name, licences["ours"]),
            sha256=(table.sha256,),
            description="Table of rules or words",
        )


def _terminology(settings: Settings, of: Installation) -> Iterator[Part]:
    """The compiled file, and each source that the compiler recorded."""
    told = of.terminology
    sources = [name for name in _licences()["terminology"] if f"{name}.origin" in told]
    packages = sorted({k.split(".")[1] for k in told if k.startswith("source.")})
    yield Part(
        name="terminology",
        kind=PartKind.DATA,
        version=told.get("compiler.version", ""),
        licence="as its sources, each of which is a part",
        sha256=(sha256_of(settings.terminology.path),),
        description="Names of diagnoses, compiled by set-up",
        needs=(*(f"terminology/{s}" for s in sources), *(f"terminology/{p}" for p in packages)),
        more={"names-sha256": told.get("names.sha256", "")},
    )
    for name in sources:
        yield Part(
            name=f"terminology/{name}",
            kind=PartKind.DATA,
            version=told.get(f"{name}.edition", ""),
            licence=_licences()["terminology"][name],
            description=told[f"{name}.origin"],
        )
    for name in packages:
        yield _source(name, told)


def _source(name: str, told: Mapping[str, str]) -> Part:
    """A file of a package that was read when the terminology was compiled."""
    begin = f"source.{name}"
    return Part(
        name=f"terminology/{name}",
        kind=PartKind.DATA,
        version=told.get(f"{begin}.version", ""),
        licence=told.get(f"{begin}.licence", ""),
        sha256=(told[f"{begin}.sha256"],) if f"{begin}.sha256" in told else (),
        description=f"Read from {told.get(f'{begin}.member', 'its package')}",
    )


def _assets() -> Iterator[Part]:
    foreign = {file["to"]: package for package in vendored() for file in package["files"]}
    for package in vendored():
        yield Part(
            name=package["name"],
            kind=PartKind.LIBRARY,
            version=package["version"],
            licence=package["licence"],
            purl=f"pkg:npm/{package['name']}@{package['version']}",
            needs=tuple(f"assets/{file['to']}" for file in package["files"]),
        )
    for name, asset in assets().items():
        of_package: Mapping[str, Any] = foreign.get(name, {"licence": _licences()["ours"]})
        yield Part(
            name=f"assets/{name}",
            kind=PartKind.FILE,
            licence=of_package["licence"],
            sha256=(hashlib.sha256(asset.content).hexdigest(),),
            description="Served by the console",
        )


@cache
def _licences() -> Mapping[str, Any]:
    text = files("cds_hooks.documents").joinpath("data/licences.toml").read_text("utf-8")
    return tomllib.loads(text)
