"""Ranked lists, details and traces. Lists read the score table, never the model."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from crm_store.domain.policy import Viewer
from features.engines.python_engine import Evaluation, behind
from features.part_signals import declared
from serving import render
from serving.access import Door, policy_of
from serving.errors import MAX_PAGE, ServingError
from serving.examples import answer_response, error_responses
from serving.explain import moment
from serving.kinds import KINDS, Kind
from serving.language import language_of
from serving.ports import CursorRefusedError, History, ListFilter, Records, SeenRecords
from serving.schemas import DetailOut, RankedPageOut, TraceOut
from serving.score_routes import ACCEPT_LANGUAGE, SECURITY, language_headers

HISTORY_LENGTH = 100
_TRACE_LENGTH = 1_000
ERRORS = ("api_key_missing", "api_key_invalid", "scope_missing", "store_unavailable", "internal", "timeout")
# Text without control characters; what a store can't hold is refused here.
_TEXT = r"^[^\x00-\x1f\x7f]*$"
_ID = r"^[A-Za-z0-9_.:\-]{1,40}$"
Band = Literal["green", "yellow", "red"]
RecordId = Annotated[str, Path(pattern=_ID, description="record id 记录编号")]
Text = Annotated[str | None, Query(max_length=80, pattern=_TEXT)]


@dataclass(frozen=True)
class Reading:
    """Reads what the routes show to a caller; every failure of the store has a code."""

    records: Records
    clock: Callable[[], datetime]

    def page(
        self, viewer: Viewer, kind: Kind, wanted: ListFilter, limit: int, cursor: str | None
    ) -> dict[str, Any]:
        """Return one page of a ranked list."""
        try:
            page = self.records.seen_by(viewer).ranked(kind.model, wanted, limit, cursor)
        except CursorRefusedError:
            raise ServingError("cursor_invalid", "cursor") from None
        except Exception as error:
            raise ServingError("store_unavailable") from error
        return render.page(page.items, page.next_cursor, page.total)

    def detail(
        self, viewer: Viewer, kind: Kind, record_id: str, language: Literal["zh", "en"]
    ) -> dict[str, Any]:
        """Return a record, its latest score and its score history."""
        seen = self.records.seen_by(viewer)
        record = record_of(seen, kind, record_id)
        try:
            past = seen.score_history(kind.model, record_id, HISTORY_LENGTH)
            latest = seen.latest(kind.model, [record_id]).get(record_id)
        except Exception as error:
            raise ServingError("store_unavailable") from error
        return {
            "id": record_id,
            "record": record,
            "score": render.stored(kind, record_id, latest, language) if latest else None,
            "history": [render.stored(kind, record_id, score, language) for score in past],
        }

    def trace(
        self, viewer: Viewer, kind: Kind, record_id: str, feature: str, as_of: datetime
    ) -> dict[str, Any]:
        """Return a value as of a moment and the raw records that made it, those that the caller may see."""
        found = declared(feature)
        if found is None or found.entity.name != kind.entity:
            raise ServingError("feature_not_found", "feature")
        seen = self.records.seen_by(viewer)
        record_of(seen, kind, record_id)
        try:
            sources = sorted({*found.sources, f"{kind.entity}_states"})
            history = self.records.history(kind.entity, record_id, sources)
            value = Evaluation(found.entity, history, record_id, as_of).values([found])[feature]
            made = behind(kind.entity, found, history, record_id, as_of)[:_TRACE_LENGTH]
            records = _in_sight(seen, history, made)
        except Exception as error:
            raise ServingError("trace_unavailable") from error
        return {
            "id": record_id,
            "feature": feature,
            "title": {"zh": found.title[0], "en": found.title[1]},
            "unit": found.unit,
            "value": value,
            "as_of": moment(as_of),
            "records": records,
        }


def record_of(seen: SeenRecords, kind: Kind, record_id: str) -> dict[str, Any]:
    """Return a record that the caller may see, or raise ServingError."""
    try:
        record = seen.record(kind.entity, record_id)
    except Exception as error:
        raise ServingError("store_unavailable") from error
    if record is None:
        raise ServingError(kind.not_found, "id")
    return record


def _in_sight(seen: SeenRecords, history: History, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows that the caller may see, in their order."""
    sources = {id(row): source for source, listed in history.items() for row in listed}
    named = [(sources[id(row)], row["record_id"]) for row in rows]
    shown: dict[tuple[str, str], dict[str, Any]] = {}
    for source in dict.fromkeys(source for source, _ in named):
        found = seen.source_rows(source, [row for row in rows if sources[id(row)] == source])
        shown |= {(source, row["record_id"]): row for row in found}
    return [shown[name] for name in named if name in shown]


def read_router(reading: Reading, door: Door) -> APIRouter:
    """Return the read operations of both kinds; the door asks for a key."""
    router = APIRouter()
    for kind in KINDS:
        caller = Depends(caller_of(kind, door))
        _add_list(router, kind, reading, caller)
        _add_detail(router, kind, reading, caller)
        _add_trace(router, kind, reading, caller)
    return router


def caller_of(kind: Kind, door: Door) -> Callable[[Request], Awaitable[Viewer]]:
    """Return the dependency that asks for a key which may read this kind."""

    async def caller(request: Request) -> Viewer:
        return await door.admit(request, kind.entity, "read")

    return caller


def _add_list(router: APIRouter, kind: Kind, reading: Reading, caller: Any) -> None:
    def ranked(
        request: Request,
        viewer: Viewer = caller,
        band: Annotated[Band | None, Query(description="colour 颜色")] = None,
        owner: Annotated[Text, Query(description="id of the owner 负责人编号")] = None,
        region: Annotated[Text, Query(description="region 区域")] = None,
        q: Annotated[Text, Query(description="part of the title 标题包含")] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
        cursor: Annotated[
            str | None, Query(max_length=400, description="next_cursor of the page before")
        ] = None,
    ) -> Response:
        refuse_unknown(request, {"band", "owner", "region", "q", "limit", "cursor"})
        return as_json(reading.page(viewer, kind, ListFilter(band, owner, region, q), limit, cursor))

    success = answer_response(RankedPageOut)
    errors = error_responses(*ERRORS, "parameter_invalid", "parameter_unknown", "cursor_invalid")
    add_read(
        router,
        kind.path,
        ranked,
        kind,
        f"list_{kind.plural}",
        _SUMMARY["list"][kind.entity],
        success | errors,
    )


def _add_detail(router: APIRouter, kind: Kind, reading: Reading, caller: Any) -> None:
    def detail(
        request: Request,
        id: RecordId,  # noqa: A002 - the path's name for it
        viewer: Viewer = caller,
    ) -> Response:
        refuse_unknown(request, set())
        language = language_of(request.headers.get("accept-language"))
        return as_json(reading.detail(viewer, kind, id, language), language_headers(language))

    success = answer_response(DetailOut)
    errors = error_responses(*ERRORS, kind.not_found, "parameter_invalid", "parameter_unknown")
    path, summary = f"{kind.path}/{{id}}", _SUMMARY["detail"][kind.entity]
    add_read(router, path, detail, kind, f"get_{kind.entity}", summary, success | errors, [ACCEPT_LANGUAGE])


def _add_trace(router: APIRouter, kind: Kind, reading: Reading, caller: Any) -> None:
    def trace(
        request: Request,
        id: RecordId,  # noqa: A002 - the path's name for it
        feature: Annotated[str, Path(max_length=80, description="feature name 特征名")],
        viewer: Viewer = caller,
        as_of: Annotated[
            datetime | None, Query(description="moment with time zone, default now 截至时刻")
        ] = None,
    ) -> Response:
        refuse_unknown(request, {"as_of"})
        if as_of is not None and as_of.tzinfo is None:
            raise ServingError("parameter_invalid", "as_of", "as_of: time zone")
        return as_json(reading.trace(viewer, kind, id, feature, as_of or reading.clock()))

    success = answer_response(TraceOut)
    codes = (
        kind.not_found,
        "feature_not_found",
        "trace_unavailable",
        "parameter_invalid",
        "parameter_unknown",
    )
    path, summary = f"{kind.path}/{{id}}/trace/{{feature}}", _SUMMARY["trace"][kind.entity]
    errors = error_responses(*ERRORS, *codes)
    add_read(router, path, trace, kind, f"trace_{kind.entity}", summary, success | errors)


def add_read(
    router: APIRouter,
    path: str,
    endpoint: Callable[..., Response],
    kind: Kind,
    name: str,
    summary: str,
    responses: dict[int | str, dict[str, Any]],
    parameters: list[dict[str, Any]] | None = None,
) -> None:
    """Add one read operation with its documentation."""
    router.add_api_route(
        path,
        endpoint,
        methods=["GET"],
        operation_id=name,
        summary=summary,
        responses=responses,
        response_class=Response,
        tags=["records 记录"],
        openapi_extra={"security": SECURITY}
        | policy_of(kind.entity, "read")
        | ({"parameters": parameters} if parameters else {}),
    )


def refuse_unknown(request: Request, known: set[str]) -> None:
    """Refuse a parameter nobody reads: a misspelt filter would quietly list everything."""
    for name in request.query_params:
        if name not in known:
            raise ServingError("parameter_unknown", name[:80], name[:80])


def as_json(content: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    """Return an answer as JSON."""
    data = orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_UTC_Z)
    return Response(data, media_type="application/json", headers=headers)


_SUMMARY = {
    "list": {
        "lead": "Leads, who needs someone first 线索排序",
        "account": "Accounts by risk × money 客户排序",
    },
    "detail": {"lead": "One lead: score, reasons, history 线索详情", "account": "One account 客户详情"},
    "trace": {
        "lead": "Raw records behind a value 数值溯源",
        "account": "Raw records behind a value 数值溯源",
    },
}
