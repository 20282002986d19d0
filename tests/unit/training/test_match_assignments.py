"""The outcome of a match: who first got the lead, and whether it was won within the horizon."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.unit.training.training_fakes import write_source
from training.match.assignments import AssignedLeadWon
from training.outcomes import days

T = datetime(2026, 1, 1, tzinfo=UTC)
NOW = T + days(100)
OUTCOME = AssignedLeadWon(within=days(30))


def event(lead: str, rep: str, name: str, at: float, known: float | None = None) -> dict[str, object]:
    moment = T + timedelta(days=at)
    recorded = moment if known is None else T + timedelta(days=known)
    return {
        "record_id": f"{lead}{rep}{name}",
        "lead_id": lead,
        "rep_id": rep,
        "stint_id": f"{lead}@{rep}",
        "event": name,
        "occurred_at": moment,
        "recorded_at": recorded,
    }


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    write_source(
        tmp_path,
        "rep_events",
        [
            event("won", "A", "assigned", 0),
            event("won", "A", "won", 20),
            event("late", "A", "assigned", 1),
            event("late", "A", "won", 32),
            event("moved", "A", "assigned", 2),
            event("moved", "A", "released", 5),
            event("moved", "B", "assigned", 5),
            event("moved", "B", "won", 9),
            event("open", "B", "assigned", 90),
        ],
    )
    return tmp_path


def test_a_lead_is_a_row_of_its_first_owner_whoever_wins_it_later(sources: Path) -> None:
    rows = OUTCOME.rows(sources, NOW)
    assert dict(zip(rows.entity_id, rows.label, strict=True)) == {
        "won|A": True,
        "late|A": False,
        "moved|A": True,
    }
    assert (rows.known_at - rows.as_of == days(30)).all()


def test_nothing_is_labelled_before_its_horizon_has_passed(sources: Path) -> None:
    assert OUTCOME.rows(sources, T + days(25)).empty
    assert OUTCOME.rows(sources, T + days(30)).entity_id.tolist() == ["won|A"]


def test_open_leads_are_subjects_with_whoever_has_them(sources: Path) -> None:
    assert OUTCOME.subjects_at(sources, NOW).entity_id.tolist() == ["open|B"]
    assert set(OUTCOME.subjects_at(sources, T + days(3)).entity_id) == {"won|A", "late|A", "moved|A"}
