"""No query can forget whose rows it may show: whatever its shape it is narrowed, or it is refused."""

from typing import Any

import pytest
from sqlalchemy import Select, exists, func, literal_column, select, table, text, true, update
from sqlalchemy.orm import Session, aliased

from crm_store.models import (
    Account,
    Activity,
    ApiKey,
    Base,
    ChangeLog,
    Contact,
    DedupeKey,
    Identity,
    Lead,
    MergeLog,
    Rep,
    User,
    WebSession,
)
from crm_store.repositories import views
from crm_store.repositories.scores import log as scores
from crm_store.repositories.sight.nearness import RESOURCE_OF
from crm_store.repositories.sight.sight import (
    NotSeenThrough,
    SightSession,
    viewer_session,
    viewer_transaction,
    write_as,
)
from crm_store.repositories.sources import event_log
from crm_store.repositories.writes import changelog
from crm_store.repositories.writes.records import get_record
from tests.integration.policy.company import NOW, VIEWERS, Company, write

OTHER = aliased(Lead)
LEADS = Lead.__table__

# Each shape of a query about leads, and what a rep gets to see of the four.
SHAPES: dict[str, tuple[Select[Any], list[Any]]] = {
    "an entity's column": (select(Lead.id), ["lea_own"]),
    "a count": (select(func.count()).select_from(Lead), [1]),
    "an alias": (select(OTHER.id), ["lea_own"]),
    "a join": (select(Lead.id).join(Rep, Rep.id == Lead.owner_id), ["lea_own"]),
    "an outer join to what is not theirs": (
        select(func.count(OTHER.id)).select_from(Rep).outerjoin(OTHER, OTHER.owner_id == Rep.id),
        [1],
    ),
    "two rows of one table": (select(OTHER.id).join(Lead, Lead.id == OTHER.id), ["lea_own"]),
    "a subquery": (
        select(Rep.id).where(Rep.id.in_(select(Lead.owner_id))).order_by(Rep.id),
        ["rep_own"],
    ),
    "an exists": (select(Rep.id).where(exists().where(Lead.owner_id == Rep.id)), ["rep_own"]),
    "a scalar subquery": (
        select(select(func.count()).where(Lead.owner_id == Rep.id).scalar_subquery())
        .where(Rep.id == "rep_far")
        .select_from(Rep),
        [0],
    ),
    "a derived table": (select(select(Lead.id).subquery().c.id), ["lea_own"]),
    "a common table expression": (select(select(Lead.id).cte().c.id), ["lea_own"]),
    "a union": (select(Lead.id).union(select(Account.id)), ["acc_own", "lea_own"]),
    "two columns in one expression": (
        select(Lead.id + Account.id).where(Lead.id != Account.id),
        ["lea_ownacc_own"],
    ),
    "an alias joined": (select(OTHER.id).select_from(Lead).join(OTHER, OTHER.owner_id != "x"), ["lea_own"]),
    "a bare table": (select(LEADS.c.id), ["lea_own"]),
    "its table beside the class": (select(LEADS.c.id).where(Lead.id != "x"), ["lea_own"]),
    "a bare table in a subquery": (
        select(Rep.id).where(Rep.id.in_(select(LEADS.c.owner_id))),
        ["rep_own"],
    ),
    "a bare table counted": (select(func.count()).select_from(LEADS), [1]),
    "a bare table joined": (select(func.count()).select_from(Rep).join(LEADS, true()), [4]),
    "an alias of a bare table": (select(LEADS.alias().c.id), ["lea_own"]),
}

REFUSED: dict[str, Any] = {
    "SQL text": text("SELECT id FROM lead"),
    "text within a select": select(Lead.id).where(text("1 = 1")),
    "literal SQL": select(literal_column("(SELECT max(phone) FROM lead)")),
    "a table by its name": select(func.count()).select_from(table("lead")),
    "entities from text": select(Lead).from_statement(text("SELECT * FROM lead")),
    "an update": update(Lead).values(status="lost"),
}

# A masked field may be shown, masked; a query that depends on it would tell what it hides.
TELLING: dict[str, Select[Any]] = {
    "sorting": select(Lead.id).order_by(Lead.phone),
    "sorting by a shown column": select(Lead.phone).order_by(Lead.phone),
    "filtering": select(Lead.id).where(Lead.phone.startswith("138")),
    "counting": select(func.count(Lead.phone.distinct())),
    "an aggregate": select(func.max(Lead.phone)),
    "grouping": select(func.count()).select_from(Lead).group_by(Lead.phone),
    "filtering an alias": select(OTHER.id).where(OTHER.phone == "1"),
    "filtering below": select(Rep.id).where(Rep.id.in_(select(Lead.owner_id).where(Lead.email == "x"))),
    "a part of it": select(func.substr(Lead.phone, 4, 4)),
    "beside its mask": select(select(Lead.phone).subquery().c.phone),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_query_of_any_shape_shows_a_rep_their_rows_only(company: Company, shape: str) -> None:
    query, expected = SHAPES[shape]
    with viewer_session(company.sessions, VIEWERS["rep"]) as session:
        assert sorted(session.scalars(query)) == expected


@pytest.mark.parametrize("statement", REFUSED)
def test_what_cannot_be_narrowed_is_refused(company: Company, statement: str) -> None:
    for role in ("rep", "admin"):
        with viewer_session(company.sessions, VIEWERS[role]) as session, pytest.raises(NotSeenThrough):
            session.execute(REFUSED[statement])


@pytest.mark.parametrize("telling", TELLING)
def test_a_query_that_depends_on_a_masked_field_is_refused(company: Company, telling: str) -> None:
    with viewer_session(company.sessions, VIEWERS["manager"]) as session:
        with pytest.raises(NotSeenThrough, match="masked"):
            session.execute(TELLING[telling])
        assert session.scalars(select(Lead.phone).where(Lead.id == "lea_own")).one()
    with viewer_session(company.sessions, VIEWERS["service"]) as session:
        session.execute(TELLING[telling]).all()


def test_a_record_is_found_by_its_id_only_if_it_is_theirs(company: Company) -> None:
    with viewer_session(company.sessions, VIEWERS["rep"]) as session:
        assert session.get(Lead, "lea_own") is not None
        assert session.get(Lead, "lea_team") is None
        assert get_record(session, "account", "acc_far") is None


def test_there_is_no_way_below_the_session(company: Company) -> None:
    with viewer_session(company.sessions, VIEWERS["admin"]) as session:
        with pytest.raises(NotSeenThrough):
            session.connection()
        session.add(Lead(id="x"))
        with pytest.raises(NotSeenThrough):
            session.flush()


def test_a_change_to_a_record_read_is_refused(company: Company) -> None:
    with viewer_session(company.sessions, VIEWERS["admin"]) as session:
        lead = session.get(Lead, "lea_own")
        assert lead is not None
        lead.status = "lost"
        with pytest.raises(NotSeenThrough):
            session.flush()


@pytest.mark.parametrize("model", [WebSession, Identity, DedupeKey])
def test_tables_that_are_in_no_line_of_the_policy_are_empty_to_everybody(
    company: Company, model: type[Base]
) -> None:
    for viewer in VIEWERS.values():
        with viewer_session(company.sessions, viewer) as session:
            assert session.scalars(select(model)).all() == []


def test_every_table_is_in_the_policy_or_shown_to_nobody() -> None:
    shown = {model.__tablename__ for model in RESOURCE_OF}
    inner = {
        *("web_session", "identity", "idempotency_key", "dedupe_key", "webhook_receipt"),
        *("registry_answer", "registry_quota", "feed_consumer"),
    }
    assert {table.name for table in Base.metadata.sorted_tables} - shown - inner == set()
    assert not any(mapper.relationships for mapper in Base.registry.mappers)  # nothing loads by itself


def test_only_who_administers_sees_keys(company: Company) -> None:
    with company.sessions() as session, session.begin():
        key = ApiKey(id="k" * 64, name="crm", prefix="lp_x", scopes=["read"], created_at=NOW)
        session.merge(key)
    seen = {}
    for role, viewer in VIEWERS.items():
        with viewer_session(company.sessions, viewer) as session:
            seen[role] = len(session.scalars(select(ApiKey.id)).all())
    assert {role for role, count in seen.items() if count} == {"admin", "service"}


def test_history_is_seen_with_its_record(company: Company) -> None:
    with viewer_session(company.sessions, VIEWERS["rep"]) as session:
        found = session.execute(select(ChangeLog.entity, ChangeLog.entity_id)).all()
    seen = {(entity, record) for entity, record in found}
    assert ("lead", "lea_own") in seen
    assert not any(record.endswith(("_far", "_region")) for entity, record in seen if entity in _CUSTOMERS)
    assert {entity for entity, _ in seen} >= {"lead", "account", "contact", "team", "product"}


_CUSTOMERS = {"lead", "account", "contact", "opportunity", "ticket", "contract", "task", "evidence"}


def test_lists_timelines_and_histories_are_narrowed_too(company: Company) -> None:
    with viewer_session(company.sessions, VIEWERS["lead"]) as session:
        page = scores.ranked(session, "lead_health", limit=10)
        assert [item.entity_id for item in page.items] == ["lea_own", "lea_team"]
        assert page.total == 2
        assert scores.counts_by_band(session, "lead_health")["red"] == 2
        assert set(scores.latest(session, "lead_health", ["lea_own", "lea_far"])) == {"lea_own"}
        assert scores.history(session, "lead_health", "lea_far") == []
        assert views.lead_detail(session, "lea_far") is None
        assert views.timeline(session, "lead", "lea_far") == []
        assert len(views.timeline(session, "lead", "lea_team")) == 1
        assert event_log.entity_history(session, "lead", "lea_far", ["lead_states"]) == {"lead_states": []}
        assert event_log.raw_record(session, "activities", "act_far") is None
        assert event_log.raw_record(session, "lead_states", "lea_far@1") is None
        assert event_log.raw_record(session, "activities", "act_own") is not None
        assert len(session.scalars(select(Activity.id)).all()) == 2


def test_scores_of_a_model_that_the_policy_does_not_know_are_shown_to_nobody(company: Company) -> None:
    with company.sessions() as session, session.begin():
        score = scores.latest(session, "lead_health", ["lea_own"])["lea_own"].score
        scores.append_scores(session, "secret_model", [scores.ScoreRow("lea_own", score, 1.0)], scored_at=NOW)
    with viewer_session(company.sessions, VIEWERS["admin"]) as session:
        assert scores.ranked(session, "secret_model").items == []


def test_what_was_merged_stays_with_the_record_that_took_its_place(company: Company) -> None:
    with _dropped(company) as session:
        write(session.whole, "lead", "lea_far", {"merged_into": "lea_own", "deleted_at": NOW})
        assert session.get(Lead, "lea_far") is not None
        assert sorted(session.scalars(select(Activity.id))) == ["act_far", "act_own"]
        assert session.scalars(select(MergeLog)).all() == []


def test_a_manager_without_an_owner_sees_by_place(company: Company) -> None:
    """A lead that nobody has yet lies in its place: a province that a team of the region covers."""
    with _dropped(company, "manager") as session:
        for record, region in (("lea_new_1", "浙江"), ("lea_new_2", "华东"), ("lea_new_3", "广东")):
            write(session.whole, "lead", record, {"region": region})
        new = session.scalars(select(Lead.id).where(Lead.id.startswith("lea_new")).order_by(Lead.id))
        assert list(new) == ["lea_new_1", "lea_new_2"]


def test_a_write_is_seen_at_once_and_its_row_may_leave_sight(company: Company) -> None:
    with _dropped(company, "lead") as session:
        assert session.get_one(Lead, "lea_own").need is None
        write_as(session, "lead", "lea_own", {"need": "CT"}, recorded_at=NOW, now=NOW)
        assert session.get_one(Lead, "lea_own").need == "CT"
        who = session.scalars(
            select(ChangeLog.actor)
            .where(ChangeLog.entity_id == "lea_own", ChangeLog.entity == "lead")
            .order_by(ChangeLog.version.desc())
        ).first()
        assert who == "user:李队"
        assert changelog.verify(session.whole) == []


def test_colleagues_are_seen_by_name(company: Company) -> None:
    with viewer_session(company.sessions, VIEWERS["rep"]) as session:
        assert "管理员" in session.scalars(select(User.name)).all()
        with pytest.raises(NotSeenThrough):
            session.scalars(select(User.id).where(User.email == "use_admin@crm.example"))
        with pytest.raises(NotSeenThrough):
            session.scalars(select(User.id).order_by(User.password_hash))


def test_contacts_come_with_their_account(company: Company) -> None:
    with viewer_session(company.sessions, VIEWERS["rep"]) as session:
        joined = select(Contact.id, Account.id).join(Account, Account.id == Contact.account_id)
        assert {account for _, account in session.execute(joined)} == {"acc_own"}


class _dropped:  # noqa: N801 - reads as what becomes of the transaction
    """A viewer's transaction whose writes are undone, so that no other test meets them."""

    def __init__(self, company: Company, role: str = "rep") -> None:
        self._opened = viewer_transaction(company.sessions, VIEWERS[role])

    def __enter__(self) -> SightSession:
        self._session = self._opened.__enter__()
        return self._session

    def __exit__(self, *error: Any) -> None:
        whole: Session = self._session.whole
        whole.rollback()
        self._session.close()
        whole.close()
