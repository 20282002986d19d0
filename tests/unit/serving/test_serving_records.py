"""The record store as serving sees it, on a real SQLite file with more in it than is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import migrate, open_engine, session_factory, transaction
from crm_store.domain.scores import Reason, Score
from crm_store.repositories.scores.log import ScoreRow, append_scores
from crm_store.repositories.writes.records import write_record
from crm_store.services.access import create_api_key
from serving.ports import CursorRefusedError, ListFilter, SeenRecords, Viewer
from serving.records import StoreRecords
from tests.unit.serving.fakes import NOW

MODEL = "lead_health"
BORN = NOW - timedelta(days=3)


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sessionmaker[Session]]:
    url = f"sqlite:///{tmp_path_factory.mktemp('store') / 'crm.db'}"
    migrate(url)
    engine = open_engine(url)
    factory = session_factory(engine)
    with transaction(factory) as session:
        fill(session)
    yield factory
    engine.dispose()


@pytest.fixture
def records(sessions: sessionmaker[Session]) -> StoreRecords:
    return StoreRecords(sessions)


@pytest.fixture
def seen(records: StoreRecords) -> SeenRecords:
    """The store as a key with the scope ``read`` sees it; the rest is in ``tests/integration/policy``."""
    return records.seen_by(Viewer(None, "crm", "service", scopes=frozenset({"read"}), way="api"))


def test_subjects_are_those_that_exist_with_their_money(records: StoreRecords) -> None:
    asked = ["lea_1", "lea_gone", "acc_1", "none"]
    leads = records.subjects("lead", asked)
    assert {key: (s.created_at, s.money) for key, s in leads.items()} == {"lea_1": (BORN, None)}
    accounts = records.subjects("account", [*asked, "acc_2"])
    assert {key: s.money for key, s in accounts.items()} == {"acc_1": 480_000.0, "acc_2": None}
    assert records.subjects("lead", []) == {}
    assert len(records.subjects("lead", ["lea_1"] * 20_000)) == 1


def test_a_record_is_shown_with_its_phone_masked_unless_it_was_deleted(seen: SeenRecords) -> None:
    shown = seen.record("lead", "lea_1")
    assert shown is not None
    assert (shown["company"], shown["phone"]) == ("测试公司", "138****5678")
    assert seen.record("lead", "lea_gone") is None
    assert seen.record("account", "lea_1") is None


def test_lists_hold_current_scores_and_refuse_cursors_of_others(seen: SeenRecords) -> None:
    first = seen.ranked(MODEL, ListFilter(), 1, None)
    assert [item["id"] for item in first.items] == ["lea_1"]
    assert set(first.items[0]) == {
        *("id", "title", "value", "band", "probability", "source", "owner_id", "region", "money", "scored_at")
    }
    second = seen.ranked(MODEL, ListFilter(), 1, first.next_cursor)
    assert [item["id"] for item in second.items] == ["lea_2"]
    with pytest.raises(CursorRefusedError):
        seen.ranked(MODEL, ListFilter(band="red"), 1, first.next_cursor)
    assert seen.ranked(MODEL, ListFilter(search="二"), 10, None).total == 1


def test_the_latest_score_and_those_before_it(records: StoreRecords, seen: SeenRecords) -> None:
    latest = records.latest(MODEL, ["lea_1", "lea_none"])
    assert set(latest) == {"lea_1"}
    assert latest["lea_1"].score.value == 20.0
    assert latest["lea_1"].score.reasons[0].sentence == ("一", "one")
    assert seen.latest(MODEL, ["lea_1", "lea_none"]) == latest
    assert [past.score.value for past in seen.score_history(MODEL, "lea_1", 10)] == [20.0, 70.0]


def test_history_holds_only_the_sources_asked_for(records: StoreRecords) -> None:
    history = records.history("lead", "lea_1", ["lead_states"])
    assert set(history) == {"lead_states"}
    assert [row["lead_id"] for row in history["lead_states"]] == ["lea_1"]


def test_a_key_is_known_by_its_holder_until_it_expires(
    records: StoreRecords, sessions: sessionmaker[Session]
) -> None:
    with transaction(sessions) as session:
        key = create_api_key(session, "crm", ["read"], NOW, NOW + timedelta(hours=1))
        create_api_key(session, "other", ["score"], NOW)
    holder = records.viewer_of_key(key, NOW)
    assert holder is not None
    assert (holder.actor, holder.holds("read"), holder.holds("score")) == ("api:crm", True, False)
    assert records.viewer_of_key(key, NOW + timedelta(hours=1)) is None
    assert records.viewer_of_key("lp_none", NOW) is None


def test_a_store_without_tables_does_not_answer(tmp_path: Path, records: StoreRecords) -> None:
    records.ping()
    engine = open_engine(f"sqlite:///{tmp_path / 'empty.db'}")
    with pytest.raises(Exception, match="no such table"):
        StoreRecords(session_factory(engine)).ping()
    engine.dispose()


def fill(session: Session) -> None:
    """Two leads, one deleted lead, two accounts; scores of both models."""
    for name, values in {
        "lea_1": {"company": "测试公司", "phone": "13812345678"},
        "lea_2": {"company": "第二公司"},
        "lea_gone": {"company": "已删除", "deleted_at": NOW},
    }.items():
        write(session, "lead", name, values)
    write(session, "account", "acc_1", {"name": "客户一", "annual_amount": 480_000.0})
    write(session, "account", "acc_2", {"name": "客户二"})
    append_scores(session, MODEL, [row("lea_1", 70.0)], scored_at=NOW - timedelta(days=1))
    append_scores(session, MODEL, [row("lea_1", 20.0), row("lea_2", 95.0, "公司二")], scored_at=NOW)
    append_scores(session, "account_churn", [row("acc_1", 50.0)], scored_at=NOW)


def write(session: Session, entity: str, record_id: str, values: dict[str, object]) -> None:
    identity = {"source": "test", "external_id": record_id}
    write_record(session, entity, record_id, identity | values, actor="user:test", recorded_at=BORN, now=NOW)


def row(entity_id: str, value: float, title: str = "公司一") -> ScoreRow:
    band = "red" if value < 60 else "yellow" if value < 90 else "green"
    reasons = (Reason("lead_chats_30d", 1.0, 2.0, ("一", "one")),)
    score = Score(value, band, None, reasons, "rules", "rules:1", NOW)  # type: ignore[arg-type]
    return ScoreRow(entity_id, score, rank_value=value, title=title)
