"""Exports: a list as a file, safe to open in a sheet, with the rows and fields that the caller may see."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from crm_store.exports.csv_file import export_csv
from crm_store.exports.xlsx_file import export_xlsx
from crm_store.repositories import listing
from crm_store.repositories.listing import Wanted
from crm_store.repositories.sight.sight import shown_rows, viewer_session
from serving.crm import params
from serving.crm.listed import PAGING, list_params, wanted
from serving.crm.operation import Call, Operation, Policy, Reply
from serving.crm.resources import RESOURCES, Resource

CSV: Final = "text/csv; charset=utf-8"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_PAGE: Final = 1_000
_PIECE: Final = 1 << 16


def export_operations() -> Iterator[Operation]:
    """Yield the export of every kind that may be exported."""
    for resource in RESOURCES.values():
        if resource.entity != "user":
            yield _export(resource)


def _export(resource: Resource) -> Operation:
    def handle(call: Call) -> Reply:
        asked = replace(wanted(call, resource), limit=_PAGE, cursor=None)
        fields, language = call.query.get("fields"), call.query.get("language", "zh")
        names = (
            None
            if fields is None
            else [name for name in listing.listed_fields(resource.entity) if name in fields]
        )
        rows = _rows(call, resource.entity, asked)
        if call.query.get("format", "csv") == "csv":
            stream, media_type = export_csv(resource.entity, rows, names, language), CSV
        else:
            stream, media_type = _workbook(call, resource.entity, rows, names, language), XLSX
        file_name = f"{resource.plural}.{call.query.get('format', 'csv')}"
        headers = {"content-disposition": f'attachment; filename="{file_name}"'}
        return Reply(stream=stream, media_type=media_type, headers=headers)

    paging = {param.name for param in PAGING}
    return Operation(
        "GET",
        f"{resource.path}/export",
        f"crm_export_{resource.name}",
        f"Export {resource.plural} as CSV or XLSX 导出{resource.zh}",
        resource.tag,
        Policy(resource.entity, "export"),
        handle,
        params=(
            *(param for param in list_params(resource) if param.name not in paging),
            params.choice("format", ("csv", "xlsx"), "kind of file 格式", "csv"),
            params.choice("language", ("zh", "en"), "language of the header 表头语言", "zh"),
        ),
        answers={200: None},
        media_types=(CSV.partition(";")[0], XLSX),
        errors=("field_hidden",),
        about="Texts that a sheet would run as a formula are guarded. 已防公式注入，Excel 打开中文不乱码。",
    )


def _rows(call: Call, entity: str, asked: Wanted) -> Iterator[Mapping[str, Any]]:
    """Yield every row, page by page, each in a short transaction: a slow reader keeps nothing open."""
    deps, viewer = call.deps, call.viewer
    while True:
        with viewer_session(deps.sessions, viewer) as sight:
            page = listing.page(sight, asked)
            rows = shown_rows(sight, entity, page.rows)
        yield from rows
        if page.next_cursor is None:
            return
        asked = replace(asked, cursor=page.next_cursor)


def _workbook(
    call: Call, entity: str, rows: Iterator[Mapping[str, Any]], names: list[str] | None, language: Any
) -> Iterator[bytes]:
    """Write a workbook to a file of its own, send it, and remove it."""
    call.deps.uploads.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=call.deps.uploads, prefix="export-") as folder:
        path = Path(folder) / "export.xlsx"
        export_xlsx(entity, rows, path, names, language)
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece
