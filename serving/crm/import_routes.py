"""Imports: a file is looked at, then becomes a job that can be watched, stopped and resumed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from crm_store.domain.ids import new_id
from crm_store.domain.policy import field_rule
from crm_store.imports import jobs, mappings
from crm_store.imports.mapping import ColumnMapping
from crm_store.imports.preview import Preview, PreviewRow, preview
from crm_store.imports.sheets import fingerprint
from crm_store.imports.suggesting import PRODUCTS
from crm_store.models import ImportJob
from crm_store.models.jobs import IMPORT_STATUSES
from crm_store.repositories import import_jobs
from crm_store.repositories.fields import FACTS, RECORDS
from crm_store.repositories.problems import Problem, StoreError
from crm_store.repositories.sight.sight import shown, shown_rows
from serving.crm import params
from serving.crm.contract import ProblemOut, Strict
from serving.crm.mapping_routes import MAPPING_NAME
from serving.crm.operation import Call, Operation, Policy, Reply
from serving.crm.refusals import CrmError, problem_of
from serving.crm.resources import PREFIX
from serving.crm.samples import sample_id

_TAG: Final = "imports 导入"
_PATH: Final = f"{PREFIX}/imports"
_FILES: Final = (
    "text/csv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/octet-stream",
)
_PIECE: Final = 1 << 16
_ERRORS: Final = ("unknown_mapping", "missing_column", "unreadable_file", "no_mapping")


class ImportOut(Strict):
    """A job: how far it has come, and how many rows went where."""

    id: str
    preset: str | None = None
    entity: str | None = None
    file_name: str | None = None
    file_sha256: str | None = None
    mapping: dict[str, Any] | None = None
    status: Literal[IMPORT_STATUSES] | None = None  # type: ignore[valid-type]
    actor: str | None = None
    started_at: datetime | None = None
    updated_at: datetime | None = None
    finished_at: datetime | None = None
    position: int | None = None
    rows_read: int | None = None
    rows_added: int | None = None
    rows_rejected: int | None = None
    error: str | None = None


class ImportsOut(Strict):
    """The latest jobs, newest first."""

    items: list[ImportOut]


class PreviewRowOut(Strict):
    """One row: its cells, what they would become, what is wrong, and what would happen to it."""

    line: int
    cells: list[str]
    values: dict[str, Any]
    problems: list[ProblemOut]
    fate: Literal["create", "update", "known", "refuse"]


class PreviewOut(Strict):
    """The first rows of a file through a mapping, which may be a suggestion."""

    header: list[str]
    header_line: int
    encoding: str
    sheets: list[str]
    lines: int
    mapping: dict[str, Any] | None
    product: str | None
    unmapped: list[str]
    lacking: list[str]
    rows: list[PreviewRowOut]
    fates: dict[str, int]
    problems: dict[str, int]


def import_operations() -> Iterator[Operation]:
    """Yield the operations on imports."""
    yield from (_preview(), _start(), _list(), _get(), _rejects(), _cancel(), _resume())


def _preview() -> Operation:
    def handle(call: Call) -> Reply:
        return Reply(_told_preview(call, _looked_at(call, _file(call))))

    return Operation(
        "POST",
        f"{_PATH}/preview",
        "crm_preview_import",
        "What an import would do; nothing is written 导入预览",
        _TAG,
        Policy("import_job", "create"),
        handle,
        params=_CHOICES,
        body_kind="file",
        media_types=_FILES,
        answers={200: PreviewOut},
        errors=_ERRORS,
        repeatable=False,
    )


def _start() -> Operation:
    def prepare(call: Call) -> tuple[ColumnMapping, str, str]:
        file = _file(call)
        mapping = _mapping_for(call, file)
        jobs.check_header(file, mapping)
        return mapping, fingerprint(file), new_id("import")

    def handle(call: Call) -> Reply:
        file, (mapping, digest, job_id) = _file(call), call.prepared
        kept = jobs.kept_file(call.deps.uploads, job_id)
        kept.parent.mkdir(parents=True, exist_ok=True)
        if not kept.exists():  # an attempt that crossed another writer has put it there already
            file.replace(kept)
        job = import_jobs.start_job(
            call.whole,
            job_id=job_id,
            preset=mapping.name,
            entity=mapping.entity,
            mapping=mapping.model_dump(mode="json", exclude_defaults=True),
            file_name=call.query.get("file_name", "upload"),
            file_sha256=digest,
            actor=f"import:{call.viewer.name}"[:80],
            now=call.now,
        )
        importer = call.deps.importer
        headers = {"location": f"{_PATH}/{job.id}"}
        return Reply(_told_job(call, job), 202, headers, after=lambda: importer.submit(job.id))

    return Operation(
        "POST",
        _PATH,
        "crm_start_import",
        "Upload a file of up to 50 MB and import it 上传并导入",
        _TAG,
        Policy("import_job", "create"),
        handle,
        prepare=prepare,
        params=(*_CHOICES, params.text("file_name", longest=255, about="the file's own name 文件名")),
        body_kind="file",
        media_types=_FILES,
        answers={202: ImportOut},
        errors=_ERRORS,
        example=_JOB,
        about=_ABOUT,
        writes=True,
    )


def _list() -> Operation:
    def handle(call: Call) -> Reply:
        found = import_jobs.list_jobs(call.sight, call.query.get("limit", 50))
        return Reply({"items": [_told_job(call, job) for job in found]})

    return Operation(
        "GET",
        _PATH,
        "crm_list_imports",
        "The latest imports 导入任务",
        _TAG,
        Policy("import_job", "read"),
        handle,
        params=(params.whole("limit", 1, 200, "jobs 条数", 50),),
        answers={200: ImportsOut},
        example={"items": [_JOB]},
    )


def _get() -> Operation:
    return Operation(
        "GET",
        f"{_PATH}/{{id}}",
        "crm_get_import",
        "How far an import has come 导入进度",
        _TAG,
        Policy("import_job", "read"),
        lambda call: Reply(_told_job(call, import_jobs.get_job(call.sight, call.path["id"]))),
        params=(params.record_id(),),
        answers={200: ImportOut},
        errors=("unknown_import",),
        example=_JOB,
    )


def _rejects() -> Operation:
    def handle(call: Call) -> Reply:
        job = import_jobs.get_job(call.sight, call.path["id"])
        if not _reads_raw(call):
            raise CrmError.known("not_allowed_here")
        if job.rejects_file is None or not Path(job.rejects_file).exists():
            raise CrmError.known("no_rejects", "id")
        headers = {"content-disposition": f'attachment; filename="{job.id}-rejects.csv"'}
        return Reply(stream=_pieces(Path(job.rejects_file)), media_type="text/csv", headers=headers)

    return Operation(
        "GET",
        f"{_PATH}/{{id}}/rejects",
        "crm_import_rejects",
        "The rows that were rejected, with a reason each 下载被拒行",
        _TAG,
        Policy("import_job", "read"),
        handle,
        params=(params.record_id(),),
        answers={200: None},
        media_types=("text/csv",),
        errors=("unknown_import", "no_rejects"),
    )


def _cancel() -> Operation:
    def handle(call: Call) -> Reply:
        jobs.cancel_import(call.whole, call.path["id"], call.now)
        return Reply(_told_job(call, import_jobs.get_job(call.whole, call.path["id"])))

    return _moved("cancel", "Stop an import behind its present batch 取消导入", handle, 200)


def _resume() -> Operation:
    def handle(call: Call) -> Reply:
        job = import_jobs.get_job(call.whole, call.path["id"])
        if job.status != "finished":
            job = import_jobs.set_status(call.whole, job.id, "running", call.now)
        importer, job_id = call.deps.importer, job.id
        return Reply(_told_job(call, job), 202, after=lambda: importer.submit(job_id))

    return _moved("resume", "Go on with an import from where it stands 继续导入", handle, 202)


def _moved(name: str, summary: str, handle: Any, status: int) -> Operation:
    return Operation(
        "POST",
        f"{_PATH}/{{id}}/{name}",
        f"crm_{name}_import",
        summary,
        _TAG,
        Policy("import_job", "update"),
        handle,
        params=(params.record_id(),),
        answers={status: ImportOut},
        errors=("unknown_import",),
        example=_JOB,
        writes=True,
    )


def _file(call: Call) -> Path:
    if call.file is None:
        raise CrmError.known("body_empty")
    return call.file


def _looked_at(call: Call, file: Path) -> Preview:
    name = call.query.get("mapping")
    mapping = None if name is None else mappings.saved_mapping(call.whole, name).mapping
    return preview(
        call.deps.engine,
        file,
        now=call.now,
        mapping=mapping,
        entity=call.query.get("entity", "lead"),
        source=call.query.get("source", "file"),
        product=call.query.get("product"),
        sheet=call.query.get("sheet"),
    )


def _mapping_for(call: Call, file: Path) -> ColumnMapping:
    name = call.query.get("mapping")
    if name is not None:
        return mappings.saved_mapping(call.whole, name).mapping
    found = _looked_at(call, file)
    if found.mapping is None or found.lacking:
        raise StoreError(_no_mapping(found))
    return found.mapping


def _reads_raw(call: Call) -> bool:
    """Tell whether the viewer may read what was sent, as it was sent."""
    return field_rule(call.viewer, "submission", "payload", "all") == "clear"


def _told_preview(call: Call, found: Preview) -> dict[str, Any]:
    mapping = found.mapping
    return {
        "header": list(found.header),
        "header_line": found.header_line,
        "encoding": found.encoding,
        "sheets": list(found.sheets),
        "lines": found.lines,
        "mapping": None if mapping is None else mapping.model_dump(mode="json", exclude_defaults=True),
        "product": found.product,
        "unmapped": list(found.unmapped),
        "lacking": list(found.lacking),
        "rows": [_told_row(call, mapping, row) for row in found.rows],
        "fates": dict(found.fates),
        "problems": dict(found.problems),
    }


def _told_row(call: Call, mapping: ColumnMapping | None, row: PreviewRow) -> dict[str, Any]:
    entity = "lead" if mapping is None else mapping.entity
    return {
        "line": row.line,
        "cells": list(row.cells) if _reads_raw(call) else [],
        "values": shown(call.viewer, entity, row.values, "all"),
        "problems": [problem_of(problem) for problem in row.problems],
        "fate": row.fate,
    }


def _told_job(call: Call, job: ImportJob) -> dict[str, Any]:
    """Return a job without where its files lie."""
    told = shown_rows(call.sight, "import_job", [job])[0]
    return {name: value for name, value in told.items() if name != "rejects_file"}


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


def _no_mapping(found: Preview) -> Problem:
    lacking = ", ".join(found.lacking) or "external_id"
    zh = f"无法自动匹配列，缺少：{lacking}；请先预览并保存列映射"
    en = f"the columns cannot be matched, lacking {lacking}: preview the file and save a mapping"
    return Problem("no_mapping", "mapping", zh, en)


_CHOICES: Final = (
    params.text("mapping", pattern=MAPPING_NAME, longest=80, about="a saved mapping 已保存的列映射"),
    params.choice("entity", (*RECORDS, *FACTS), "kind of record, without a mapping 类型", "lead"),
    params.text(
        "source", longest=40, pattern=r"^[A-Za-z0-9_\-]{1,40}$", about="name of the outside system 来源"
    ),
    params.choice("product", PRODUCTS, "whose export it is; found out, unless given 产品预设"),
    params.text("sheet", longest=31, about="sheet of a workbook, the first unless given 工作表"),
)
_JOB: Final = {
    "id": sample_id("import"),
    "preset": "csv",
    "entity": "lead",
    "file_name": "leads.csv",
    "status": "running",
    "started_at": "2026-03-01T00:00:00Z",
    "rows_read": 0,
    "rows_added": 0,
    "rows_rejected": 0,
}
_ABOUT: Final = (
    "The body is the file itself: CSV (UTF-8 or GBK) or XLSX. Without `mapping` the columns are matched by "
    "what they are called. The answer comes at once; ask for the job until it is `finished`. Bad rows go to "
    "a file with a reason each; the same file again adds nothing.\n\n"
    "请求体即文件本身；未指定 `mapping` 时按列名自动匹配。重复导入不会产生重复记录。"
)
