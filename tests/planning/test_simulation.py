"""The simulation against queueing theory, by hand-worked runs, and the bounds of the service."""

from __future__ import annotations

from datetime import date
from statistics import fmean

import pytest

from cds_hooks.inference.engine import Priority
from cds_hooks.planning.demand import Demand, Rules, Spread
from cds_hooks.planning.figures import figures
from cds_hooks.planning.simulation import Arrival, run, simulate
from cds_hooks.planning.sizing import Aim, capacity, plan
from cds_hooks.planning.speeds import Speed

ONE = Rules(parallel=1, queue=2, prepare_s=0.0, answer_within_s=1.5)


def speed(prompt_per_s: float = 1e6, batch: int = 256, **step_ms: float) -> Speed:
    steps = {int(name[1:]): ms for name, ms in step_ms.items()} or {1: 1000.0}
    return Speed(
        model="m", hardware="h", gpus=1, prompt_per_s=prompt_per_s, step_ms=steps, batch=batch,
        source="a test", looked_up=date(2026, 11, 29),
    )  # fmt: skip


def questions(
    *at: float, steps: float = 10.0, prompt: float = 1e-6, **more: Priority
) -> list[Arrival]:
    return [Arrival(each, (prompt, steps), **more) for each in at]


def test_one_engine_answers_one_after_the_other() -> None:
    done = run(questions(0, 1, 2), 1, speed(), 1, ONE)
    assert done.waits_s == pytest.approx([0, 9, 18])
    assert done.answers_s == pytest.approx([10, 19, 28])
    assert done.told == ["later"] * 3
    assert done.hook_s == pytest.approx([1.5] * 3)


def test_past_the_queue_a_question_is_shed_at_once() -> None:
    done = run(questions(0, 1, 2, 3), 1, speed(), 1, ONE)
    assert sorted(done.told) == ["later"] * 3 + ["overloaded"]
    assert figures([done])["questions_shed"].mean == 0.25


def test_an_open_chart_takes_the_place_of_the_background_and_goes_before_it() -> None:
    behind = questions(0.5, 0.6, priority=Priority.BACKGROUND)
    done = run([*questions(0), *behind, *questions(1)], 1, speed(), 1, ONE)
    outcomes = [each.outcome for each in done.questions]
    assert outcomes == ["answered", "answered", "overloaded", "answered"]
    assert [each.began for each in done.questions] == pytest.approx([0, 20, -1, 10])


def test_a_client_with_ten_times_as_many_hooks_costs_another_no_answer_and_few_turns() -> None:
    """A asks each second, B each tenth; one engine takes four seconds for each question."""
    flood = [Arrival(float(at), (1e-6, 4.0), flow=(1, 1)) for at in range(200)]
    other = [Arrival(at + 0.5, (1e-6, 4.0), flow=(2, 2)) for at in range(0, 200, 10)]
    came = sorted([*flood, *other], key=lambda each: each.at)
    done = run(came, 1, speed(), 1, Rules(parallel=1, queue=8, open_calls=1000))
    of_b = [each for each in done.questions if each.flow == (2, 2)]
    assert {each.outcome for each in of_b} == {"answered"}
    # What runs ends, and at most one of A's goes before: A waits for eight.
    assert max(each.began - each.arrived for each in of_b) <= 8.0
    shed = sum(each.outcome == "overloaded" for each in done.questions if each.flow == (1, 1))
    assert shed > 100


def test_two_side_by_side_share_the_steps() -> None:
    both = Rules(parallel=2, prepare_s=0.0)
    done = run(questions(0, 0), 1, speed(s1=100.0, s2=150.0), 1, both)
    assert done.answers_s == pytest.approx([1.5, 1.5])
    late = run(questions(0, 0.5), 1, speed(s1=100.0, s2=150.0), 1, both)
    # Five steps alone, five in company (0.75 s), and then the other's last five alone.
    assert late.answers_s == pytest.approx([1.25, 1.25])


def test_a_prompt_slows_the_answer_beside_it_by_its_pieces() -> None:
    done = run(
        [Arrival(0.0, (1e-6, 20.0)), Arrival(0.0, (255.0, 1.0))], 1,
        speed(1000.0, s1=100.0), 1, Rules(parallel=2, prepare_s=0.0),
    )  # fmt: skip
    # A step of 100 ms with a piece of 255 tokens (255 ms) beside it, then 19 steps.
    assert done.answers_s == pytest.approx([0.355 + 1.9, 0.355 + 0.1])


def test_a_deadline_ends_what_waits() -> None:
    done = run(questions(0, 1, steps=200), 1, speed(), 1, ONE)
    assert [each.outcome for each in done.questions] == ["deadline", "deadline"]
    assert done.waits_s == pytest.approx([0, 119])


def test_the_store_answers_without_an_engine() -> None:
    done = run([Arrival(0.0, None)], 1, speed(), 1, Rules(prepare_s=0.3))
    assert (done.told, done.hook_s) == (["stored"], pytest.approx([0.3]))


def test_near_the_bound_on_open_calls_rules_answer_alone() -> None:
    few = Rules(parallel=1, queue=100, open_calls=4, prepare_s=0.0)
    done = run(questions(0, 0.1, 0.2, 0.3, 0.4), 1, speed(), 1, few)
    assert done.told.count("overloaded") == 2, "they leave at once, so nobody is refused"


def test_several_engines_share_the_questions() -> None:
    done = run(questions(0, 0, 0), 1, speed(), 3, ONE)
    assert done.waits_s == [0, 0, 0]


@pytest.mark.parametrize(("variation", "expected"), [(0.0, 1.0), (1.0, 2.0)])
def test_waits_are_those_of_queueing_theory(variation: float, expected: float) -> None:
    """One server, load 2/3, one second of work: Pollaczek and Khinchine's mean wait."""
    demand = Demand(24 * 2400, 1 / 24, 0.0, Spread(1, 0), Spread(1000, variation), 1)
    endless = Rules(parallel=1, queue=10**6, open_calls=10**6, prepare_s=0.0, deadline_s=10**5)
    runs = simulate(demand, speed(s1=1.0), 1, endless, replications=4, hour_s=1800, warm_up_s=300)
    found = [fmean(each.waits_s) for each in runs]
    assert fmean(found) == pytest.approx(expected, rel=0.2)


def test_the_same_seed_gives_the_same_hour_and_another_another() -> None:
    demand = Demand(4000, 0.1, 0.5, Spread(500), Spread(50))
    ways = [simulate(demand, speed(), 2, Rules(), seed=n, replications=2) for n in (1, 1, 2)]
    one, same, other = [figures(runs) for runs in ways]
    assert one == same
    assert one != other


def test_the_arithmetic_by_hand_and_the_fewest_engines_that_meet_the_aim() -> None:
    demand = Demand(6_000, 0.1, 0.5, Spread(1000, 0), Spread(100, 0), 3)
    rules, slow = Rules(parallel=2, queue=16), speed(250.0, s3=80.0, s6=120.0)
    needed = capacity(demand, slow, rules)
    # Two at once: 100 steps of 120 ms and two prompts of 4 s make 20 s.
    assert needed.an_hour == pytest.approx(360)
    assert needed.alone_s == pytest.approx(12.0)
    assert needed.engines == pytest.approx(300 / 360)
    found = plan(demand, slow, rules, aim=Aim(wait_s=12.0), replications=2)
    assert (found.enough, found.engines) == (True, 2)
    one = plan(demand, slow, rules, engines=1, aim=Aim(wait_s=12.0), replications=2)
    assert (one.enough, one.figures["wait_p95_s"].mean > 12.0) == (False, True)
