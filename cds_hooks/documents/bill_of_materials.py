"""A software bill of materials in CycloneDX, from plain values."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component
    from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression

__all__ = ["BillOfMaterials", "Part", "PartKind", "cyclonedx_json"]

_SPDX = re.compile(r"[A-Za-z0-9.+-]+( (OR|AND|WITH) [A-Za-z0-9.+-]+)*")
_PREFIX = "chartside:"


class PartKind(StrEnum):
    """What a part is, by CycloneDX's own names of component types."""

    LIBRARY = "library"
    PLATFORM = "platform"
    MODEL = "machine-learning-model"
    DATA = "data"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Part:
    """One part: `sha256` are the digests that it may have (hex), `licence` as it says itself,
    `needs` the names of parts that it depends on, `more` facts by name."""

    name: str
    kind: PartKind
    version: str = ""
    licence: str = ""
    sha256: tuple[str, ...] = ()
    description: str = ""
    purl: str = ""
    needs: tuple[str, ...] = ()
    more: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BillOfMaterials:
    """What an installation is made of. `made_at` is RFC 3339; `identity` tells installations apart
    (a digest of the settings), so that the same document has the same serial number. `needs` names
    what the program itself depends on, beside the parts that no other part needs."""

    version: str
    made_at: str
    identity: str
    parts: tuple[Part, ...]
    needs: tuple[str, ...] = ()


def cyclonedx_json(materials: BillOfMaterials) -> str:
    """CycloneDX as indented JSON, in the newest version that the library writes.

    Raises ValueError for two parts of one kind with the same name.
    """
    from cyclonedx.output import make_outputter
    from cyclonedx.schema import OutputFormat, SchemaVersion

    newest = max(SchemaVersion, key=lambda each: each.value)
    outputter = make_outputter(_bom(materials), OutputFormat.JSON, newest)
    return f"{outputter.output_as_string(indent=2)}\n"


def _bom(materials: BillOfMaterials) -> Bom:
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentType

    root = Component(
        name="chartside",
        version=materials.version,
        type=ComponentType.APPLICATION,
        bom_ref="chartside",
        licenses=[_licence("Apache-2.0")],
    )
    bom = Bom(serial_number=uuid.uuid5(uuid.NAMESPACE_OID, _identity(materials)))
    bom.metadata.component = root
    bom.metadata.timestamp = datetime.fromisoformat(materials.made_at)
    made = {_reference(part): _component(part) for part in materials.parts}
    if len(made) < len(materials.parts):
        raise ValueError("two parts of one kind have the same name")
    bom.components.update(made.values())
    _add_dependencies(bom, root, made, materials)
    return bom


def _add_dependencies(
    bom: Bom, root: Component, made: Mapping[str, Component], materials: BillOfMaterials
) -> None:
    parts = materials.parts
    by_name = {part.name: made[_reference(part)] for part in parts}
    needed = {name for part in parts for name in part.needs}
    own = {part.name for part in parts if part.name not in needed} | set(materials.needs)
    bom.register_dependency(root, [by_name[name] for name in sorted(own) if name in by_name])
    for part in parts:
        found = [by_name[name] for name in part.needs if name in by_name]
        bom.register_dependency(made[_reference(part)], found)


def _component(part: Part) -> Component:
    from cyclonedx.model import HashAlgorithm, HashType, Property
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    return Component(
        name=part.name,
        version=part.version or None,
        type=ComponentType(part.kind.value),
        bom_ref=_reference(part),
        licenses=[_licence(part.licence)] if part.licence else None,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=each) for each in part.sha256],
        description=part.description or None,
        purl=PackageURL.from_string(part.purl) if part.purl else None,
        properties=[Property(name=f"{_PREFIX}{k}", value=v) for k, v in _facts(part).items()],
    )


def _facts(part: Part) -> Mapping[str, str]:
    told = {} if part.licence else {"licence": "not named by the part itself"}
    return {**part.more, **told}


def _licence(text: str) -> DisjunctiveLicense | LicenseExpression:
    """By its SPDX id or expression where it is one, else by the name that it has itself."""
    from cyclonedx.contrib.license.factories import LicenseFactory
    from cyclonedx.model.license import DisjunctiveLicense

    if _SPDX.fullmatch(text):
        return LicenseFactory().make_from_string(text)
    return DisjunctiveLicense(name=text)


def _reference(part: Part) -> str:
    return f"{part.kind.value}:{part.name}"


def _identity(materials: BillOfMaterials) -> str:
    return f"chartside {materials.version} {materials.identity} {materials.made_at}"
