"""Who may do what to which rows, against a table written by hand from B5, not from the policy (test 14)."""

from typing import Any

import pytest
from sqlalchemy import func, select

from crm_store.models import CurrentScore, Lead, ScoreLog
from crm_store.repositories.fields import FACTS, RECORDS
from crm_store.repositories.listing import Sort, Wanted, page
from crm_store.repositories.problems import StoreError
from crm_store.repositories.sight.sight import can_write, viewer_session, visible_ids
from tests.integration.policy.company import BUSINESS, DISTANCES, NOBODIES, NOW, VIEWERS, Company, row_id

OWN = {"own"}
TEAM = {"own", "team"}
REGION = {"own", "team", "region"}
ALL = {"own", "team", "region", "far"}
NONE: set[str] = set()

# A record of a customer: role → what they may do to rows at which distance.
RECORD = {
    "rep": {"read": OWN, "create": OWN, "update": OWN, "delete": NONE, "merge": NONE, "export": NONE},
    "lead": {"read": TEAM, "create": TEAM, "update": TEAM, "delete": TEAM, "merge": TEAM, "export": TEAM},
    "manager": dict.fromkeys(("read", "create", "update", "delete", "merge", "export"), REGION),
    "general": dict.fromkeys(("read", "create", "update", "delete", "merge", "export"), ALL),
    "operations": dict.fromkeys(("read", "create", "update", "delete", "merge", "export"), ALL),
    "scientist": {"read": ALL, "create": NONE, "update": NONE, "delete": NONE, "merge": NONE, "export": ALL},
    "service": dict.fromkeys(("read", "create", "update", "delete", "merge", "export"), ALL),
    "admin": dict.fromkeys(("read", "create", "update", "delete", "merge", "export"), ALL),
}
# What differs: working papers a rep may also discard; facts nobody changes; orders only a machine adds.
PAPERS = ("contact_relation", "role_change", "evidence", "document", "task")
SELLERS = ("rep", "lead", "manager", "general")


def allowed(role: str, operation: str, entity: str) -> set[str]:
    if entity in FACTS and operation in ("update", "delete", "merge"):
        return NONE
    if entity == "order_snapshot" and operation == "create" and role in SELLERS:
        return NONE
    if entity in PAPERS and role == "rep" and operation == "delete":
        return OWN
    return RECORD[role][operation]


@pytest.mark.parametrize("role", VIEWERS)
def test_everybody_reads_their_rows_and_no_others(company: Company, role: str) -> None:
    with viewer_session(company.sessions, VIEWERS[role]) as session:
        for entity in BUSINESS:
            model: Any = (RECORDS | FACTS)[entity]
            seen = set(session.scalars(select(model.id)))
            wanted = {row_id(entity, at) for at in allowed(role, "read", entity)}
            if entity == "contact":
                wanted |= {f"con_{at}_b" for at in allowed(role, "read", entity)}
            assert seen == wanted, entity
            assert session.scalar(select(func.count()).select_from(model)) == len(wanted)


@pytest.mark.parametrize("role", VIEWERS)
def test_lists_show_the_same_rows_in_the_order_of_an_index_and_in_any_other(
    company: Company, role: str
) -> None:
    with viewer_session(company.sessions, VIEWERS[role]) as session:
        for entity in BUSINESS:
            wanted = {row_id(entity, at) for at in allowed(role, "read", entity)}
            if entity == "contact":
                wanted |= {f"con_{at}_b" for at in allowed(role, "read", entity)}
            for field, deleted in (
                ("id", "no"),
                ("external_id", "no"),
                ("id", "any"),
                ("external_id", "any"),
            ):
                rows = page(session, Wanted(entity, sort=(Sort(field),), deleted=deleted)).rows
                assert {row["id"] for row in rows} == wanted, (entity, field, deleted)


@pytest.mark.parametrize("role", VIEWERS)
@pytest.mark.parametrize("operation", ["create", "update", "delete"])
def test_everybody_writes_what_they_may(company: Company, role: str, operation: str) -> None:
    for entity in BUSINESS:
        permitted = {at for at in DISTANCES if may_write(company, role, operation, entity, at)}
        assert permitted == allowed(role, operation, entity), entity


@pytest.mark.parametrize("role", VIEWERS)
@pytest.mark.parametrize("operation", ["merge", "export"])
def test_whole_records_move_only_for_those_who_may(company: Company, role: str, operation: str) -> None:
    with viewer_session(company.sessions, VIEWERS[role]) as session:
        for entity in BUSINESS:
            ids = {row_id(entity, at): at for at in DISTANCES}
            found = visible_ids(session, entity, ids, operation)  # type: ignore[arg-type]
            assert {ids[one] for one in found} == allowed(role, operation, entity), entity


@pytest.mark.parametrize("role", VIEWERS)
def test_scores_are_seen_with_their_records(company: Company, role: str) -> None:
    with viewer_session(company.sessions, VIEWERS[role]) as session:
        for model in (CurrentScore, ScoreLog):
            seen = set(session.scalars(select(model.entity_id)))
            readable = allowed(role, "read", "lead")
            assert seen == {f"{kind}_{at}" for kind in ("lea", "acc") for at in readable}


@pytest.mark.parametrize("nobody", NOBODIES)
def test_who_is_not_in_the_table_gets_nothing(company: Company, nobody: str) -> None:
    with viewer_session(company.sessions, NOBODIES[nobody]) as session:
        for entity in BUSINESS:
            model: Any = (RECORDS | FACTS)[entity]
            assert session.scalars(select(model.id)).all() == [], entity
        with pytest.raises(StoreError, match="forbidden"):
            can_write(session, NOBODIES[nobody], "lead", None, {"owner_id": "rep_own"})


def may_write(company: Company, role: str, operation: str, entity: str, at: str) -> bool:
    viewer, model = VIEWERS[role], (RECORDS | FACTS)[entity]
    with viewer_session(company.sessions, viewer) as session:
        before = session.whole.get(model, row_id(entity, at))
        assert before is not None
        columns = {column.name: getattr(before, column.name) for column in before.__table__.columns}
        belongs = {name: columns[name] for name in _BELONGS if columns.get(name)}
        values = {
            "create": {"source": "x", "external_id": "new"} | belongs,
            "update": {"source": "corrected"},
            "delete": {"deleted_at": NOW},
        }[operation]
        try:
            can_write(session, viewer, entity, None if operation == "create" else before, values)
        except StoreError as error:
            if error.problem.code not in ("forbidden", "not_found", "out_of_sight"):
                raise
            return False
        return True


_BELONGS = ("owner_id", "account_id", "lead_id", "opportunity_id", "rep_id", "from_id", "to_id")


def test_the_leads_of_this_test_lie_where_it_says(company: Company) -> None:
    with company.sessions() as session:
        owners = dict(session.execute(select(Lead.id, Lead.owner_id)).all())
    assert owners == {f"lea_{at}": f"rep_{at}" for at in DISTANCES}
