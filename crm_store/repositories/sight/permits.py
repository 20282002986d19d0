"""Whether a viewer may write this: the operation, the row as it is, and the row as it would be.

``write_as`` is the way to write for a person or a key; ``can_write_all`` answers for many rows at once.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm_store.domain.policy import BELONGING, CLASSES, WIDTH, Relation, Viewer, field_rule, rows_for
from crm_store.repositories.fields import FIELDS, RECORDS
from crm_store.repositories.problems import Problem, StoreError, unknown_reference
from crm_store.repositories.sight.masking import masked
from crm_store.repositories.sight.narrowing import SightSession
from crm_store.repositories.sight.nearness import Reach, reach_of, relations, values_of, within
from crm_store.repositories.writes.records import write_record

# What only somebody else may change about an account: who grants rights must not be who gets them.
_OWN_ACCOUNT = frozenset({"role", "region", "rep_id", "disabled_at", "deleted_at"})
Pair = tuple[Any | None, Mapping[str, Any]]


def can_write(
    session: Session, viewer: Viewer, entity: str, before: Any | None, values: Mapping[str, Any]
) -> None:
    """Raise StoreError unless the viewer may make this write.

    ``before`` is the record (or its fields) as it is, None when it is new; ``values`` are those offered.
    Codes: ``not_found`` (a row they cannot see), ``forbidden`` (the operation), ``out_of_sight`` (a row that
    would leave or enter what they may write), ``unknown_reference`` (to a record they cannot see),
    ``hidden_field``, ``masked_value`` and ``own_account``.
    """
    problem = can_write_all(session, viewer, entity, [(before, values)])[0]
    if problem is not None:
        raise StoreError(problem)


def can_write_all(
    session: Session, viewer: Viewer, entity: str, pairs: Sequence[Pair]
) -> list[Problem | None]:
    """Return what ``can_write`` would raise for each (before, values), in a handful of queries for all."""
    whole, reach = _whole(session, viewer)
    befores = [None if before is None else values_of(before) for before, _ in pairs]
    near = _relations(whole, reach, entity, [before or {} for before in befores])
    after = _relations(
        whole, reach, entity, [(b or {}) | dict(v) for b, (_, v) in zip(befores, pairs, strict=True)]
    )
    unseen = _unseen_references(whole, reach, viewer, entity, befores, [values for _, values in pairs])
    return [
        _row_problem(viewer, entity, before, values, near[at], after[at])
        or _field_problem(viewer, entity, before, values, near[at])
        or unseen[at]
        for at, (before, (_, values)) in enumerate(zip(befores, pairs, strict=True))
    ]


def write_as(
    session: SightSession,
    entity: str,
    record_id: str,
    values: Mapping[str, Any],
    *,
    reason: str | None = None,
    recorded_at: datetime,
    now: datetime,
    expected_version: int | None = None,
) -> int:
    """Write a record for the session's viewer and return its version.

    Raises what ``can_write`` and ``write_record`` do. The row is locked before it is judged.
    """
    model = RECORDS[entity]
    query = select(model).where(model.id == record_id).with_for_update()
    before = session.whole.scalars(query.execution_options(populate_existing=True)).one_or_none()
    can_write(session, session.viewer, entity, before, values)
    version = write_record(
        session.whole,
        entity,
        record_id,
        values,
        actor=session.viewer.actor,
        reason=reason,
        recorded_at=recorded_at,
        now=now,
        expected_version=expected_version,
        role=session.viewer.role,
    )
    session.expunge_all()  # what was read before is no longer what is there, and may be out of sight
    return version


def _whole(session: Session, viewer: Viewer) -> tuple[Session, Reach]:
    if isinstance(session, SightSession) and session.viewer == viewer:
        return session.whole, session.reach
    return session, reach_of(session, viewer)


def _relations(
    whole: Session, reach: Reach, entity: str, rows: Sequence[Mapping[str, Any]]
) -> list[Relation]:
    return relations(whole, reach, entity, rows) if entity in BELONGING else ["all"] * len(rows)


def _row_problem(
    viewer: Viewer,
    entity: str,
    before: Mapping[str, Any] | None,
    values: Mapping[str, Any],
    near: Relation,
    after: Relation,
) -> Problem | None:
    operation = _operation(before, values)
    allowed = WIDTH[rows_for(viewer, entity, operation)]
    if before is not None and WIDTH[near] > WIDTH[rows_for(viewer, entity, "read")]:
        return not_found(entity)
    if not allowed or (before is not None and WIDTH[near] > allowed):
        return forbidden(entity, operation)
    if WIDTH[after] > allowed:
        return _out_of_sight(entity)
    if entity == "user" and before is not None and before.get("id") == viewer.user_id:
        taken = sorted(name for name in _OWN_ACCOUNT & set(values) if values[name] != before.get(name))
        return _own_account(taken[0]) if taken else None
    return None


def _operation(before: Mapping[str, Any] | None, values: Mapping[str, Any]) -> str:
    if before is None:
        return "create"
    ending = "deleted_at" in values and values["deleted_at"] != before.get("deleted_at")
    return "delete" if ending else "update"


def _field_problem(
    viewer: Viewer, entity: str, before: Mapping[str, Any] | None, values: Mapping[str, Any], near: Relation
) -> Problem | None:
    """Refuse what the viewer cannot see at all, and a mask that comes back as if it were the value."""
    for name, value in values.items():
        rule = field_rule(viewer, entity, name, near if before is not None else "own")
        if rule == "hidden" and name in FIELDS[entity]:
            return _hidden(name)
        old = None if before is None else before.get(name)
        if rule == "masked" and old is not None and value != old and _is_mask(entity, name, old, value):
            return _masked_value(name)
    return None


def _is_mask(entity: str, name: str, old: Any, value: Any) -> bool:
    return bool(value == masked(CLASSES[entity][name], old))


def _unseen_references(
    whole: Session,
    reach: Reach,
    viewer: Viewer,
    entity: str,
    befores: Sequence[Mapping[str, Any] | None],
    offered: Sequence[Mapping[str, Any]],
) -> list[Problem | None]:
    """Find references to records that the viewer cannot see: to them, these do not exist."""
    found: list[Problem | None] = [None] * len(offered)
    for name, field in FIELDS[entity].items():
        to = field.reference
        if to is None or rows_for(viewer, to, "read") == "all":
            continue
        new = {
            at: values[name]
            for at, values in enumerate(offered)
            if values.get(name) is not None and values[name] != (befores[at] or {}).get(name)
        }
        seen = within(whole, reach, to, set(new.values()), rows_for(viewer, to, "read")) if new else set()
        for at, reference in new.items():
            if reference not in seen:
                found[at] = found[at] or unknown_reference(name, to)
    return found


def not_found(entity: str) -> Problem:
    """Describe a record that is not there, or not for this viewer: which of the two is not said."""
    return Problem("not_found", "id", f"没有这条 {entity} 记录", f"there is no such {entity}")


def forbidden(entity: str, operation: str) -> Problem:
    """Describe an operation that the viewer's role or key does not have."""
    return Problem(
        "forbidden",
        None,
        f"您的角色或密钥无权对 {entity} 执行 {operation}；请联系管理员",
        f"your role or key does not allow {operation} on {entity}; ask an administrator",
    )


def _out_of_sight(entity: str) -> Problem:
    return Problem(
        "out_of_sight",
        "owner_id",
        f"写入后该 {entity} 将不在您可管理的范围内；请由团队主管或经理操作",
        f"the {entity} would then be outside what you manage; ask a team lead or manager to do it",
    )


def _own_account(field: str) -> Problem:
    return Problem(
        "own_account",
        field,
        f"不能修改自己账号的 {field}；请由另一位管理员操作",
        f"nobody changes {field} of their own account; ask another administrator",
    )


def _hidden(field: str) -> Problem:
    return Problem(
        "hidden_field", field, f"您无权查看或修改 {field}", f"you may neither see nor change {field}"
    )


def _masked_value(field: str) -> Problem:
    return Problem(
        "masked_value",
        field,
        f"{field} 是脱敏后的值，不会保存；请填写完整的值，或不提交该字段",
        f"{field} is the masked form and is not kept; send the full value, or leave the field out",
    )
