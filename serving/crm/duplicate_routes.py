"""Duplicates and merges: who may be the same customer, and making two records one, which can be undone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import Field

from crm_store.models import DuplicatePair, MergeLog
from crm_store.repositories import listing
from crm_store.repositories.duplicates import merges, pairs
from crm_store.repositories.problems import StoreError
from crm_store.repositories.sight.sight import can_write, check_may, not_found, shown_rows, visible_ids
from crm_store.services import duplicates, merging
from serving.crm import params
from serving.crm.contract import Strict
from serving.crm.forms import parsed
from serving.crm.operation import Call, Operation, Policy, Reply
from serving.crm.refusals import CrmError
from serving.crm.resources import PREFIX, RESOURCES, Resource
from serving.crm.samples import sample_id

_TAG: Final = "duplicates 查重与合并"
_KINDS: Final = merging.MERGEABLE
Mergeable = Literal["lead", "account"]


class PairOut(Strict):
    """Two records that may be one customer: a score in 0–1, and why."""

    id: str
    entity: Mergeable
    left_id: str
    right_id: str
    score: float
    reasons: list[dict[str, Any]]
    status: Literal["open", "merged", "dismissed"]
    found_at: datetime
    decided_at: datetime | None = None
    decided_by: str | None = None


class PairsOut(Strict):
    """Pairs, the most alike first; ``total`` counts those that are open, where the caller sees all."""

    items: list[PairOut]


class MergeIn(Strict):
    """Which record stays, which goes, and whose value the survivor takes, by field."""

    entity: Mergeable
    survivor_id: str = Field(max_length=40)
    merged_id: str = Field(max_length=40)
    choices: dict[str, Literal["survivor", "merged"]] = Field(default_factory=dict, max_length=100)


class KeptOut(Strict):
    """A field that was edited after the merge, and so kept its value when it was undone."""

    entity: str
    record_id: str
    field: str


class MergeOut(Strict):
    """A merge, with what it wrote."""

    id: str
    entity: Mergeable
    survivor_id: str
    merged_id: str
    changes: list[dict[str, Any]] | None = None
    actor: str
    merged_at: datetime
    undone_at: datetime | None = None
    undone_by: str | None = None
    kept: list[KeptOut] | None = None


class MergesOut(Strict):
    """The merges into one record, the latest first, those undone too."""

    items: list[MergeOut]


def duplicate_operations() -> Iterator[Operation]:
    """Yield the operations on duplicates and merges."""
    for kind in _KINDS:
        yield from (_of_record(RESOURCES[kind]), _merges_of(RESOURCES[kind]))
    yield from (_open(), _dismiss(), _merge(), _undo())


def _of_record(resource: Resource) -> Operation:
    def handle(call: Call) -> Reply:
        record_id = _seen(call, resource)
        found = pairs.open_pairs_of(call.sight, resource.entity, record_id)
        return Reply({"items": shown_rows(call.sight, "duplicate_pair", found)})

    return Operation(
        "GET",
        f"{resource.path}/{{id}}/duplicates",
        f"crm_duplicates_of_{resource.name}",
        f"Who else one {resource.en} may be {resource.zh}的疑似重复",
        _TAG,
        Policy("duplicate_pair", "read"),
        handle,
        params=(params.record_id(),),
        answers={200: PairsOut},
        errors=("record_not_found",),
        example={"items": [_PAIR]},
    )


def _merges_of(resource: Resource) -> Operation:
    def handle(call: Call) -> Reply:
        found = merges.merges_of(call.sight, resource.entity, _seen(call, resource))
        return Reply({"items": shown_rows(call.sight, "merge_log", found)})

    return Operation(
        "GET",
        f"{resource.path}/{{id}}/merges",
        f"crm_merges_of_{resource.name}",
        f"What was merged into one {resource.en} {resource.zh}的合并记录",
        _TAG,
        Policy("merge_log", "read"),
        handle,
        params=(params.record_id(),),
        answers={200: MergesOut},
        errors=("record_not_found",),
        example={"items": [_MERGED]},
    )


def _open() -> Operation:
    def handle(call: Call) -> Reply:
        found = pairs.open_pairs(
            call.sight,
            call.query.get("entity", "lead"),
            limit=call.query.get("limit", 50),
            least_score=call.query.get("least_score", 0.0),
            skip=call.query.get("skip", 0),
        )
        return Reply({"items": shown_rows(call.sight, "duplicate_pair", found)})

    return Operation(
        "GET",
        f"{PREFIX}/duplicates",
        "crm_list_duplicates",
        "Pairs that wait for a decision, the most alike first 待处理的疑似重复",
        _TAG,
        Policy("duplicate_pair", "read"),
        handle,
        params=(
            params.choice("entity", _KINDS, "kind of record 类型", "lead"),
            params.whole("limit", 1, 200, "pairs of a page 每页条数", 50),
            params.whole("skip", 0, 100_000, "pairs to pass over 跳过条数", 0),
            params.share("least_score", "only pairs at least this alike 最低相似度"),
        ),
        answers={200: PairsOut},
        example={"items": [_PAIR]},
    )


def _dismiss() -> Operation:
    def handle(call: Call) -> Reply:
        pair_id = call.path["id"]
        if call.sight.get(DuplicatePair, pair_id) is None:
            raise CrmError.known("record_not_found", "id")
        pair = duplicates.dismiss(call.whole, pair_id, actor=call.viewer.actor, now=call.now)
        return Reply(shown_rows(call.sight, "duplicate_pair", [pair])[0])

    return Operation(
        "POST",
        f"{PREFIX}/duplicates/{{id}}/dismiss",
        "crm_dismiss_duplicate",
        "Note that two records are not one customer 标记为不是同一客户",
        _TAG,
        Policy("duplicate_pair", "update"),
        handle,
        params=(params.record_id(),),
        answers={200: PairOut},
        errors=("record_not_found", "pair_merged"),
        example=_PAIR | {"status": "dismissed"},
        writes=True,
    )


def _merge() -> Operation:
    def handle(call: Call) -> Reply:
        given = parsed(call, MergeIn)
        check_may(call.viewer, given.entity, "merge")
        _check_both(call, given.entity, [given.survivor_id, given.merged_id])
        log = merging.merge(
            call.whole,
            given.entity,
            given.survivor_id,
            given.merged_id,
            choices=given.choices,
            actor=call.viewer.actor,
            role=call.viewer.role,
            now=call.now,
        )
        call.whole.flush()
        return Reply(shown_rows(call.sight, "merge_log", [log])[0], 201)

    return Operation(
        "POST",
        f"{PREFIX}/merges",
        "crm_merge",
        "Merge one record into another 合并记录",
        _TAG,
        Policy("merge_log", "merge"),
        handle,
        body=MergeIn,
        body_kind="json",
        answers={201: MergeOut},
        errors=("not_found", "forbidden", "same_record", "already_merged", "unknown_field"),
        example=_MERGED,
        body_example={"entity": "lead", "survivor_id": sample_id("lead"), "merged_id": "lea_2"},
        about="Nothing is lost: every activity stays, and the merge can be undone. 合并不丢数据，可撤销。",
        writes=True,
    )


def _undo() -> Operation:
    def handle(call: Call) -> Reply:
        log = call.sight.get(MergeLog, call.path["id"])
        if log is None:
            raise CrmError.known("record_not_found", "id")
        check_may(call.viewer, log.entity, "merge")
        _check_both(call, log.entity, [log.survivor_id, log.merged_id])
        undone = merging.undo(
            call.whole, log.id, actor=call.viewer.actor, role=call.viewer.role, now=call.now
        )
        call.whole.flush()
        kept = [{"entity": one.entity, "record_id": one.record_id, "field": one.field} for one in undone.kept]
        return Reply(shown_rows(call.sight, "merge_log", [undone.merge])[0] | {"kept": kept})

    return Operation(
        "POST",
        f"{PREFIX}/merges/{{id}}/undo",
        "crm_undo_merge",
        "Undo a merge; what was edited since stays 撤销合并",
        _TAG,
        Policy("merge_log", "merge"),
        handle,
        params=(params.record_id(),),
        answers={200: MergeOut},
        errors=("record_not_found", "unknown_merge", "already_undone", "later_merge"),
        example=_MERGED | {"kept": []},
        writes=True,
    )


def _seen(call: Call, resource: Resource) -> str:
    record_id: str = call.path["id"]
    if not visible_ids(call.sight, resource.entity, [record_id]):
        raise CrmError.known("record_not_found", "id")
    return record_id


def _check_both(call: Call, entity: str, ids: list[str]) -> None:
    """Refuse a merge that touches a record which the viewer may not change."""
    for record_id in ids:
        row = listing.by_id(call.whole, entity, record_id)
        if row is None:
            raise StoreError(not_found(entity))
        can_write(call.sight, call.viewer, entity, row, {})


_PAIR: Final = {
    "id": sample_id("duplicate"),
    "entity": "lead",
    "left_id": sample_id("lead"),
    "right_id": "lea_000000000000000000000002",
    "score": 0.97,
    "reasons": [{"code": "phone", "zh": "手机相同", "en": "the same mobile"}],
    "status": "open",
    "found_at": "2026-03-01T00:00:00Z",
}
_MERGED: Final = {
    "id": sample_id("merge"),
    "entity": "lead",
    "survivor_id": sample_id("lead"),
    "merged_id": "lea_000000000000000000000002",
    "changes": [],
    "actor": "api:crm",
    "merged_at": "2026-03-01T00:00:00Z",
}
