"""Writers at the same time: no update is lost and every chain stays whole, on both stores."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction
from crm_store.repositories.writes.changelog import verify
from crm_store.repositories.writes.records import Conflict, get_record, states_of, write_record

NOW = datetime(2026, 3, 1, tzinfo=UTC)
WRITERS = 4
EDITS = 8


def test_an_edit_based_on_an_old_reading_is_refused(sessions: sessionmaker[Session]) -> None:
    write(sessions, {"source": "crm", "external_id": "1", "need": "试剂"})
    with sessions() as reading:
        seen = get_record(reading, "lead", "lea_1")
        assert seen is not None
    write(sessions, {"need": "耗材"}, seen.version)
    with pytest.raises(Conflict) as caught:
        write(sessions, {"need": "器械"}, seen.version)
    assert caught.value.values == {"need": ["耗材", "器械"]}


def test_counting_together_loses_no_count(sessions: sessionmaker[Session], together: "Together") -> None:
    """Each writer adds one to what it read, and reads again when another came between."""
    write(sessions, {"source": "crm", "external_id": "1", "expected_volume": 0})

    def add_one() -> None:
        while True:
            with sessions() as session:
                lead = get_record(session, "lead", "lea_1")
                assert lead is not None
                count, version = lead.expected_volume, lead.version  # type: ignore[attr-defined]
            try:
                write(sessions, {"expected_volume": count + 1}, version)
            except Conflict:
                continue
            return

    together(lambda _: [add_one() for _ in range(EDITS)])
    with sessions() as session:
        states = states_of(session, "lead", "lea_1")
        assert [state["expected_volume"] for state in states] == list(range(WRITERS * EDITS + 1))
        assert verify(session) == []


def test_edits_of_different_fields_all_stand(sessions: sessionmaker[Session], together: "Together") -> None:
    write(sessions, {"source": "crm", "external_id": "1"})
    fields = ["company", "need", "region", "city"]
    together(lambda writer: [write(sessions, {fields[writer]: str(edit)}) for edit in range(EDITS)])
    with sessions() as session:
        lead = get_record(session, "lead", "lea_1")
        assert [getattr(lead, field) for field in fields] == [str(EDITS - 1)] * len(fields)
        assert len(states_of(session, "lead", "lea_1")) == WRITERS * EDITS + 1
        assert verify(session) == []


def test_only_one_creates_what_all_try_to_create(
    sessions: sessionmaker[Session], together: "Together"
) -> None:
    created, refused = [], []

    def create(writer: int) -> None:
        try:
            write(sessions, {"source": "crm", "external_id": "1", "need": str(writer)}, 0)
            created.append(writer)
        except Conflict:
            refused.append(writer)

    together(create)
    assert (len(created), len(refused)) == (1, WRITERS - 1)
    with sessions() as session:
        assert [state["need"] for state in states_of(session, "lead", "lea_1")] == [str(created[0])]


def write(sessions: sessionmaker[Session], values: dict[str, object], version: int | None = None) -> None:
    with transaction(sessions) as session:
        write_record(
            session,
            "lead",
            "lea_1",
            values,
            actor="user:li",
            recorded_at=NOW,
            now=NOW,
            expected_version=version,
        )


Together = Callable[[Callable[[int], object]], None]


@pytest.fixture
def together() -> Together:
    """Run a function in several threads that start at once, and raise what any of them raised."""

    def run(work: Callable[[int], object]) -> None:
        start, errors = threading.Barrier(WRITERS), []

        def one(number: int) -> None:
            start.wait()
            try:
                work(number)
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=one, args=(number,)) for number in range(WRITERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]

    return run
