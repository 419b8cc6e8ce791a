"""Bounds on connections: which of them give way, and which never do."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.app.connections import ConnectionBounds, Connections


@dataclass(eq=False)
class Line:
    """A connection that remembers whether it was ended."""

    ended: bool = False

    def abort(self) -> None:
        self.ended = True


@dataclass
class Bench:
    """Connections with a clock that is set by hand."""

    bounds: ConnectionBounds
    now: float = 0.0
    proxies: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.there = Connections(
            self.bounds, clock=lambda: self.now, is_shared=self.proxies.__contains__
        )

    def come(self, address: str = "10.0.0.1") -> Line | None:
        line = Line()
        return line if self.there.admit(line, address) else None


def test_past_the_bound_the_longest_wait_gives_way() -> None:
    bench = Bench(ConnectionBounds(most=2, per_address=0))
    first, second = bench.come(), bench.come()
    third = bench.come()
    assert first is not None
    assert second is not None
    assert third is not None
    assert (first.ended, second.ended, third.ended) == (True, False, False)
    assert (len(bench.there), bench.there.counts.displaced) == (2, 1)


def test_a_request_in_work_never_gives_way() -> None:
    bench = Bench(ConnectionBounds(most=2, per_address=0))
    lines = [bench.come(), bench.come()]
    for line in lines:
        assert line is not None
        bench.there.busy(line)
    assert bench.come() is None
    assert [line.ended for line in lines if line] == [False, False]
    assert bench.there.counts.refused == 1
    bench.there.wait(lines[1])  # type: ignore[arg-type]
    assert bench.come() is not None
    assert [line.ended for line in lines if line] == [False, True]


def test_those_whose_tls_has_not_begun_give_way_first() -> None:
    bench = Bench(ConnectionBounds(most=3, per_address=0, head_s=10.0))
    lines = [bench.come() for _ in range(3)]
    first, second, third = (line for line in lines if line)
    bench.there.begun(first)
    assert bench.come()
    assert (first.ended, second.ended, third.ended) == (False, True, False)
    bench.now = 10.0
    bench.there.end_late()
    assert first.ended
    assert len(bench.there) == 0


def test_an_address_displaces_its_own_connections_alone() -> None:
    bench = Bench(ConnectionBounds(most=10, per_address=2))
    other = bench.come("10.0.0.2")
    mine = [bench.come() for _ in range(3)]
    assert other is not None
    assert not other.ended
    assert [line.ended for line in mine if line] == [True, False, False]
    assert len(bench.there) == 3


def test_a_proxy_and_an_unknown_address_have_no_bound_of_their_own() -> None:
    bench = Bench(ConnectionBounds(most=10, per_address=2), proxies={"10.0.0.9"})
    assert all(bench.come("10.0.0.9") for _ in range(4))
    assert all(bench.come("") for _ in range(4))
    assert bench.there.counts.displaced == 0


@pytest.mark.parametrize(("after", "ended"), [(9.9, False), (10.0, True), (10.1, True)])
def test_a_head_has_its_time(after: float, ended: bool) -> None:
    bench = Bench(ConnectionBounds(head_s=10.0))
    line = bench.come()
    bench.now = after
    bench.there.end_late()
    assert line is not None
    assert line.ended is ended
    assert bench.there.counts.late == int(ended)


def test_each_wait_has_its_own_time() -> None:
    bench = Bench(ConnectionBounds(head_s=10.0))
    line = bench.come()
    assert line is not None
    bench.there.busy(line)
    bench.now = 60.0
    bench.there.end_late()
    assert not line.ended
    bench.there.wait(line)
    bench.now = 69.0
    bench.there.end_late()
    assert not line.ended
    bench.now = 70.0
    bench.there.end_late()
    assert line.ended


def test_all_that_wait_end_with_the_service() -> None:
    bench = Bench(ConnectionBounds())
    waits, works = bench.come(), bench.come()
    assert waits is not None
    assert works is not None
    bench.there.busy(works)
    bench.there.end_waiting()
    assert (waits.ended, works.ended) == (True, False)


@given(st.lists(st.tuples(st.sampled_from("atwbr"), st.integers(0, 9), st.integers(0, 2))))
def test_no_order_of_events_breaks_the_bounds(events: list[tuple[str, int, int]]) -> None:
    bench = Bench(ConnectionBounds(most=4, per_address=2, head_s=5.0))
    lines: list[Line] = []
    for what, number, address in events:
        bench.now += 1
        chosen = lines[number % len(lines)] if lines else Line()
        match what:
            case "a":
                lines += [line] if (line := bench.come(f"10.0.0.{address}")) else []
            case "t":
                bench.there.begun(chosen)
            case "w":
                bench.there.wait(chosen)
            case "b":
                bench.there.busy(chosen)
            case "r":
                bench.there.release(chosen)
        bench.there.end_late()
        assert 0 <= bench.there.waiting <= len(bench.there) <= 4
    for line in lines:
        bench.there.release(line)
    assert len(bench.there) == bench.there.waiting == 0
