"""What is left open is measured once, kept, and never in the way of a load."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest

from cds_hooks.inference import llama_config as configuration
from cds_hooks.inference.engine import GenerationRequest
from cds_hooks.inference.hardware.machine import Machine
from cds_hooks.inference.llama_config import LlamaConfig
from cds_hooks.inference.local.llama_engine import LlamaEngine
from cds_hooks.inference.memory.context_size import Choice, ContextSize, KvType
from cds_hooks.inference.tuning import FLASH, PROMPT_THREADS, THREADS, Tuning
from cds_hooks.inference.worker.bindings.native import NativeError
from cds_hooks.inference.worker.load_order import LoadOrder
from cds_hooks.inference.worker.tuning.kept_choice import KeptChoice
from cds_hooks.inference.worker.tuning.timing_trial import LinearTime
from cds_hooks.inference.worker.tuning.tuner import tune
from cds_hooks.runtime.engines import local_configs
from cds_hooks.settings import load_settings
from prompts import load

ALL = (FLASH, THREADS, PROMPT_THREADS)
USUAL = ContextSize(cells=1024, batch=256, sequences=5, threads=4)
ASKED = Tuning(ALL, prompt=1000, steps=100, samples=3)


class _Told:
    """A trial whose times are told: (seconds a token of a prompt, seconds a step) by flash, and
    by threads."""

    flash: ClassVar = {False: (0.002, 0.020), True: (0.001, 0.040)}
    threads: ClassVar = {4: (0.1, 0.02), 2: (0.1, 0.02)}
    one = 0.001
    fails = unsteady = False

    def __init__(self, _model: Any, size: ContextSize, *_rest: Any) -> None:
        if self.fails:
            raise NativeError("context-not-made", "none")
        self.times, self.steady = self.flash[size.flash], not self.unsteady

    def step(self, _before: int) -> float:
        return self.one

    def prompt(self) -> LinearTime:
        return LinearTime(self.times[0], 0)

    def decoding(self) -> LinearTime:
        return LinearTime(self.times[1], 0)

    def with_threads(self, count: int) -> tuple[float, float]:
        return self.threads[count]

    def close(self) -> None:
        return


def _trial(**told: Any) -> Any:
    return type("Told", (_Told,), told)


def _tuned(kept: KeptChoice | None, asked: Tuning = ASKED, **told: Any) -> Any:
    return tune(None, USUAL, asked, kept, trial=_trial(**told))  # type: ignore[arg-type]


@pytest.fixture
def kept(tmp_path: Path) -> KeptChoice:
    return KeptChoice(tmp_path / "cache", "a model, a machine")


def test_what_makes_the_whole_question_faster_is_taken_and_kept(kept: KeptChoice) -> None:
    """1,000 tokens of prompt and 100 steps: 2 + 2 s against 1 + 4 s."""
    first = _tuned(kept)
    assert (first.source, first.size.flash) == ("measured", False)
    assert first.seconds == {"no flash": 4.0, "flash": 5.0}
    assert _tuned(kept, fails=True) == replace(first, source="kept")


def test_the_choice_of_a_machine_with_one_processor_is_kept(kept: KeptChoice) -> None:
    """There is nothing to halve, so the threads of prompts stay unset in what was measured."""
    one = replace(USUAL, threads=1)
    first = tune(None, one, ASKED, kept, trial=_trial())  # type: ignore[arg-type]
    again = tune(None, one, ASKED, kept, trial=_trial(fails=True))  # type: ignore[arg-type]
    assert (first.source, again.source) == ("measured", "kept")
    assert (again.size.threads, again.size.threads_of_prompts) == (1, 1)


def test_a_longer_prompt_turns_it_round(kept: KeptChoice) -> None:
    assert _tuned(kept, replace(ASKED, prompt=4000)).size.flash is True


@pytest.mark.parametrize(("other", "taken"), [(3.81, False), (3.79, True)])
def test_less_than_a_twentieth_is_noise(kept: KeptChoice, other: float, taken: bool) -> None:
    flash: ClassVar = {False: (0.002, 0.020), True: (0.0, other / 100)}
    assert _tuned(kept, flash=flash).size.flash is taken


def test_prompts_and_steps_each_have_the_threads_that_serve_them(kept: KeptChoice) -> None:
    size = _tuned(kept, threads={4: (0.1, 0.03), 2: (0.2, 0.02)}).size
    assert (size.threads, size.threads_of_prompts) == (2, 4)


def test_what_the_site_says_is_not_measured(kept: KeptChoice) -> None:
    only = replace(ASKED, measured=(FLASH,), prompt=4000)
    size = _tuned(kept, only, threads={}).size
    assert (size.flash, size.threads, size.prompt_threads) == (True, 4, 0)


@pytest.mark.parametrize(
    ("asked", "told", "why"),
    [
        (replace(ASKED, measured=()), {}, "off"),
        (replace(ASKED, busy=True), {}, "busy"),
        (ASKED, {"unsteady": True}, "busy"),
        (ASKED, {"one": 1.0}, "too-large"),
        (ASKED, {"fails": True}, "failed"),
    ],
)
def test_otherwise_the_usual_way_is_taken_and_nothing_kept(
    kept: KeptChoice, asked: Tuning, told: dict[str, Any], why: str
) -> None:
    found = _tuned(kept, asked, **told)
    assert (found.source, found.size) == (why, USUAL)
    assert kept.read() is None


def test_without_a_place_to_keep_it_nothing_is_measured() -> None:
    assert _tuned(None, fails=True).source == "no-cache"


def test_a_measurement_that_takes_too_long_is_given_up(kept: KeptChoice) -> None:
    clock = itertools.count(0, 20).__next__
    found = tune(None, USUAL, ASKED, kept, clock, _trial())  # type: ignore[arg-type]
    assert (found.source, found.size) == ("too-large", USUAL)


def test_what_the_process_dies_of_is_tried_three_times(kept: KeptChoice) -> None:
    """A stop in the midst is no fault; native code that dies of it would die at each start."""
    for _ in range(2):
        kept.begin()
    assert not kept.begun()
    kept.begin()
    assert kept.begun()
    assert _tuned(kept).source == "interrupted"
    kept.end()
    assert _tuned(kept).source == "measured"


def test_a_choice_is_of_one_model_on_one_machine(kept: KeptChoice) -> None:
    kept.write({FLASH: 1}, {})
    assert replace(kept, key="another").read() is None


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"chosen": {"flash": 1}}',
        '{"chosen": {"flash": 2}, "seconds": {}}',
        '{"chosen": {"threads": 0}, "seconds": {}}',
        '{"chosen": {"threads": 100000}, "seconds": {}}',
        '{"chosen": {"cells": 5}, "seconds": {}}',
        '{"chosen": {"threads": "many"}, "seconds": {}}',
    ],
)
def test_what_could_not_have_been_chosen_is_measured_again(kept: KeptChoice, content: str) -> None:
    kept.write({FLASH: 1}, {"flash": 1.0})
    (file,) = kept.folder.iterdir()
    file.write_text(content)
    assert _tuned(kept).source == "measured"


def test_a_folder_that_cannot_be_written_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    assert _tuned(KeptChoice(tmp_path / "cache", "")).source == "measured"


def test_time_grows_with_what_there_is_to_attend_to() -> None:
    line = LinearTime.through((50, 0.010), (150, 0.014))
    assert line.base == pytest.approx(0.008)
    assert line.of(100, 0) == pytest.approx(1.0)
    assert line.of(10, 1000) == pytest.approx(10 * (0.008 + 0.00004 * 1005))
    assert LinearTime.through((50, 0.010), (150, 0.008)).slope == 0


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({}, set(ALL)),
        ({"flash_attention": Choice.OFF}, {THREADS, PROMPT_THREADS}),
        ({"kv_type": KvType.Q8_0}, {THREADS, PROMPT_THREADS}),
        ({"gpu_layers": -1}, set()),
        ({"tune": ()}, set()),
    ],
)
def test_what_is_left_to_measurement(
    config: LlamaConfig, changes: dict[str, Any], left: set[str]
) -> None:
    asked = replace(replace(config, tune=ALL), **changes).tuning
    assert set(asked.measured) == left
    assert Tuning.from_frame(asked.frame()) == asked


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("", ALL),
        ("threads = 2", (FLASH, PROMPT_THREADS)),
        ("threads = 2\nprompt_threads = 4", (FLASH,)),
        ('flash_attention = "off"', (THREADS, PROMPT_THREADS)),
        ('tune = "off"', ()),
        ("gpu_layers = -1", ()),
    ],
)
def test_the_settings_leave_open_what_they_do_not_say(
    tmp_path: Path, text: str, left: tuple[str, ...]
) -> None:
    path = tmp_path / "chartside.toml"
    path.write_text(f'[model]\npath = "a.gguf"\nnames = ""\n{text}\n')
    [config] = local_configs(load_settings(path, {}), load("differential").settings, 2)
    assert LoadOrder.from_frame(config.order()).tuning.measured == left


async def _started(config: LlamaConfig, request: GenerationRequest) -> tuple[dict[str, str], str]:
    engine = LlamaEngine(config)
    await engine.start()
    try:
        assert (await engine.wait_until_settled()).status == "ready"
        generation = await engine.generate(request)
        return dict(engine.facts), generation.samples[0].text
    finally:
        await engine.stop()


@pytest.mark.model
async def test_a_confined_process_measures_and_reads_back(
    config: LlamaConfig,
    tiny_models: ModuleType,
    tmp_path: Path,
    ask: Callable[..., GenerationRequest],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whether it found the machine steady or not, the next start computes the same way."""
    monkeypatch.setattr(configuration, "this_machine", lambda: Machine(2, None, busy=False))
    model = tmp_path / "tiny.gguf"
    tiny_models.write("llama", model)
    entry = config.entry.model_copy(update={"sha256": "", "context": 8192})
    tuned = replace(
        config, model=model, entry=entry, names=None, cache=tmp_path / "cache", tune=ALL, threads=2
    )
    request = ask(exclusive=True, names=False, max_tokens=40)
    first, text = await _started(tuned, request)
    again, same = await _started(tuned, request)
    assert first["tuning"] in ("measured", "busy")
    assert again["tuning"] in (("kept",) if first["tuning"] == "measured" else ("measured", "busy"))
    if again["tuning"] == "kept":
        assert (again["computes_with"], same) == (first["computes_with"], text)
    said, _ = await _started(replace(tuned, flash_attention=Choice.ON, tune=()), request)
    assert said["tuning"] == "off"
    assert said["computes_with"].startswith("flash attention")
