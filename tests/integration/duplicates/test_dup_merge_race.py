"""Two people merge, or undo, the same pair at the same moment: one of them does it, the other is told."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from crm_store.database import transaction
from crm_store.repositories.problems import StoreError
from crm_store.repositories.writes.changelog import verify
from crm_store.services.merging import merge, undo


@pytest.fixture(autouse=True)
def _two_leads(store: Any) -> None:
    store.put("lead", "lea_a", company="恒瑞医疗", phone="13851234567")
    store.put("lead", "lea_b", company="恒瑞医疗器械", phone="13851234567")


@pytest.mark.parametrize("pairs", [[("lea_a", "lea_b")] * 2, [("lea_a", "lea_b"), ("lea_b", "lea_a")]])
def test_one_of_two_merges_of_a_pair_is_done(store: Any, pairs: list[tuple[str, str]]) -> None:
    def act(session: Any, number: int) -> None:
        merge(session, "lead", *pairs[number], actor=f"user:{number}", now=store.now)

    assert sorted(together(store, act)) == ["already_merged", "done"]
    with store.sessions() as session:
        assert verify(session) == []


def test_one_of_two_undoings_is_done(store: Any) -> None:
    log = store.write(
        lambda session: merge(session, "lead", "lea_a", "lea_b", actor="user:li", now=store.now)
    )

    def act(session: Any, number: int) -> None:
        undo(session, log.id, actor=f"user:{number}", now=store.now)

    assert sorted(together(store, act)) == ["already_undone", "done"]
    assert store.fields("lead", "lea_b")["merged_into"] is None


def together(store: Any, act: Callable[[Any, int], None]) -> list[str]:
    """Run an act in two threads that start at once, and return what became of each."""
    start, outcomes = threading.Barrier(2), []

    def run(number: int) -> None:
        start.wait()
        try:
            with transaction(store.sessions) as session:
                act(session, number)
            outcomes.append("done")
        except StoreError as error:
            outcomes.append(error.problem.code)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes
