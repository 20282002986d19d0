"""Edits of one chain by several people at once."""

import threading

import pytest

from crm_store.database import open_engine, session_factory, transaction
from crm_store.repositories.problems import StoreError
from crm_store.services.decision_chain import add_relation
from tests.integration.decision_chain.chain_store import ACTOR, T0, hospital


@pytest.mark.postgres
def test_two_edges_drawn_at_once_close_no_circle(postgres_url: str) -> None:
    """Each is fine alone; drawn together they would make 王 and 李 each other's superiors."""
    engine = open_engine(postgres_url)
    factory = session_factory(engine)
    hospital(factory)
    start = threading.Barrier(2)
    codes: list[str] = []

    def draw(from_id: str, to_id: str) -> None:
        start.wait()
        try:
            with transaction(factory) as session:
                add_relation(session, "acc", from_id, to_id, "reports_to", actor=ACTOR, now=T0)
            codes.append("drawn")
        except StoreError as error:
            codes.append(error.problem.code)

    threads = [threading.Thread(target=draw, args=pair) for pair in (("wang", "li"), ("li", "wang"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    engine.dispose()
    assert sorted(codes) == ["drawn", "reporting_circle"]
