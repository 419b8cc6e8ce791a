"""The container file and the compose file: what they promise, and what hadolint and schemas say."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml  # type: ignore[import-untyped]
from jsonschema import Draft202012Validator
from setup_steps import llama
from setup_steps.layout import Layout

from tests.deploy.plain_processes import (
    CONFIG,
    CONTAINER,
    DEPLOY,
    ROOT,
    Instruction,
    command_of,
    health_command,
    stages,
)

COMPOSE = DEPLOY / "compose.yaml"
SCHEMA = "check_jsonschema/builtin_schemas/vendor/compose-spec.json"
RUN = ("service", "sandbox-fhir")
"""The stages that become images."""


def _of(word: str, stage: str = "") -> list[str]:
    told: list[Instruction] = (
        stages()[stage] if stage else [each for found in stages().values() for each in found]
    )
    return [rest for name, rest in told if name == word]


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    told = subprocess.run(
        [hadolint, "--no-color", str(CONTAINER)], capture_output=True, text=True, check=False
    )
    assert (told.returncode, told.stdout) == (0, "")


def test_every_image_that_is_named_is_named_by_digest() -> None:
    names = {each.partition(" AS ")[0] for each in _of("FROM")}
    own = set(stages())
    arguments = dict(rest.partition("=")[::2] for rest in _of("ARG"))
    assert names - own == {"${BASE}", "${BUILD_BASE}"}
    assert arguments["BUILD_BASE"] == "${BASE}"
    assert re.fullmatch(
        r"docker\.io/library/python:[a-z0-9.-]+@sha256:[0-9a-f]{64}", arguments["BASE"]
    )


def test_the_service_is_what_is_built_when_no_stage_is_named() -> None:
    assert list(stages())[-1] == "service"


@pytest.mark.parametrize("stage", RUN)
def test_no_image_runs_as_root(stage: str) -> None:
    assert _of("USER", stage) == ["10001:10001"]
    order = [word for word, _ in stages()[stage]]
    assert order.index("USER") < order.index("ENTRYPOINT")


def test_the_image_has_no_build_tools_and_no_installer() -> None:
    runs = " ".join(_of("RUN", "service"))
    assert "build-essential" not in runs
    assert "pip install" not in runs
    assert "pip uninstall --yes pip setuptools" in runs
    assert [rest.split()[0] for rest in _of("COPY", "service")] == [
        "--from=build", "--from=build", "--from=build", "deploy/installed.toml",
    ]  # fmt: skip


def test_everything_is_installed_by_hash() -> None:
    runs = _of("RUN")
    for command in re.findall(r"pip (?:install|sync) [^&]*", " && ".join(runs)):
        assert "--require-hashes" in command or "--no-deps" in command
    assert not re.search(r"curl|wget|git clone", " ".join(runs))


def test_what_is_copied_is_there_and_is_sent_to_the_builder() -> None:
    sent = re.findall(r"(?m)^!(\S+)", (ROOT / ".dockerignore").read_text())
    for rest in _of("COPY"):
        if not rest.startswith("--from"):
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists()
                assert any(Path(source).is_relative_to(each) for each in sent), source


def test_the_image_is_built_by_steps_of_set_up_with_its_switches(
    setup_module: ModuleType, setup_layout: Layout
) -> None:
    [named] = re.findall(r"setup\.py --only ((?:\"[a-z ]+\" ?)+)", " ".join(_of("RUN")))
    known = {step.name for step in setup_module.everything(setup_layout)}
    assert set(shlex.split(named)) <= known
    switches = _switches()
    assert set(llama.SMALL) <= set(switches)
    assert "-DCMAKE_PROJECT_llama.cpp_INCLUDE=/src/deploy/llama.cmake" in switches


def _switches() -> list[str]:
    [variable] = [rest for rest in _of("ENV") if rest.startswith("CMAKE_ARGS=")]
    return shlex.split(variable.partition("=")[2].strip('"'))


def test_the_library_is_for_every_x86_64_v3_processor_and_not_for_the_one_that_builds() -> None:
    """The level of the x86-64 psABI has AVX, AVX2, BMI1/2, F16C and FMA, and no AVX-512."""
    on = {each for each in _switches() if each.startswith("-DGGML_") and each.endswith("=ON")}
    features = ("AVX", "AVX2", "FMA", "F16C", "BMI2")
    assert on == {f"-DGGML_{feature}=ON" for feature in features}
    off = {each for each in _switches() if each.startswith("-DGGML_") and each.endswith("=OFF")}
    assert {"-DGGML_NATIVE=OFF", "-DGGML_AVX512=OFF", "-DGGML_AVX_VNNI=OFF"} == off


def test_the_image_has_the_paths_that_the_installed_settings_name() -> None:
    targets = {rest.split()[-1].rstrip("/") for rest in _of("COPY", "service")}
    [volumes] = _of("VOLUME", "service")
    places = [*targets, *json.loads(volumes)]
    for path in re.findall(r'= "(/[^"]+)"', (DEPLOY / "installed.toml").read_text()):
        assert any(Path(path).is_relative_to(place) for place in places), path
    assert CONFIG in targets


def test_the_health_check_asks_with_the_services_own_settings() -> None:
    words = health_command()
    assert words[1] == "health"
    assert words[-2:] == command_of("service")[-2:] == ["--config", CONFIG]


# --- compose ------------------------------------------------------------------------------------


def test_compose_builds_our_stages_alone_and_confines_both() -> None:
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    assert {each["build"]["target"] for each in services.values()} == set(RUN)
    for each in services.values():
        assert (ROOT / "deploy" / each["build"]["context"]).resolve() == ROOT
        assert (ROOT / each["build"]["dockerfile"]) == CONTAINER
        assert (each["read_only"], each["cap_drop"]) == (True, ["ALL"])
        assert each["security_opt"] == ["no-new-privileges:true"]
        # Loopback of the host: neither is reached from another machine.
        assert (each["network_mode"], each.get("ports")) == ("host", None)


def test_compose_is_as_its_specification_has_it() -> None:
    """The schema that check-jsonschema carries is the Compose Specification's own."""
    found = sorted((ROOT / "build/deploy-tools").glob(f"lib/python*/site-packages/{SCHEMA}"))
    if not found:
        pytest.skip("the schema is not there (make deploy-tools)")
    validator = Draft202012Validator(json.loads(found[0].read_text()))
    document = yaml.safe_load(COMPOSE.read_text())
    assert [each.message for each in validator.iter_errors(document)] == []
    document["services"]["fhir"]["restart_always"] = True
    assert list(validator.iter_errors(document))
