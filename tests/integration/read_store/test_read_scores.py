"""Scores are appended, the latest is found, and lists are paged, on both stores."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction
from crm_store.domain.scores import Reason, Score, band_of
from crm_store.models import CurrentScore, ScoreLog
from crm_store.repositories.cursors import BadCursor
from crm_store.repositories.scores import log as scores
from crm_store.repositories.scores.log import (
    Page,
    RankedScore,
    ScoreRow,
    append_scores,
    counts_by_band,
    history,
    latest,
    ranked,
    standing_at,
)
from tests.integration.read_store.clock import HOUR, T0

MODEL = "lead_health"
REASONS = (
    Reason("lead_chats_30d", 3.0, 12.5),
    Reason("lead_last_interaction_h", None, -30.0, ("超过 72 小时未联系", "no contact for 72 hours")),
    Reason("lead_channel", "展会", 0.0),
    Reason("lead_has_company", True, 1.0),
)


def test_the_weekly_chances_are_kept_to_the_millionth(sessions: sessionmaker[Session]) -> None:
    said = replace(score(42.5), weekly=(0.1234567, 0.0, 0.25))
    append(sessions, row("lea_weekly", said, rank_value=42.5))
    with sessions() as session:
        assert latest(session, MODEL, ["lea_weekly"])["lea_weekly"].score.weekly == (0.123457, 0.0, 0.25)


@pytest.mark.usefixtures("noise")
def test_a_score_comes_back_as_it_was_said(sessions: sessionmaker[Session]) -> None:
    said = score(42.5, probability=0.125, source="rules", why="no_champion", reasons=REASONS)
    append(sessions, row("lea_1", said, rank_value=42.5))
    with sessions() as session:
        kept = latest(session, MODEL, ["lea_1", "lea_none"])
        assert list(kept) == ["lea_1"]
        assert (kept["lea_1"].score, kept["lea_1"].scored_at, kept["lea_1"].model) == (said, T0, MODEL)
        assert history(session, MODEL, "lea_1") == [kept["lea_1"]]


@pytest.mark.usefixtures("noise")
def test_the_score_as_of_a_moment_is_that_of_the_latest_data_until_then(
    sessions: sessionmaker[Session],
) -> None:
    for hours, value in ((0, 10), (2, 20), (2, 25), (4, 30)):
        said = replace(score(value), as_of=T0 + hours * HOUR)
        append(sessions, row("lea_1", said), hours=hours + value / 100)
    with sessions() as session:
        found = [standing_at(session, MODEL, "lea_1", T0 + hours * HOUR) for hours in (-1, 0, 1, 2, 3, 9)]
        assert [one and one.score.value for one in found] == [None, 10, 10, 25, 25, 30]
        assert standing_at(session, MODEL, "lea_none", T0) is None


@pytest.mark.usefixtures("noise")
def test_repeating_a_job_adds_nothing_and_changes_nothing(sessions: sessionmaker[Session]) -> None:
    assert append(sessions, row("lea_1", score(10)), row("lea_2", score(20))) == 2
    assert append(sessions, row("lea_1", score(99)), row("lea_2", score(99)), row("lea_3", score(30))) == 1
    with sessions() as session:
        assert [item.value for item in ranked(session, MODEL).items] == [10, 20, 30]
        assert [kept.score.value for kept in history(session, MODEL, "lea_1")] == [10]


@pytest.mark.usefixtures("noise")
def test_the_newest_score_is_current_and_a_late_one_is_only_logged(sessions: sessionmaker[Session]) -> None:
    append(sessions, row("lea_1", score(20), owner_id="rep_1", title="旧"), hours=2)
    append(sessions, row("lea_1", score(30), owner_id="rep_2", title="新"), hours=3)
    append(sessions, row("lea_1", score(10)), hours=1)
    with sessions() as session:
        only = ranked(session, MODEL).items[0]
        assert (only.value, only.owner_id, only.title, only.scored_at) == (30, "rep_2", "新", T0 + 3 * HOUR)
        assert latest(session, MODEL, ["lea_1"])["lea_1"].score.value == 30
        assert [kept.score.value for kept in history(session, MODEL, "lea_1")] == [30, 20, 10]
        assert [kept.score.value for kept in history(session, MODEL, "lea_1", limit=2)] == [30, 20]


def test_scores_roll_back_with_the_transaction_they_are_written_in(sessions: sessionmaker[Session]) -> None:
    with sessions() as session:
        append_scores(session, MODEL, [row("lea_1", score(20))], scored_at=T0)
        session.rollback()
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(ScoreLog)) == 0
        assert session.scalar(select(func.count()).select_from(CurrentScore)) == 0


def test_a_rank_that_cannot_be_sorted_is_refused(sessions: sessionmaker[Session]) -> None:
    for rank in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="lea_1"):
            append(sessions, row("lea_1", score(20), rank_value=rank))


def test_an_entity_twice_in_one_job_is_refused_and_no_scores_are_fine(
    sessions: sessionmaker[Session],
) -> None:
    with pytest.raises(ValueError, match="twice"):
        append(sessions, row("lea_1", score(20)), row("lea_1", score(21)))
    assert append(sessions) == 0


@pytest.mark.usefixtures("noise")
def test_more_ids_than_one_statement_may_name_are_read_in_parts(
    sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scores, "_IDS_PER_QUERY", 7)
    many = [row(f"lea_{number:02}", score(number)) for number in range(20)]
    assert append(sessions, *many[:5]) == 5
    assert append(sessions, *many) == 15
    with sessions() as session:
        found = latest(session, MODEL, [item.entity_id for item in many])
    assert {key: kept.score.value for key, kept in found.items()} == {i.entity_id: i.rank_value for i in many}


@pytest.mark.usefixtures("noise")
def test_bands_are_counted_with_the_empty_ones(sessions: sessionmaker[Session]) -> None:
    append(sessions, row("lea_1", score(10)), row("lea_2", score(59.9)), row("lea_3", score(90)))
    with sessions() as session:
        assert counts_by_band(session, MODEL) == {"green": 1, "yellow": 0, "red": 2}
        assert counts_by_band(session, "no_such_model") == {"green": 0, "yellow": 0, "red": 0}


FILTERED: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["lea_b", "lea_a", "lea_c", "lea_d", "lea_e"]),
    ({"band": "red"}, ["lea_b", "lea_a"]),
    ({"owner_id": "rep_1"}, ["lea_b", "lea_d"]),
    ({"region": "华东"}, ["lea_a", "lea_d", "lea_e"]),
    ({"owner_id": "rep_1", "region": "华东"}, ["lea_d"]),
    ({"search": "医院"}, ["lea_b", "lea_c"]),
    ({"search": " abc "}, ["lea_d"]),
    ({"search": "100%"}, ["lea_e"]),
    ({"search": "1_0"}, []),
    ({"search": "   "}, ["lea_b", "lea_a", "lea_c", "lea_d", "lea_e"]),
    ({"search": "医院", "band": "yellow"}, ["lea_c"]),
    ({"search": "没有"}, []),
    ({"band": "red", "owner_id": "rep_9"}, []),
]


@pytest.mark.usefixtures("noise")
def test_a_list_is_ordered_by_rank_then_id_and_filtered(sessions: sessionmaker[Session]) -> None:
    append(
        sessions,
        row("lea_d", score(70), rank_value=70, owner_id="rep_1", region="华东", title="ABC 器械"),
        row("lea_a", score(50), rank_value=50, region="华东"),
        row("lea_b", score(20), rank_value=-1.5, owner_id="rep_1", region="华南", title="甲医院"),
        row("lea_c", score(65), rank_value=50, owner_id="rep_2", title="乙医院"),
        row("lea_e", score(95), rank_value=95, region="华东", title="100% 医疗"),
    )
    with sessions() as session:
        for wanted, expected in FILTERED:
            page = ranked(session, MODEL, **wanted)
            assert [item.entity_id for item in page.items] == expected, wanted
            assert (page.total, page.next_cursor) == (len(expected), None), wanted


def test_a_line_shows_what_lists_need(sessions: sessionmaker[Session]) -> None:
    said = score(42.0, probability=0.5)
    append(
        sessions, row("acc_1", said, rank_value=-7.5, owner_id="rep_1", region="华东", title="甲", money=15.0)
    )
    with sessions() as session:
        assert ranked(session, MODEL).items == [
            RankedScore("acc_1", 42.0, "red", 0.5, "model", T0, -7.5, "rep_1", "华东", "甲", 15.0)
        ]


def test_a_page_has_between_1_and_200_lines(sessions: sessionmaker[Session]) -> None:
    with sessions() as session:
        for limit in (0, -1, 201):
            with pytest.raises(ValueError, match="200"):
                ranked(session, MODEL, limit=limit)


@pytest.mark.usefixtures("noise")
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ranks=st.lists(st.floats(-1e12, 1e12) | st.sampled_from([0.0, -0.0, 0.1, 1 / 3]), max_size=25),
    limit=st.integers(1, 7),
    search=st.sampled_from([None, "医"]),
)
def test_pages_together_are_the_whole_list_without_gaps_or_repeats(
    sessions: sessionmaker[Session], ranks: list[float], limit: int, search: str | None
) -> None:
    with sessions() as session:
        items = [row(f"lea_{number:02}", score(5), rank_value=rank) for number, rank in enumerate(ranks)]
        append_scores(session, MODEL, [replace(item, title="医院") for item in items], scored_at=T0)
        pages = list(walk(session, limit=limit, search=search))
        session.rollback()
    expected = sorted(items, key=lambda item: (item.rank_value, item.entity_id))
    assert [line.entity_id for page in pages for line in page.items] == [item.entity_id for item in expected]
    assert all(len(page.items) == limit for page in pages[:-1])
    assert all(page.total is None for page in pages[1:])
    assert pages[0].total == (None if search and len(pages) > 1 else len(ranks))


def test_a_cursor_goes_with_its_filters_only(sessions: sessionmaker[Session]) -> None:
    append(sessions, *(row(f"lea_{number}", score(number), region="华东") for number in range(5)))
    with sessions() as session:
        cursor = ranked(session, MODEL, region="华东", limit=2).next_cursor
        assert [line.entity_id for line in ranked(session, MODEL, region="华东", cursor=cursor).items] == [
            "lea_2",
            "lea_3",
            "lea_4",
        ]
        for other in ({}, {"region": "华南"}, {"region": "华东", "band": "red"}):
            with pytest.raises(BadCursor):
                ranked(session, MODEL, cursor=cursor, **other)  # type: ignore[arg-type]
        with pytest.raises(BadCursor):
            ranked(session, MODEL, cursor="garbage")


def walk(session: Session, **wanted: Any) -> Iterator[Page]:
    cursor = None
    while True:
        page = ranked(session, MODEL, cursor=cursor, **wanted)
        yield page
        if page.next_cursor is None:
            return
        cursor = page.next_cursor


def score(value: float, **parts: Any) -> Score:
    given = {"probability": None, "reasons": (), "source": "model", "version": "v1", "as_of": T0 - HOUR}
    return Score(value=value, band=band_of(value), **given | parts)


def row(entity_id: str, said: Score, rank_value: float | None = None, **parts: Any) -> ScoreRow:
    return ScoreRow(entity_id, said, said.value if rank_value is None else rank_value, **parts)


def append(sessions: sessionmaker[Session], *rows: ScoreRow, hours: float = 0, model: str = MODEL) -> int:
    with transaction(sessions) as session:
        return append_scores(session, model, rows, scored_at=T0 + timedelta(hours=hours))


@pytest.fixture
def noise(sessions: sessionmaker[Session]) -> None:
    """Scores of another model, of the same ids and others."""
    ids = ("lea_1", "lea_a", "lea_b", "lea_noise")
    for hours in (0, 5):
        append(
            sessions,
            *(row(key, score(1), -1e9, owner_id="rep_1", region="华东", title="医院 abc") for key in ids),
            model="account_churn",
            hours=hours,
        )
