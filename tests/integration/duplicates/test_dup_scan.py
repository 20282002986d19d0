"""A scan finds among all leads what comparing each with each would find, and can be stopped and repeated."""

from itertools import combinations, pairwise
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from crm_store.database import transaction
from crm_store.intake.duplicates.keys import meeting_keys
from crm_store.intake.duplicates.profile import read_profile
from crm_store.intake.duplicates.scoring import THRESHOLD, judge
from crm_store.models import DedupeKey
from crm_store.repositories.duplicates.pairs import FoundPair
from crm_store.repositories.writes.bulk import load_history
from crm_store.services import duplicate_scan
from crm_store.services.duplicate_scan import STEPS, Findings, keep, look, tasks
from crm_store.services.duplicates import find_duplicates
from tests.data_makers.duplicates import Made, make_leads
from tests.sizes import full

COUNT = full(250, 2_000)


@pytest.fixture
def leads(store: Any, store_engine: Engine) -> list[Made]:
    """Leads that were loaded in bulk, so that no write has looked for their duplicates."""
    made = list(make_leads(COUNT, seed=21))
    origin = {"source": "file", "recorded_at": store.now}
    rows = [origin | {"id": lead.id, "external_id": lead.id, "fields": lead.fields} for lead in made]
    load_history(store_engine, "lead", rows, actor="import:file", reason=None, now=store.now)
    return made


def test_a_scan_finds_what_comparing_all_with_all_finds(store: Any, leads: list[Made]) -> None:
    scan(store)
    profiles = {lead.id: read_profile(lead.fields) for lead in leads}
    keys = {one: meeting_keys(profile) for one, profile in profiles.items()}
    expected = {
        (left, right)
        for left, right in combinations(sorted(profiles), 2)
        if keys[left] & keys[right] and judge(profiles[left], profiles[right]).score >= THRESHOLD
    }
    assert store.pairs() == dict.fromkeys(expected, "open")
    assert len(expected) > COUNT / 10


def test_what_a_task_found_is_written_in_small_parts() -> None:
    keys = frozenset(
        (f"lea_{number}", ("start", f"{number * 7919 % 12_000:04x}")) for number in range(12_000)
    )
    pair = FoundPair("a", "b", 0.9, [])
    first, *rest = Findings(
        keys, frozenset({("lea_0", ("start", "f"))}), (pair,), frozenset({"dup_1"})
    ).parts()
    assert (len(first.old_keys), first.found, first.gone) == (1, (pair,), {"dup_1"})
    assert [len(part.new_keys) for part in rest] == [5_000, 5_000, 2_000]
    assert frozenset().union(*(part.new_keys for part in rest)) == keys
    spans = [sorted(key for _, key in part.new_keys) for part in rest]
    assert all(before[-1] <= after[0] for before, after in pairwise(spans))


def test_arrival_finds_what_the_scan_finds(store: Any, leads: list[Made]) -> None:
    scan(store)
    found = store.pairs()
    with store.sessions() as session:
        for lead in leads[: COUNT // 4]:
            others = find_duplicates(session, "lead", lead.fields, record_id=lead.id)
            expected = {a if b == lead.id else b for a, b in found if lead.id in (a, b)}
            assert {candidate.record_id for candidate in others} == expected


def test_scanning_again_changes_nothing_and_keeps_decisions(store: Any, leads: list[Made]) -> None:
    scan(store)
    found, keys = store.pairs(), count_keys(store)
    scan(store)
    assert (store.pairs(), count_keys(store)) == (found, keys)


def test_a_scan_heals_keys_and_takes_back_what_no_longer_holds(store: Any, leads: list[Made]) -> None:
    scan(store)
    (left, right), *_ = store.pairs()

    def forget_and_delete(session: Any) -> None:
        from crm_store.repositories.writes.records import write_record

        wrong = {(right, ("start", "f" * 16))}
        duplicate_scan.dedupe_keys.add_keys(session, "lead", wrong)
        values = {"deleted_at": store.now}
        write_record(session, "lead", left, values, actor="user:li", recorded_at=store.now, now=store.now)

    store.write(forget_and_delete)
    scan(store)
    assert not any(left in pair for pair in store.pairs())
    with store.sessions() as session:
        query = select(DedupeKey).where((DedupeKey.record_id == left) | (DedupeKey.key == "f" * 16))
        assert session.scalars(query).all() == []


def test_tasks_cover_everything_once_however_small_they_are(
    store: Any, leads: list[Made], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicate_scan, "RECORDS_PER_TASK", 37)
    scan(store)
    found = store.pairs()
    with store.sessions() as session:
        assert len(tasks(session, "lead", "keys")) == COUNT // 37 + 1
    monkeypatch.undo()
    scan(store)
    assert store.pairs() == found


def scan(store: Any) -> None:
    """Do all tasks of a scan, one after the other."""
    for step in STEPS:
        with store.sessions() as session:
            planned = tasks(session, "lead", step)
        for task in planned:
            with store.sessions() as session:
                findings = look(session, task)
            for part in findings.parts():
                with transaction(store.sessions) as session:
                    keep(session, "lead", part, store.now)


def count_keys(store: Any) -> int:
    with store.sessions() as session:
        return int(session.scalar(select(func.count()).select_from(DedupeKey)) or 0)
