"""Python packages as they are installed here, and the build of llama.cpp, as parts of a bill."""

from __future__ import annotations

import hashlib
import platform
import re
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from cds_hooks.documents.bill_of_materials import Part, PartKind
from cds_hooks.settings.default_paths import CHECKOUT, in_checkout

__all__ = ["LOCK", "llama_parts", "lock_hashes", "own_needs", "package_parts"]

LOCK = CHECKOUT / "deploy" / "locks" / "runtime.txt"
"""The checkout's lock of what runs; a package that is installed without one has none."""

_OWN, _LLAMA = "chartside", "llama-cpp-python"
_ALL = "*"
_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)\s*(?:\[([^\]]*)\])?")
_EXTRA = re.compile(r"""extra == ["']([^"']+)["']""")
_LOCKED = re.compile(
    r"^([a-z0-9._-]+)==([^ \\;]+)[^\n]*((?:\n +--hash=sha256:[0-9a-f]{64}[^\n]*)*)", re.MULTILINE
)
_HASH = re.compile(r"sha256:([0-9a-f]{64})")
_SET = re.compile(r'^set\((GGML_\w+|LLAMA_\w+)\s+"?([^")]*)"?\)$', re.MULTILINE)
_LONGEST = 300
_LIBRARIES = ("llama_cpp", "lib")


def package_parts(lock: Mapping[str, tuple[str, ...]]) -> Iterator[Part]:
    """Python, and each package that Chartside needs and that is installed, with its own needs."""
    found: dict[str, Distribution] = {}
    waiting, seen = [(_OWN, _ALL)], set[tuple[str, str]]()
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) not in seen and (package := _installed(name)) is not None:
            seen.add((name, extra))
            found[name] = package
            waiting += _required(package, extra)
    yield Part("python", PartKind.PLATFORM, platform.python_version(), "PSF-2.0")
    for name, package in sorted(found.items()):
        if name != _OWN:
            yield _part(name, package, lock, [each for each in _needs(package) if each in found])


def own_needs() -> tuple[str, ...]:
    """What Chartside itself requires."""
    package = _installed(_OWN)
    return ("python", *(_needs(package) if package else ()))


def lock_hashes(file: Path | None) -> Mapping[str, tuple[str, ...]]:
    """The digests that a lock accepts, by `name==version`; none without a lock. Raises OSError."""
    place = file or (LOCK if in_checkout() else None)
    if place is None:
        return {}
    locked = _LOCKED.findall(place.read_text("utf-8"))
    return {f"{name}=={version}": tuple(_HASH.findall(lines)) for name, version, lines in locked}


def llama_parts() -> Iterator[Part]:
    """The compiled llama.cpp: its libraries by digest, and what the build recorded of itself."""
    package = _installed(_LLAMA)
    if package is None:
        return
    recorded = dict(_SET.findall("\n".join(_cmake_files(package))))
    commit = recorded.get("LLAMA_BUILD_COMMIT", "")
    switches = {k: v for k, v in recorded.items() if v in ("ON", "On") and k.startswith("GGML_")}
    more = {
        "build-commit": commit.strip() or "not recorded by this build",
        "ggml-build-commit": recorded.get("GGML_BUILD_COMMIT", ""),
        "backends": recorded.get("GGML_AVAILABLE_BACKENDS", ""),
        "switches-on": " ".join(sorted(switches)),
    }
    libraries = tuple(_libraries(package))
    yield Part(
        name="llama.cpp",
        kind=PartKind.LIBRARY,
        version=recorded.get("LLAMA_VERSION", "").strip(),
        licence="MIT",
        description=f"Compiled here from the sources in {_LLAMA} {package.version}",
        needs=tuple(part.name for part in libraries),
        more={name: value for name, value in more.items() if value},
    )
    yield from libraries


def _part(
    name: str, package: Distribution, lock: Mapping[str, tuple[str, ...]], needs: list[str]
) -> Part:
    accepted = lock.get(f"{name}=={package.version}", ())
    record = package.read_text("RECORD") or ""
    more = {
        "installed-record-sha256": hashlib.sha256(record.encode()).hexdigest(),
        "hashes": "each archive of this version that the lock accepts"
        if accepted
        else "none: no lock at hand names this version",
    }
    needs += ["llama.cpp"] if name == _LLAMA else []
    return Part(
        name=name,
        kind=PartKind.LIBRARY,
        version=package.version,
        licence=_licence(package),
        sha256=accepted,
        description=_field(package, "Summary").strip(),
        purl=f"pkg:pypi/{name}@{package.version}",
        needs=tuple(sorted(set(needs))),
        more=more,
    )


def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _needs(package: Distribution) -> list[str]:
    """The names that a package requires, without those of its extras; what a marker leaves out on
    this platform is not installed. Of Chartside itself also those of its extras."""
    extra = _ALL if package.name == _OWN else ""
    return sorted({name for name, _ in _required(package, extra)})


def _required(package: Distribution, extra: str) -> Iterator[tuple[str, str]]:
    """Name and extra ("" for none) of what a package requires for one of its own extras."""
    for each in package.requires or ():
        marked = _EXTRA.search(each)
        match = _REQUIREMENT.match(each)
        if match and (marked is None or extra in (_ALL, marked[1])):
            asked = (match[2] or "").split(",")
            yield from ((_normal(match[1]), name.strip()) for name in ("", *asked))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _licence(package: Distribution) -> str:
    if expression := _field(package, "License-Expression"):
        return expression
    named = [
        line.rsplit(" :: ", 1)[-1]
        for line in package.metadata.get_all("Classifier") or ()
        if line.startswith("License ::")
    ]
    return ", ".join(named) or _field(package, "License").split("\n")[0][:_LONGEST]


def _field(package: Distribution, name: str) -> str:
    return str(package.metadata[name]) if name in package.metadata else ""


def _cmake_files(package: Distribution) -> Iterator[str]:
    for file in package.files or ():
        if file.name in ("llama-config.cmake", "ggml-config.cmake"):
            place = Path(str(package.locate_file(file)))
            if place.is_file():
                yield place.read_text("utf-8")


def _libraries(package: Distribution) -> Iterator[Part]:
    """The shared libraries that the engine loads, each content once: a wheel holds copies under
    several names, as it has no links."""
    by_digest: dict[str, list[str]] = {}
    for file in sorted(package.files or (), key=str):
        place = Path(str(package.locate_file(file)))
        if file.parts[:2] == _LIBRARIES and _is_library(file.name) and place.is_file():
            digest = hashlib.sha256(place.read_bytes()).hexdigest()
            by_digest.setdefault(digest, []).append(file.name)
    for digest, names in by_digest.items():
        more = {"also-named": " ".join(names[1:])} if names[1:] else {}
        yield Part(names[0], PartKind.FILE, licence="MIT", sha256=(digest,), more=more)


def _is_library(name: str) -> bool:
    return bool(re.search(r"\.(so(\.\d+)*|dylib|dll)$", name))
