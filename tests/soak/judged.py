"""What a run of too much work must not show, and its figures."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from tests.soak.overload import OverloadResult
from tests.soak.slow_clients import SlowClientResult

__all__ = ["Aims", "figures", "missed", "slow_client_figures", "slow_client_missed"]


@dataclass(frozen=True, slots=True)
class Aims:
    """An answer may come `late_ms` after `answer_within_s`; memory of the last quarter of a run may
    be `growth` times that of the second, when all is warm. Among slow clients a hook may take
    `among` times what it takes alone, and the log may grow to `log_bytes`."""

    late_ms: float = 100.0
    growth: float = 1.10
    among: float = 2.0
    log_bytes: int = 200_000


def missed(found: OverloadResult, aims: Aims) -> list[str]:
    """The aims that the run missed, in words; none is a success."""
    late = sum(each > aims.late_ms for each in found.late_ms)
    others = found.fired - found.lost - found.statuses[200]
    said = {
        f"{found.lost} hooks had no answer": found.lost,
        f"{others} answers were errors": others,
        f"{found.unrecorded} answers have no record": found.unrecorded,
        f"{late} answers came more than {aims.late_ms:.0f} ms late": late,
        f"memory grew {found.growth:.2f} times": found.growth > aims.growth,
    }
    return [words for words, failed in said.items() if failed]


def figures(found: OverloadResult, aims: Aims) -> dict[str, object]:
    """The run in figures, for a person and for a file."""
    late = found.late_ms
    return {
        "hooks fired": found.fired,
        "a consultation alone, s": round(found.one_takes_s, 2),
        "statuses": dict(found.statuses),
        "topics of cards": dict(found.topics),
        "hooks without an answer": found.lost,
        "hooks without a record": found.unrecorded,
        "latest answer after its time, ms": round(late[0], 1) if late else None,
        f"answers later than {aims.late_ms:.0f} ms": sum(each > aims.late_ms for each in late),
        "median answer, s": round(sorted(found.took_s)[len(found.took_s) // 2], 3),
        "memory at the end over the second quarter": round(found.growth, 3),
        "memory at the end, MiB": round(found.memory_mib[-1]),
    }


def slow_client_missed(found: SlowClientResult, aims: Aims) -> list[str]:
    """The aims that were missed among slow clients, in words."""
    said = {
        f"{found.failed} hooks failed": found.failed,
        f"a hook took {found.ratio:.2f} times as long": found.ratio > aims.among,
        f"the log has {found.log_bytes} bytes": found.log_bytes > aims.log_bytes,
    }
    return [words for words, failed in said.items() if failed]


def slow_client_figures(found: SlowClientResult) -> dict[str, object]:
    """The run in figures."""
    among = sorted(found.among_s)
    return {
        "connections of slow clients": found.connected,
        "hooks alone and among them": (len(found.alone_s), len(among)),
        "hooks that failed": found.failed,
        "how they failed": dict(found.errors),
        "median of a hook alone, ms": round(1000 * statistics.median(found.alone_s), 1),
        "median among slow clients, ms": round(1000 * statistics.median(among), 1),
        "slowest among slow clients, ms": round(1000 * among[-1], 1),
        "median among slow clients / alone": round(found.ratio, 2),
        "bytes of log": found.log_bytes,
    }
