"""Who is next and who gives way: priorities, clients in turn, and nobody waits without end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest

from cds_hooks.inference.engine import Priority
from cds_hooks.inference.fair_queue import FairQueue, gives_way

OPEN, BACKGROUND = int(Priority.OPEN_CHART), int(Priority.BACKGROUND)


@dataclass(eq=False)
class Request:
    name: str = ""
    priority: int = OPEN
    flow: tuple[int, int] = (0, 0)
    arrived: float = 0.0
    deadline: float = 120.0


def began(queue: FairQueue[Request], now: float = 0.0) -> Request:
    request = queue.first(now)
    assert request is not None
    queue.begin(request)
    return request


def filled(*requests: Request) -> FairQueue[Request]:
    queue: FairQueue[Request] = FairQueue()
    for request in requests:
        queue.add(request)
    return queue


def test_open_charts_come_first_and_then_who_came_first() -> None:
    queue = filled(Request("a", BACKGROUND), Request("b"), Request("c"), Request("d", BACKGROUND))
    assert "".join(began(queue).name for _ in range(4)) == "bcad"
    assert queue.first(0.0) is None


def test_a_client_with_ten_times_as_many_gets_no_more_turns() -> None:
    flood = [Request("A", flow=(1, 1)) for _ in range(20)]
    queue = filled(*flood, *(Request("B", flow=(2, 2)) for _ in range(2)))
    assert "".join(began(queue).name for _ in range(6)) == "ABABAA"


def test_a_turn_that_was_taken_counts_while_nothing_of_the_client_waits() -> None:
    queue = filled(*(Request("A", flow=(1, 1)) for _ in range(6)))
    names = ""
    for _ in range(3):
        queue.add(Request("B", flow=(2, 2)))
        names += began(queue).name + began(queue).name
    assert Counter(names) == {"A": 3, "B": 3}


def test_many_tenants_of_one_client_have_the_turns_of_one_client() -> None:
    tenants = [Request("T", flow=(1, number)) for number in range(10)]
    queue = filled(*tenants, *(Request("B", flow=(2, 2)) for _ in range(3)))
    begun = [began(queue) for _ in range(6)]
    assert Counter(each.name for each in begun) == {"T": 3, "B": 3}
    assert len({each.flow for each in begun}) == 4, "each tenant in its turn"


@pytest.mark.parametrize(("now", "names"), [(59.9, "OOOOOO"), (60.0, "OOOBOO")])
def test_background_work_that_is_old_enough_gets_each_fourth_turn(now: float, names: str) -> None:
    queue = filled(*(Request("B", BACKGROUND) for _ in range(2)), *(Request("O") for _ in range(8)))
    assert "".join(began(queue, now).name for _ in range(6)) == names


def test_without_open_charts_background_work_waits_for_nothing() -> None:
    queue = filled(Request("B", BACKGROUND))
    assert began(queue).name == "B"


def given_way(newcomer: Request, *waiting: Request, now: float = 0.0) -> str:
    victim = gives_way(waiting, newcomer, now)
    return victim.name if victim else "nobody"


def test_the_newest_background_work_gives_way_to_an_open_chart() -> None:
    old, new = Request("old", BACKGROUND), Request("new", BACKGROUND)
    assert given_way(Request(), old, Request("open"), new) == "new"
    assert given_way(Request(), old, now=59.9) == "old"
    assert given_way(Request(), old, now=60.0) == "nobody", "it is the oldest and due"
    assert given_way(Request(), old, new, now=60.0) == "new"
    assert given_way(Request("", BACKGROUND), Request("open"), old) == "nobody"


@pytest.mark.parametrize(("of_a", "of_b", "gone"), [(2, 1, "nobody"), (3, 1, "A"), (2, 0, "A")])
def test_a_client_gives_way_while_it_has_two_more(of_a: int, of_b: int, gone: str) -> None:
    waiting = [Request("A", flow=(1, 1))] * of_a + [Request("B", flow=(2, 2))] * of_b
    assert given_way(Request(flow=(2, 2)), *waiting) == gone
    assert given_way(Request(flow=(1, 1)), *waiting) == "nobody"


def test_a_tenant_gives_way_to_another_of_its_client() -> None:
    waiting = [Request("first", flow=(1, 1)), Request("second", flow=(1, 1))]
    assert given_way(Request(flow=(1, 2)), *waiting) == "second"
    assert given_way(Request(flow=(1, 1)), *waiting) == "nobody"
