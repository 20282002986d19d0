"""The public app keeps the contract that it publishes (OpenAPI), whatever of it is called, and by whom."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.failures import FailureGroup

from tests.integration.contract.contract_world import (
    ROLES,
    Seat,
    cases_of,
    operations_of,
    seated,
    send_and_check,
)
from tests.sizes import full

EXAMPLES = full(2, 1_000)
# So that several workers can share the full run.
PARTS = full(1, 24)


@pytest.fixture(scope="module")
def seats(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Seat]]:
    folder = tmp_path_factory.mktemp("contract")
    with ExitStack() as stack:
        yield [stack.enter_context(seated(role, migrated_sqlite, folder / role)) for role in ROLES]


@pytest.mark.parametrize("part", range(PARTS))
def test_no_answer_breaks_the_contract(seats: list[Seat], part: int) -> None:
    """No 5xx, and status, headers, media type and body as documented, for what is allowed and what is not."""
    operations = operations_of(seats[0].app)
    assert len(operations) > 200
    with asyncio.Runner() as runner:
        found = [_breach(operation, seats, runner) for operation in operations[part::PARTS]]
    broken = [told for told in found if told is not None]
    assert not broken, "\n\n".join(broken)


def _breach(operation: Any, seats: Sequence[Seat], runner: asyncio.Runner) -> str | None:
    """Return how an operation breaks its contract, None when it keeps it."""

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(cases_of(operation))
    def keeps(case: Any) -> None:
        for seat in seats:
            send_and_check(runner, seat, case)

    for seat in seats:
        seat.start_over()
    try:
        keeps()
    except FailureGroup as failure:
        return str(failure)
    return None
