"""Too much work for a while, small: what `make soak` measures at length."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from tests.end_to_end.conftest import Running
from tests.soak.overload import overload, records_in


@pytest.mark.model
@pytest.mark.slow
def test_every_hook_is_answered_and_on_record_however_much_there_is(
    start: Callable[[str], AbstractContextManager[Running]],
) -> None:
    with start("[model]\nqueue = 2\nparallel = 1\n") as service:
        service.until_ready()
        found = asyncio.run(overload(service, 6))
        assert found.lost == 0
        assert set(found.statuses) == {200}
        # What the model had no time for is told by rules alone.
        assert found.topics["chartsideChartFindings"] > 0
        found.records = records_in(service.folder / "records.sqlite")
        assert found.unrecorded == 0
        service.until_ready()
