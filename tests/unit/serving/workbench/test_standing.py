"""What an account's page says of the weeks ahead, where the contract at risk ends after them."""

from datetime import UTC, datetime, timedelta

import pytest

from crm_store.domain.scores import Score
from serving.assessment import Assessment, shipped_assessor
from serving.workbench.standing import Standing

NOW = datetime(2026, 3, 1, tzinfo=UTC)
COMPOSITE = Score(50.0, "red", None, (), "rules", "account_risk@1", NOW)


@pytest.mark.parametrize(
    ("ends_in_days", "weeks", "told"),
    [(183, 26, True), (182, 26, False), (10, 26, False), (None, 26, False), (300, None, False)],
)
def test_a_contract_that_ends_after_the_weeks_is_told(
    ends_in_days: int | None, weeks: int | None, told: bool
) -> None:
    ends_at = None if ends_in_days is None else NOW + timedelta(days=ends_in_days)
    assessment = Assessment(COMPOSITE, None, (), ends_at)
    weekly = None if weeks is None else (0.01,) * weeks
    standing = Standing(NOW, assessment, weekly, {}, (), ())
    assert standing.decided_after_the_weeks == (ends_at if told else None)


def test_the_end_of_the_contract_under_way_is_told_with_the_standing() -> None:
    signed, end = NOW - timedelta(days=100), NOW + timedelta(days=265)
    terms = {"record_id": "c#1", "account_id": "a", "contract_id": "c", "event": "signed", "amount": 10.0}
    event = terms | {"end_at": end, "occurred_at": signed, "recorded_at": signed}
    history = dict.fromkeys(shipped_assessor().sources, ()) | {"contract_events": (event,)}
    assert shipped_assessor().assess(history, "a", NOW).contract_ends_at == end
    assert shipped_assessor().assess(history | {"contract_events": ()}, "a", NOW).contract_ends_at is None
