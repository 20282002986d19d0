"""History: what was written to a record, and the feed of everything that happens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final, Literal

from crm_store.domain.policy import Relation, Viewer, rows_for
from crm_store.repositories import listing
from crm_store.repositories.fields import FACTS, RECORDS
from crm_store.repositories.history import asof, feed
from crm_store.repositories.history.events import Event
from crm_store.repositories.sight.sight import (
    relations_of,
    shown,
    shown_entry,
    visible_ids,
)
from serving.crm import params
from serving.crm.contract import Strict, page_model
from serving.crm.operation import Call, Operation, Policy, Reply
from serving.crm.refusals import CrmError
from serving.crm.resources import PREFIX, RECORD_RESOURCES, Resource
from serving.crm.samples import sample_id

_TAG: Final = "changes 变更"
_FEED_PAGE: Final = 200


class EventOut(Strict):
    """Something that happened, once: a change of a record (field → [old, new]), or a fact that was added."""

    id: str
    kind: Literal["created", "changed", "deleted", "restored", "added"]
    entity: str
    entity_id: str
    version: int | None
    recorded_at: datetime
    written_at: datetime | None
    actor: str | None
    reason: str | None
    changes: dict[str, list[Any]]
    fields: dict[str, Any]


HISTORY: Final = page_model("HistoryPage", "一条记录的变更，新的在前", EventOut)
FEED: Final = page_model("FeedPage", "变更流的一页", EventOut)


def history_operations() -> Iterator[Operation]:
    """Yield the operations of history."""
    for resource in RECORD_RESOURCES:
        yield _history(resource)
    yield _feed()


def told_events(call: Call, events: Sequence[Event]) -> list[dict[str, Any]]:
    """Return events as the viewer may see them; those of records that are not theirs are left out."""
    near = _relations(call, events)
    return [
        _told(call, event, near[event.entity, event.entity_id])
        for event in events
        if (event.entity, event.entity_id) in near
    ]


def sees_all_alike(viewer: Viewer, entity: str) -> bool:
    """Tell whether a viewer sees every row, and none is nearer to them than another."""
    nobody = viewer.rep_id is None and viewer.team_id is None and viewer.region is None
    return nobody and rows_for(viewer, entity, "read") == "all"


def _relations(call: Call, events: Sequence[Event]) -> dict[tuple[str, str], Relation]:
    """Return how near each record is, of those that the viewer sees."""
    wanted: dict[str, set[str]] = {}
    for event in events:
        wanted.setdefault(event.entity, set()).add(event.entity_id)
    near: dict[tuple[str, str], Relation] = {}
    for entity, ids in wanted.items():
        if sees_all_alike(call.viewer, entity):
            near |= {(entity, one): "all" for one in ids}
            continue
        rows = listing.by_ids(call.sight, entity, sorted(ids))
        for row, relation in zip(rows, relations_of(call.sight, entity, rows), strict=True):
            near[entity, row["id"]] = relation
    return near


def _told(call: Call, event: Event, relation: Relation) -> dict[str, Any]:
    entry = {
        name: getattr(event, name)
        for name in ("entity", "entity_id", "version", "recorded_at", "written_at", "actor", "reason")
    }
    seen = shown_entry(call.viewer, event.entity, entry | {"changes": event.changes}, relation)
    return {
        "id": event.id,
        "kind": event.kind,
        **dict.fromkeys(entry),
        **seen,
        "fields": shown(call.viewer, event.entity, event.fields, relation),
    }


def _history(resource: Resource) -> Operation:
    def handle(call: Call) -> Reply:
        record_id, limit = call.path["id"], call.query.get("limit", 100)
        if not visible_ids(call.sight, resource.entity, [record_id]):
            raise CrmError.known("record_not_found", "id")
        page = asof.history(call.whole, resource.entity, record_id, limit, call.query.get("cursor"))
        return Reply({"items": told_events(call, page.items), "next_cursor": page.next_cursor})

    return Operation(
        method="GET",
        path=f"{resource.path}/{{id}}/history",
        name=f"crm_history_of_{resource.name}",
        summary=f"Every change of one {resource.en}, newest first {resource.zh}变更历史",
        tag=resource.tag,
        policy=Policy("change_log", "read"),
        handle=handle,
        params=(
            params.record_id(),
            params.whole("limit", 1, asof.MAX_PAGE, "events of a page 每页条数", 100),
            params.text("cursor", longest=400, about="next_cursor of the page before 上一页的游标"),
        ),
        answers={200: HISTORY},
        errors=("record_not_found", "bad_cursor"),
        example={"items": [_EVENT], "next_cursor": None},
    )


def _feed() -> Operation:
    def handle(call: Call) -> Reply:
        wanted = call.query.get("kinds")
        limit = call.query.get("limit", _FEED_PAGE)
        page = feed.read_feed(call.whole, call.query.get("cursor"), limit, kinds=wanted)
        return Reply({"items": told_events(call, page.items), "next_cursor": page.next_cursor})

    return Operation(
        method="GET",
        path=f"{PREFIX}/changes",
        name="crm_changes",
        summary="Everything that happens, once each, in order 变更流",
        tag=_TAG,
        policy=Policy("change_log", "read"),
        handle=handle,
        params=(
            params.text(
                "cursor", longest=600, about="next_cursor of the page before; from the start without"
            ),
            params.whole("limit", 1, feed.MAX_PAGE, "events of a page 每页条数", _FEED_PAGE),
            params.names("kinds", (*RECORDS, *FACTS), "only these kinds, after a comma each 只要这些类型"),
        ),
        answers={200: FEED},
        errors=("bad_cursor",),
        example={"items": [_EVENT], "next_cursor": "c2FtcGxl"},
        about=_FEED_ABOUT,
    )


_EVENT: Final = {
    "id": f"lead/{sample_id('lead')}@2",
    "kind": "changed",
    "entity": "lead",
    "entity_id": sample_id("lead"),
    "version": 2,
    "recorded_at": "2026-03-01T00:00:00Z",
    "written_at": "2026-03-01T00:00:00Z",
    "actor": "api:crm",
    "reason": None,
    "changes": {"status": ["new", "contacted"]},
    "fields": {},
}
_FEED_ABOUT: Final = (
    "Remember `next_cursor` and ask again with it: nothing is skipped and nothing comes twice, whoever "
    "writes meanwhile. It comes with every page, also the last; fewer events than `limit`, even none, does "
    "not mean that there are no more. Events of records that the caller may not see are left out.\n\n"
    "记住 `next_cursor` 并据此继续；不漏不重。"
)
