"""What the commands of ``cli_data`` do; each returns its exit code."""

# ruff: noqa: T201 - printing is what a command does

from __future__ import annotations

import os
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from pipelines.commands import migrated, told
from pipelines.progress import Steps
from pipelines.runtime import Runtime

if TYPE_CHECKING:
    from crm_store.imports.jobs import ImportReport
    from crm_store.imports.mapping import ColumnMapping
    from crm_store.imports.preview import Preview

_WHO = "command-line"
_ACTOR = f"user:{_WHO}"


@dataclass(frozen=True)
class Choice:
    """What the user said of a file; None is found out, or has a default."""

    kind: str | None
    source: str | None
    mapping: str | None
    product: str | None
    sheet: str | None


@told
def import_olist_folder(home: Path | None, folder: Path) -> int:
    """Load the public Olist files."""
    from crm_store.imports.olist import import_olist

    runtime = migrated(home)
    with Steps().step("import", "Import 导入") as report:
        jobs = import_olist(
            runtime.engine,
            folder,
            rejects_folder=runtime.settings.imports_folder / "rejects",
            now=datetime.now(UTC),
            progress=report,
        )
    for name, job in jobs.items():
        _print_job(name, job)
    return 0


@told
def import_file(home: Path | None, file: Path, choice: Choice) -> int:
    """Load one file by a mapping that is given, saved, or found out."""
    from crm_store.imports.jobs import start_import

    runtime = migrated(home)
    mapping = _mapping(runtime, file, choice)
    job_id = start_import(
        runtime.sessions,
        mapping,
        file,
        folder=runtime.settings.imports_folder,
        who=_WHO,
        now=datetime.now(UTC),
    )
    return _run(runtime, job_id, file.name)


@told
def preview_file(home: Path | None, file: Path, choice: Choice, *, rows: int, as_mapping: bool) -> int:
    """Show the first rows of a file as records, or the mapping as JSON to edit and save."""
    runtime = migrated(home)
    seen = _preview(runtime, file, choice, rows)
    if as_mapping:
        print(_json(_found(seen)))
        return 0
    shape = seen.product or seen.encoding
    print(f"{file.name}: {seen.lines:,} lines 行, header 表头 {seen.header_line}, {shape}")
    for rule in seen.mapping.columns if seen.mapping else ():
        print(f"  {' + '.join((rule.column, *rule.join)):28} → {rule.field}")
    for name, columns in (("unmapped 未映射", seen.unmapped), ("lacking 缺少", seen.lacking)):
        if columns:
            print(f"  {name}: {', '.join(columns)}")
    for row in seen.rows:
        print(f"{row.line:>6} {row.fate:7} {dict(row.values)}")
        for problem in row.problems:
            print(f"       ✗ {problem.code} {problem.field or ''}: {problem.en} ({problem.zh})")
    print(", ".join(f"{count:,} {fate}" for fate, count in seen.fates.items()))
    return 0


@told
def list_jobs(home: Path | None) -> int:
    """List the latest imports."""
    from crm_store.repositories.import_jobs import list_jobs as latest

    with migrated(home).sessions() as session:
        for job in latest(session):
            counts = f"{job.rows_read:,} read, {job.rows_added:,} added, {job.rows_rejected:,} rejected"
            print(f"{job.id}  {job.started_at:%Y-%m-%d %H:%M}  {job.status:9} {job.file_name}: {counts}")
            for detail in (job.error, job.rejects_file):
                if detail:
                    print(f"    {detail}")
    return 0


@told
def resume_job(home: Path | None, job_id: str) -> int:
    """Go on with an import."""
    return _run(migrated(home), job_id, job_id)


@told
def save_mapping(home: Path | None, name: str, file: Path, reason: str | None) -> int:
    """Save a mapping."""
    from crm_store.database import transaction
    from crm_store.imports.mappings import read_mapping
    from crm_store.imports.mappings import save_mapping as save

    mapping = read_mapping(_bytes(file))
    with transaction(migrated(home).sessions) as session:
        saved = save(session, name, mapping, actor=_ACTOR, reason=reason, now=datetime.now(UTC))
    print(f"{saved.name} v{saved.version}")
    return 0


@told
def list_mappings(home: Path | None) -> int:
    """List the saved mappings."""
    from crm_store.imports.mappings import list_mappings as saved

    with migrated(home).sessions() as session:
        for one in saved(session):
            print(f"{one.name:24} v{one.version:<4} {one.mapping.entity:16} {one.mapping.source}")
    return 0


@told
def show_mapping(home: Path | None, name: str, version: int | None) -> int:
    """Print a saved mapping."""
    from crm_store.imports.mappings import saved_mapping

    with migrated(home).sessions() as session:
        print(_json(saved_mapping(session, name, version).mapping))
    return 0


@told
def export_file(
    home: Path | None, form: str, kind: str, file: Path, fields: str | None, language: str
) -> int:
    """Write every record of a kind to a file."""
    from crm_store.exports.columns import columns_of
    from crm_store.exports.csv_file import export_csv
    from crm_store.exports.xlsx_file import export_xlsx
    from crm_store.repositories.export_rows import stream_rows

    columns = columns_of(kind, fields.split(",") if fields else None)
    shown: Any = _one_of("language", language, ("zh", "en"))
    runtime = migrated(home)
    with Steps().step("export", "Export 导出") as report, runtime.engine.connect() as connection:
        rows = stream_rows(connection, kind, columns)
        done: list[int] = []

        def progress(count: int) -> None:
            done.append(count)
            report(count, 0)

        if form == "xlsx":
            export_xlsx(kind, rows, file, columns, shown, progress)
        else:
            with file.open("wb") as out, closing(export_csv(kind, rows, columns, shown, progress)) as pieces:  # type: ignore[type-var]
                out.writelines(pieces)
    print(f"{file}: {done[-1]:,} rows 行")
    return 0


@told
def pull_orders(home: Path | None, name: str, config: Path | None) -> int:
    """Pull one connector."""
    from crm_store.connectors.pull import pull_orders as pull
    from crm_store.connectors.settings import read_connectors

    runtime = migrated(home)
    connectors = read_connectors(config or runtime.settings.connectors_file, os.environ)
    connector = connectors[_one_of("name", name, tuple(connectors))]
    with Steps().step("pull", f"Pull {name} 拉取订单"):
        report = pull(
            runtime.sessions, connector, folder=runtime.settings.folder / "connectors", now=datetime.now(UTC)
        )
    print(
        f"{name}: {report.read:,} read 读取, {report.added:,} added 新增, {report.waiting:,} waiting 待处理"
    )
    if report.waiting_file is not None:
        print(f"  {report.waiting_file}")
    return 0


def _run(runtime: Runtime, job_id: str, name: str) -> int:
    from crm_store.imports.jobs import resume_import

    with Steps().step("import", f"Import 导入 {job_id}") as report:
        job = resume_import(
            runtime.engine,
            job_id,
            folder=runtime.settings.imports_folder,
            now=datetime.now(UTC),
            progress=report,
        )
    _print_job(name, job)
    return 0


def _mapping(runtime: Runtime, file: Path, choice: Choice) -> ColumnMapping:
    return _named(runtime, choice) or _found(_preview(runtime, file, choice, rows=1))


def _named(runtime: Runtime, choice: Choice) -> ColumnMapping | None:
    """Return the mapping that the user named: a file's, or a saved one."""
    from crm_store.imports.mappings import read_mapping, saved_mapping

    if choice.mapping is None:
        return None
    path = Path(choice.mapping)
    if path.is_file():
        return read_mapping(_bytes(path))
    with runtime.sessions() as session:
        return saved_mapping(session, choice.mapping).mapping


def _preview(runtime: Runtime, file: Path, choice: Choice, rows: int) -> Preview:
    from crm_store.imports.mapping import KINDS
    from crm_store.imports.preview import preview
    from crm_store.imports.suggesting import PRODUCTS

    mapping = _named(runtime, choice)
    product: Any = choice.product and _one_of("product", choice.product, PRODUCTS)
    if mapping is None and choice.kind is None:
        _refuse("kind_missing", "kind", "请用 --kind 或 --mapping 说明文件内容", "give --kind or --mapping")
    return preview(
        runtime.engine,
        file,
        now=datetime.now(UTC),
        mapping=mapping,
        entity=_one_of("kind", choice.kind, KINDS) if choice.kind else "lead",
        source=choice.source or product or "file",
        product=product,
        sheet=choice.sheet,
        rows=rows,
    )


def _found(seen: Preview) -> ColumnMapping:
    if seen.mapping is None:
        _refuse(
            "no_mapping",
            "mapping",
            "表头中没有能区分各行的列（编号、电话、信用代码等），请用 --mapping 说明",
            "no column of the header tells the rows apart (an id, a phone, a credit code): give --mapping",
        )
    return seen.mapping


def _one_of(field: str, value: str, allowed: tuple[str, ...]) -> str:
    from crm_store.repositories.problems import StoreError, not_allowed

    if value not in allowed:
        raise StoreError(not_allowed(field, allowed))
    return value


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        _refuse("file_unreadable", None, f"无法打开文件 {file.name}", f"cannot open {file.name}")


def _refuse(code: str, field: str | None, zh: str, en: str) -> NoReturn:
    from crm_store.repositories.problems import Problem, StoreError

    raise StoreError(Problem(code, field, zh, en))


def _json(mapping: ColumnMapping) -> str:
    return mapping.model_dump_json(exclude_defaults=True, indent=1)


def _print_job(name: str, job: ImportReport) -> None:
    counts = {"read 读取": job.rows_read, "added 新增": job.rows_added, "rejected 拒绝": job.rows_rejected}
    print(f"{name}: " + ", ".join(f"{count:,} {label}" for label, count in counts.items()))
    if job.rejects_file is not None:
        reasons = Counter(_reasons(job.rejects_file))
        print(f"  rejects 拒绝明细: {job.rejects_file}")
        for (code, field), count in reasons.most_common(5):
            print(f"    {count:,} × {code} {field}")


def _reasons(rejects: Path) -> list[tuple[str, str]]:
    import csv

    with rejects.open(encoding="utf-8-sig", newline="") as file:
        return [(row["code"], row["field"]) for row in csv.DictReader(file)]
