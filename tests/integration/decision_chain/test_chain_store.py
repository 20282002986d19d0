"""Decision chains on both stores: drawn, edited within their rules, seen as they were, and scored."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, event, func, select
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction
from crm_store.domain.policy import Viewer
from crm_store.models import Activity, ChangeLog, ContactRelation
from crm_store.repositories.problems import StoreError
from crm_store.repositories.sight.sight import viewer_session, viewer_transaction
from crm_store.repositories.writes.changelog import verify
from crm_store.services import decision_chain as chains
from tests.integration.decision_chain.chain_store import ACTOR, DAY, T0, hospital, write

Edit = Callable[[Session], Any]


@pytest.fixture(autouse=True)
def account(sessions: sessionmaker[Session]) -> None:
    hospital(sessions)


def test_a_chain_is_the_accounts_people_and_their_relations(sessions: sessionmaker[Session]) -> None:
    edge = edit(sessions, lambda session: relate(session, "zhao", "wang", "influence", strength=70))
    with sessions() as session:
        drawn = chains.chain(session, "acc")
    assert [(node.name, node.weight, node.role) for node in drawn.nodes] == [
        ("李强", 40, "设备科副主任"),
        ("王建国", 80, "设备科主任"),
        ("赵德明", 100, "院长"),
    ]
    assert [(one.id, one.from_id, one.to_id, one.kind, one.strength) for one in drawn.edges] == [
        (edge, "zhao", "wang", "influence", 70)
    ]


def test_an_unknown_account_has_no_chain(sessions: sessionmaker[Session]) -> None:
    with sessions() as session:
        assert refused(lambda: chains.chain(session, "nobody")) == "not_found"
        assert refused(lambda: chains.influence(session, "nobody", T0)) == "not_found"


def test_drawing_an_edge_again_draws_no_second_one(sessions: sessionmaker[Session]) -> None:
    first = edit(sessions, lambda session: relate(session, "zhao", "wang", "influence"))
    again = edit(sessions, lambda session: relate(session, "zhao", "wang", "influence"))
    stronger = edit(sessions, lambda session: relate(session, "zhao", "wang", "influence", strength=90))
    assert first == again == stronger
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(ContactRelation)) == 1
        assert logged(session, "contact_relation") == 2
        assert verify(session) == []


@pytest.mark.parametrize(
    ("from_id", "to_id", "kind", "code"),
    [
        ("wang", "wang", "influence", "same_person"),
        ("wang", "noise", "influence", "other_account"),
        ("nobody", "wang", "influence", "other_account"),
        ("wang", "li", "friendship", "not_allowed"),
    ],
)
def test_edges_that_mean_nothing_are_refused(
    sessions: sessionmaker[Session], from_id: str, to_id: str, kind: str, code: str
) -> None:
    with transaction(sessions) as session:
        assert refused(lambda: relate(session, from_id, to_id, kind)) == code


def test_nobody_reports_to_themselves_in_a_circle(sessions: sessionmaker[Session]) -> None:
    edit(sessions, lambda session: relate(session, "li", "wang", "reports_to"))
    edit(sessions, lambda session: relate(session, "wang", "zhao", "reports_to"))
    with transaction(sessions) as session:
        assert refused(lambda: relate(session, "zhao", "li", "reports_to")) == "reporting_circle"
        relate(session, "zhao", "li", "influence")  # influence may go in circles


def test_an_edge_may_change_its_kind_and_keeps_its_strength(sessions: sessionmaker[Session]) -> None:
    first = edit(sessions, lambda session: relate(session, "li", "wang", "influence", strength=35))
    second = edit(sessions, lambda s: chains.change_kind(s, first, "technical", actor=ACTOR, now=T0 + DAY))
    with sessions() as session:
        (edge,) = chains.chain(session, "acc").edges
    assert (edge.id, edge.kind, edge.strength) == (second, "technical", 35)


def test_a_kind_that_would_close_a_circle_changes_nothing(sessions: sessionmaker[Session]) -> None:
    edit(sessions, lambda session: relate(session, "li", "wang", "reports_to"))
    edge = edit(sessions, lambda session: relate(session, "wang", "li", "influence"))
    with transaction(sessions) as session:
        change = lambda: chains.change_kind(session, edge, "reports_to", actor=ACTOR, now=T0)  # noqa: E731
        assert refused(change) == "reporting_circle"
    with sessions() as session:
        assert {one.kind for one in chains.chain(session, "acc").edges} == {"reports_to", "influence"}


def test_an_edge_taken_away_twice_is_gone_once_and_may_come_back(sessions: sessionmaker[Session]) -> None:
    edge = edit(sessions, lambda session: relate(session, "li", "wang", "influence"))
    for _ in range(2):
        edit(sessions, lambda s: chains.remove_relation(s, edge, actor=ACTOR, now=T0 + DAY))
    with sessions() as session:
        assert chains.chain(session, "acc").edges == ()
        assert logged(session, "contact_relation") == 2
    back = edit(sessions, lambda s: relate(s, "li", "wang", "influence", now=T0 + 2 * DAY))
    assert back == edge
    with sessions() as session:
        assert len(chains.chain(session, "acc").edges) == 1


def test_a_weight_is_logged_with_who_and_why(sessions: sessionmaker[Session]) -> None:
    edit(
        sessions,
        lambda s: chains.set_weight(s, "li", 65, actor="user:zhou", now=T0 + DAY, reason="拜访确认"),
    )
    with sessions() as session:
        entry = session.scalars(
            select(ChangeLog).where(ChangeLog.entity_id == "li", ChangeLog.version == 2)
        ).one()
        assert (entry.changes, entry.actor, entry.reason) == ({"weight": [40, 65]}, "user:zhou", "拜访确认")
        assert refused(lambda: chains.set_weight(session, "li", 101, actor=ACTOR, now=T0)) == "out_of_range"
        assert refused(lambda: chains.set_weight(session, "nobody", 1, actor=ACTOR, now=T0)) == "not_found"


def test_the_chain_as_it_was(sessions: sessionmaker[Session]) -> None:
    edge = edit(sessions, lambda s: relate(s, "li", "wang", "influence", now=T0 + DAY))
    edit(sessions, lambda s: chains.set_weight(s, "wang", 30, actor=ACTOR, now=T0 + 2 * DAY))
    edit(sessions, lambda s: chains.remove_relation(s, edge, actor=ACTOR, now=T0 + 3 * DAY))
    edit(sessions, lambda s: write(s, "contact", "new", now=T0 + 4 * DAY, account_id="acc", name="陈敏"))
    with sessions() as session:
        assert as_of(session, 0) == ({"王建国": 80, "李强": 40, "赵德明": 100}, 0)
        assert as_of(session, 1) == ({"王建国": 80, "李强": 40, "赵德明": 100}, 1)
        assert as_of(session, 2) == ({"王建国": 30, "李强": 40, "赵德明": 100}, 1)
        assert as_of(session, 3) == ({"王建国": 30, "李强": 40, "赵德明": 100}, 0)
        assert as_of(session, 4) == ({"王建国": 30, "李强": 40, "赵德明": 100, "陈敏": None}, 0)
        assert as_of(session, -1) == ({}, 0)


def test_reading_a_chain_as_it_was_asks_the_same_few_queries_for_any_size(
    sessions: sessionmaker[Session], store_engine: Engine
) -> None:
    asked: list[str] = []
    event.listen(store_engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    counts = []
    for size in (0, 12):
        for index in range(size):
            edit(sessions, lambda s, i=index: write(s, "contact", f"c{i}", account_id="acc", name=f"人{i}"))
        with sessions() as session:
            asked.clear()
            chains.chain(session, "acc", T0 + DAY)
            counts.append(len([statement for statement in asked if "SELECT" in statement]))
    assert counts[0] == counts[1]


def test_influence_counts_who_was_spoken_to_in_ninety_days(sessions: sessionmaker[Session]) -> None:
    now = T0 + 100 * DAY
    with transaction(sessions) as session:
        session.add_all(
            [
                activity("1", "wang", "meeting", days=20),
                activity("2", "li", "meeting", days=9),  # one day too old
                activity("3", "zhao", "download", days=99),  # nobody spoke
                activity("4", "noise", "call", days=99, account_id="other"),
            ]
        )
    with sessions() as session:
        found = chains.influence(session, "acc", now)
    assert {one.name for one in found.contacts if one.spoken_to} == {"王建国"}
    assert found.coverage == pytest.approx(80 / 220)
    assert found.silent == ("zhao", "li")


def test_an_entry_that_was_corrected_counts_no_more(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        session.add(activity("1", "wang", "call", days=5))
        session.flush()
        session.add(activity("2", "li", "call", days=5, corrects_id="1"))
    with sessions() as session:
        found = chains.influence(session, "acc", T0 + 10 * DAY)
    assert {one.name for one in found.contacts if one.spoken_to} == {"李强"}


def test_operations_edit_the_constants_of_the_formula(sessions: sessionmaker[Session]) -> None:
    with sessions() as session:
        before = chains.influence(session, "acc", T0).score
    with transaction(sessions) as session:
        assert save(session, {"full_chain": 1.0}) == 1
        assert refused(lambda: save(session, {"damping": 1.5})) == "bad_setting"
        assert refused(lambda: save(session, {"damping": "much"})) == "bad_setting"
        assert refused(lambda: save(session, {"speed": 1})) == "unknown_field"
    with sessions() as session:
        assert chains.influence(session, "acc", T0).score > before
        assert chains.influence_settings(session).damping == 0.5


def test_a_rep_draws_in_their_own_accounts_and_sees_no_others(sessions: sessionmaker[Session]) -> None:
    owner, stranger = viewer("rep_1"), viewer("rep_2")
    with viewer_transaction(sessions, owner) as session:
        relate(session, "zhao", "wang", "influence")
        assert len(chains.chain(session, "acc").edges) == 1
        assert chains.influence(session, "acc", T0).score > 0
        assert len(chains.chain(session, "acc", T0).nodes) == 3
        assert refused(lambda: chains.chain(session, "other")) == "not_found"
    with viewer_session(sessions, stranger) as session:
        assert refused(lambda: chains.chain(session, "acc")) == "not_found"


def relate(session: Session, from_id: str, to_id: str, kind: str, **values: Any) -> str:
    given = {"actor": ACTOR, "now": T0} | values
    return chains.add_relation(session, "acc", from_id, to_id, kind, **given)


def edit(sessions: sessionmaker[Session], step: Edit) -> Any:
    with transaction(sessions) as session:
        return step(session)


def refused(step: Callable[[], Any]) -> str:
    with pytest.raises(StoreError) as caught:
        step()
    return caught.value.problem.code


def logged(session: Session, entity: str) -> int:
    return session.scalar(select(func.count()).where(ChangeLog.entity == entity)) or 0


def as_of(session: Session, days: int) -> tuple[dict[str, int | None], int]:
    drawn = chains.chain(session, "acc", T0 + days * DAY)
    return {node.name: node.weight for node in drawn.nodes}, len(drawn.edges)


def activity(one: str, contact_id: str, channel: str, *, days: int, **values: Any) -> Activity:
    moment = T0 + days * DAY
    given = {"account_id": "acc", "scene": "care" if channel != "download" else None} | values
    return Activity(
        id=one,
        source="crm",
        external_id=one,
        contact_id=contact_id,
        channel=channel,
        direction="out",
        occurred_at=moment,
        recorded_at=moment,
        **given,
    )


def save(session: Session, settings: dict[str, Any]) -> int:
    return chains.save_influence_settings(session, settings, actor=ACTOR, reason=None, now=T0)


def viewer(rep_id: str) -> Viewer:
    return Viewer(user_id="usr_1", name="sun", role="rep", rep_id=rep_id)
