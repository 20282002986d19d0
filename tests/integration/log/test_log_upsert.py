"""A bulk upsert: an outcome for every row, and the log that single writes leave, on both stores."""

import gc
from typing import Any

import pytest
from log_helpers import HOUR, T0, Together, write_lead
from sqlalchemy import Connection, event, func, select
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction
from crm_store.domain.ids import stable_id
from crm_store.models import Account, ChangeLog, Lead, User
from crm_store.repositories.problems import StoreError
from crm_store.repositories.writes.changelog import verify
from crm_store.repositories.writes.records import get_record, states_of, write_record
from crm_store.repositories.writes.upsert import MAX_ROWS, UpsertRow, upsert_records
from crm_store.repositories.writes.upsert_plan import RowResult


def test_rows_are_created_then_unchanged_then_updated(sessions: sessionmaker[Session]) -> None:
    rows = [row(str(number), company=f"公司{number}") for number in range(3)]
    assert [one.status for one in upsert(sessions, rows)] == ["created"] * 3
    assert [one.status for one in upsert(sessions, rows, hours=1)] == ["unchanged"] * 3
    results = upsert(sessions, [row("0", company="新名"), row("9"), row("2", company="公司2")], hours=2)
    assert [(one.status, one.version) for one in results] == [
        ("updated", 2),
        ("created", 1),
        ("unchanged", 1),
    ]
    with sessions() as session:
        assert verify(session) == []
        assert session.scalar(select(func.count()).select_from(Lead)) == 4
        lead = get_record(session, "lead", results[0].id or "")
        assert isinstance(lead, Lead)
        assert (lead.company, lead.version, lead.updated_at) == ("新名", 2, T0 + 2 * HOUR)


def test_an_upsert_leaves_the_log_that_single_writes_leave(sessions: sessionmaker[Session]) -> None:
    steps = [{"company": "甲厂", "expected_volume": 3}, {"status": "contacted"}, {"company": None}]
    upsert(sessions, [row("bulk", **step) for step in steps])
    with transaction(sessions) as session:
        for step in steps:
            values = {"source": "crm", "external_id": "single", **step}
            write_record(
                session, "lead", "lea_single", values, actor="import:x", recorded_at=T0, now=T0 + HOUR
            )
    with sessions() as session:
        single = states_of(session, "lead", "lea_single")
        bulk = states_of(session, "lead", stable_id("lead", "crm", "bulk"))
        assert [state | {"external_id": "single"} for state in bulk] == single
        assert verify(session) == []


def test_an_upsert_leaves_the_collector_of_garbage_as_it_was(sessions: sessionmaker[Session]) -> None:
    upsert(sessions, [row("1")])
    assert gc.isenabled()
    gc.disable()
    try:
        upsert(sessions, [row("2")])
        assert not gc.isenabled()
    finally:
        gc.enable()
    with pytest.raises(AttributeError):
        upsert(sessions, [None])  # type: ignore[list-item]
    assert gc.isenabled()


def test_a_row_is_matched_by_its_id_before_its_outside_id(sessions: sessionmaker[Session]) -> None:
    upsert(sessions, [row("1"), row("2")])
    mine = stable_id("lead", "crm", "1")
    moved = upsert(sessions, [UpsertRow({"external_id": "7", "need": "试剂"}, id=mine)], hours=1)
    assert [(one.status, one.id) for one in moved] == [("updated", mine)]
    again = upsert(sessions, [row("7", need="耗材"), row("1", need="新的")], hours=2)
    assert [(one.status, one.id == mine) for one in again] == [("updated", True), ("created", False)]
    assert upsert(sessions, [row("1", need="新的")], hours=3)[0].status == "unchanged"


def test_rows_of_one_record_are_applied_in_their_order(sessions: sessionmaker[Session]) -> None:
    rows = [row("1", need="a"), row("1", need="b"), row("1", need="b"), row("1", need="c")]
    assert [(one.status, one.version) for one in upsert(sessions, rows)] == [
        ("created", 1),
        ("updated", 2),
        ("unchanged", 2),
        ("updated", 3),
    ]
    with sessions() as session:
        needs = [state["need"] for state in states_of(session, "lead", stable_id("lead", "crm", "1"))]
        assert needs == ["a", "b", "c"]


def test_a_conflict_shows_both_values_and_writes_nothing(sessions: sessionmaker[Session]) -> None:
    upsert(sessions, [row("1", need="stored")])
    rows = [
        row("1", version=7, need="offered"),
        row("1", version=1, need="right"),
        row("1", version=1, need="late"),
        row("1", version=0),
        row("new", version=0),
    ]
    results = upsert(sessions, rows, hours=1)
    assert [one.status for one in results] == ["conflict", "updated", "conflict", "conflict", "created"]
    assert results[0].values is not None
    assert results[0].values["need"] == ["stored", "offered"]
    assert results[2].values is not None
    assert results[2].values["need"] == ["right", "late"]
    assert [one.problem.code for one in results if one.problem] == ["version_conflict"] * 3


BAD_ROWS: list[tuple[UpsertRow, str, str | None]] = [
    (UpsertRow({"source": "crm", "external_id": "b", "colour": "red"}), "unknown_field", "colour"),
    (UpsertRow({"source": "crm", "external_id": "b", "status": "sold"}), "not_allowed", "status"),
    (UpsertRow({"source": "crm", "external_id": "b", "owner_id": "nobody"}), "unknown_reference", "owner_id"),
    (UpsertRow({"need": "no key"}), "no_key", "external_id"),
    (UpsertRow({"need": "no source"}, id="lea_unknown"), "required", "source"),
    (UpsertRow({"source": "crm", "external_id": "0"}, id="lea_other"), "outside_id_taken", "external_id"),
    (UpsertRow({"source": "crm", "external_id": "b", "company": "坏\x00"}), "bad_character", "company"),
]


@pytest.mark.parametrize(("bad", "code", "field"), BAD_ROWS, ids=[code for _, code, _ in BAD_ROWS])
def test_a_bad_row_never_spoils_the_others(
    sessions: sessionmaker[Session], bad: UpsertRow, code: str, field: str | None
) -> None:
    upsert(sessions, [row("0")])
    rows = [row(str(number), need="x") for number in range(8)]
    results = upsert(sessions, [*rows[:5], bad, *rows[5:]], hours=1)
    assert [one.status for one in results] == ["updated"] + ["created"] * 4 + ["invalid"] + ["created"] * 3
    assert results[5].problem is not None
    assert (results[5].problem.code, results[5].problem.field) == (code, field)
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Lead)) == 8
        assert verify(session) == []


def test_rows_that_want_what_others_have_are_found_together(sessions: sessionmaker[Session]) -> None:
    """What is theirs alone costs a few attempts for all such rows, not some for each."""
    upsert(sessions, [row(str(number)) for number in range(40)])
    rows = [row(f"new {number}") for number in range(40)]
    rows[1::2] = [UpsertRow({"source": "crm", "external_id": f"{n}"}, id=f"lea_{n}") for n in range(20)]
    attempts: list[str] = []
    with transaction(sessions) as session:
        event.listen(session, "after_transaction_create", lambda _, begun: attempts.append(str(begun)))
        results = upsert_in(session, rows, hours=1)
    assert [one.status for one in results] == ["created", "invalid"] * 20
    assert {one.problem.code for one in results if one.problem} == {"outside_id_taken"}
    assert len(attempts) == 2
    with sessions() as session:
        assert verify(session) == []


def test_an_outside_id_may_pass_from_one_row_to_the_next(sessions: sessionmaker[Session]) -> None:
    upsert(sessions, [row("1"), row("2")])
    first, second = (stable_id("lead", "crm", name) for name in "12")
    rows = [UpsertRow({"external_id": "9"}, id=first), UpsertRow({"external_id": "1"}, id=second)]
    assert [one.status for one in upsert(sessions, rows, hours=1)] == ["updated"] * 2
    with sessions() as session:
        outside = {lead.id: lead.external_id for lead in session.scalars(select(Lead))}
    assert outside == {first: "9", second: "1"}


def test_a_row_may_refer_to_a_row_before_it_but_not_behind(sessions: sessionmaker[Session]) -> None:
    parent = stable_id("account", "crm", "parent")
    child = {"source": "crm", "external_id": "child", "name": "子公司", "parent_id": parent}
    mother = {"source": "crm", "external_id": "parent", "name": "母公司"}
    with transaction(sessions) as session:
        first = accounts(session, [child, mother])
        second = accounts(session, [child])
    assert [one.status for one in first] == ["invalid", "created"]
    assert [one.status for one in second] == ["created"]
    with transaction(sessions) as session:
        grown = accounts(session, [mother | {"external_id": "m2"}, child | {"external_id": "c2"}])
        assert [one.status for one in grown] == ["created"] * 2
        assert session.scalar(select(func.count()).select_from(Account)) == 4


def test_the_guards_are_asked_about_every_row(sessions: sessionmaker[Session]) -> None:
    """A person may not change the status of many leads at once; an import may."""
    upsert(sessions, [row("1"), row("2")])
    rows = [row("1", status="contacted"), row("2", status="contacted"), row("3", status="contacted")]
    by_hand = upsert(sessions, rows, hours=1, actor="api:wang")
    assert [one.status for one in by_hand] == ["updated", "invalid", "created"]
    assert by_hand[1].problem is not None
    assert by_hand[1].problem.code == "bulk_status_change"
    assert [one.status for one in upsert(sessions, rows, hours=2)] == ["unchanged", "updated", "unchanged"]


def test_a_write_into_the_past_is_one_rows_problem(sessions: sessionmaker[Session]) -> None:
    upsert(sessions, [row("1", need="x")], hours=5)
    results = upsert(sessions, [row("1", need="y"), row("2")], hours=1)
    assert [one.status for one in results] == ["invalid", "created"]
    assert results[0].problem is not None
    assert results[0].problem.code == "backdated"


def test_the_statements_do_not_grow_with_the_rows(sessions: sessionmaker[Session]) -> None:
    counts = []
    for size in (10, 200):
        seen: list[str] = []
        with transaction(sessions) as session:
            engine = session.get_bind()
            note = lambda *arguments, seen=seen: seen.append(arguments[2])  # noqa: E731
            event.listen(engine, "before_cursor_execute", note)
            upsert_in(session, [row(f"{size}-{number}", need="x") for number in range(size)])
            event.remove(engine, "before_cursor_execute", note)
        counts.append(len(seen))
    assert counts[0] == counts[1]


def test_records_that_the_session_holds_show_what_was_written(sessions: sessionmaker[Session]) -> None:
    upsert(sessions, [row("1", need="before")])
    mine = stable_id("lead", "crm", "1")
    with transaction(sessions) as session:
        held = get_record(session, "lead", mine)
        assert isinstance(held, Lead)
        upsert_in(session, [row("1", need="after")], hours=1)
        assert (held.need, held.version) == ("after", 2)
        write_lead(session, mine, {"need": "later"}, hours=2)
        assert (held.need, held.version, held.updated_at) == ("later", 3, T0 + 2 * HOUR)


def test_too_many_rows_are_refused_whole(sessions: sessionmaker[Session]) -> None:
    with pytest.raises(StoreError, match="too_many_rows"):
        upsert(sessions, [row(str(number)) for number in range(MAX_ROWS + 1)])


def test_people_can_be_brought_without_their_secrets(sessions: sessionmaker[Session]) -> None:
    values = {"source": "hr", "external_id": "1", "name": "王芳", "role": "rep"}
    with transaction(sessions) as session:
        made = upsert_records(session, "user", [UpsertRow(values)], actor="import:x", recorded_at=T0, now=T0)
        single = values | {"external_id": "2", "name": "李雷"}
        write_record(session, "user", "use_2", single, actor="import:x", recorded_at=T0, now=T0)
    with sessions() as session:
        people = session.scalars(select(User).order_by(User.name)).all()
        assert [one.status for one in made] == ["created"]
        assert [(one.failed_attempts, one.password_hash) for one in people] == [(0, None), (0, None)]


@pytest.mark.postgres
def test_batches_that_meet_lose_nothing(postgres_sessions: sessionmaker[Session], together: Together) -> None:
    """Four callers bring the same new and old rows at once, each in another order."""
    clients, size = 4, 40
    upsert(postgres_sessions, [row(str(number), need="old") for number in range(0, size, 2)])
    outcomes: dict[int, list[RowResult]] = {}

    def bring(client: int) -> None:
        rows = [row(str(number), need=f"by {client}") for number in range(size)]
        outcomes[client] = upsert(postgres_sessions, rows[client:] + rows[:client], hours=1)

    together(clients, bring)
    assert all(one.problem is None for results in outcomes.values() for one in results)
    with postgres_sessions() as session:
        assert verify(session) == []
        entries = session.scalar(select(func.count()).select_from(ChangeLog))
        written = sum(one.status != "unchanged" for results in outcomes.values() for one in results)
        assert entries == size // 2 + written
        assert written == clients * size


@pytest.mark.postgres
@pytest.mark.parametrize("theirs", ["made from the outside id", "another"])
def test_a_record_created_just_before_the_lock_is_the_one_meant(
    postgres_sessions: sessionmaker[Session], theirs: str
) -> None:
    """Between the look for outside ids and the lock, another caller creates the same record."""
    record_id = stable_id("lead", "crm", "1") if theirs == "made from the outside id" else "lea_other"
    values = {"source": "crm", "external_id": "1", "need": "theirs"}

    created: list[RowResult] = []

    def barge_in(connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        if "lead.external_id = ANY" in statement and not created:
            created.extend(upsert(postgres_sessions, [UpsertRow(values, id=record_id)]))

    with transaction(postgres_sessions) as session:
        event.listen(session.connection(), "after_cursor_execute", barge_in)
        results = upsert_in(session, [row("1", need="mine"), row("2", need="mine")], hours=1)
    assert [one.status for one in created] == ["created"]
    assert [(one.status, one.id, one.version) for one in results] == [
        ("updated", record_id, 2),
        ("created", stable_id("lead", "crm", "2"), 1),
    ]


def row(external_id: str, version: int | None = None, **values: Any) -> UpsertRow:
    return UpsertRow({"source": "crm", "external_id": external_id, **values}, expected_version=version)


def upsert(
    sessions: sessionmaker[Session], rows: list[UpsertRow], hours: float = 0, actor: str = "import:x"
) -> list[RowResult]:
    with transaction(sessions) as session:
        return upsert_in(session, rows, hours, actor)


def upsert_in(
    session: Session, rows: list[UpsertRow], hours: float = 0, actor: str = "import:x"
) -> list[RowResult]:
    moment = T0 + hours * HOUR
    return upsert_records(session, "lead", rows, actor=actor, recorded_at=moment, now=moment + HOUR)


def accounts(session: Session, rows: list[dict[str, Any]]) -> list[RowResult]:
    return upsert_records(
        session, "account", [UpsertRow(one) for one in rows], actor="import:x", recorded_at=T0, now=T0
    )
