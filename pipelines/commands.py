"""What the smaller commands do; each returns its exit code. Errors are told in Chinese and English."""

# ruff: noqa: T201 - printing is what a command does

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec

from pipelines.progress import Steps
from pipelines.runtime import Runtime

if TYPE_CHECKING:
    from crm_store.imports.csv_import import ImportReport
    from crm_store.imports.mapping import ColumnMapping

P = ParamSpec("P")


def told(command: Callable[P, int]) -> Callable[P, int]:
    """Turn what the store or training refuses into a sentence and exit code 1."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> int:
        from crm_store.repositories.problems import StoreError
        from features.errors import FeatureError

        try:
            return command(*args, **kwargs)
        except StoreError as error:
            problem = error.problem
            return _refuse(problem.code, problem.zh, problem.en)
        except FeatureError as error:
            return _refuse(error.code, error.zh, error.en)

    return run


def _refuse(code: str, zh: str, en: str) -> int:
    Steps().console.print(f"[red]✗[/] {code}: {en} ({zh})", highlight=False)
    return 1


@told
def import_olist_folder(home: Path | None, folder: Path) -> int:
    """Load the public Olist files."""
    from crm_store.imports.olist import import_olist

    runtime = _migrated(home)
    with Steps().step("import", "Import 导入") as report:
        jobs = import_olist(
            runtime.engine, folder, rejects_folder=_rejects(runtime), now=datetime.now(UTC), progress=report
        )
    for name, job in jobs.items():
        _print_job(name, job)
    return 0


@told
def import_csv_file(
    home: Path | None, file: Path, *, kind: str | None, source: str, mapping: Path | None
) -> int:
    """Load one CSV file, by a saved mapping or by equal names."""
    from pydantic import ValidationError

    from crm_store.imports.csv_import import run_import
    from crm_store.imports.mapping import ColumnMapping

    try:
        if mapping is not None:
            chosen = ColumnMapping.model_validate_json(mapping.read_bytes())
        elif kind is not None:
            chosen = _equal_names(file, kind, source)
        else:
            return _refuse(
                "kind_missing", "请用 --kind 或 --mapping 说明文件内容", "give --kind or --mapping"
            )
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        return _refuse(
            "mapping_invalid", f"列映射有误：{where}", f"the mapping is wrong at {where}: {first['msg']}"
        )
    runtime = _migrated(home)
    with Steps().step("import", "Import 导入") as report:
        job = run_import(
            runtime.engine,
            chosen,
            file,
            rejects_folder=_rejects(runtime),
            now=datetime.now(UTC),
            progress=report,
        )
    _print_job(file.name, job)
    return 0


def _equal_names(file: Path, kind: str, source: str) -> ColumnMapping:
    """Return a mapping of the file's columns that are called like fields of the kind."""
    from crm_store.imports.mapping import ColumnMapping
    from crm_store.repositories.fields import FIELDS

    with file.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        header = next(csv.reader(lines), [])
    known = {*FIELDS.get(kind, ()), "external_id", "recorded_at"}
    columns = [{"column": name, "field": name} for name in header if name in known]
    return ColumnMapping.model_validate({"entity": kind, "source": source, "columns": columns})


@told
def build_features(home: Path | None) -> int:
    """Export the feature sources and register the catalog."""
    from pipelines.jobs import export_sources

    runtime = _migrated(home)
    with Steps().step("features", "Export the feature sources 导出特征来源") as report:
        counts = export_sources(runtime, report)
    for name, rows in counts.items():
        print(f"{name:16} {rows:>12,}")
    return 0


@told
def train_models(home: Path | None, model: str | None, seed: int) -> int:
    """Train one model or all; print the comparison and the gates."""
    from pipelines.demo import labels_until
    from pipelines.jobs import train
    from pipelines.summary import show_quality
    from training.datasets import DatasetRefused

    runtime, steps = Runtime.at(home), Steps()
    specs = runtime.specs()
    if model is not None and model not in specs:
        return _refuse("unknown_model", f"没有模型 {model}", f"no such model; there are {', '.join(specs)}")
    for name in [model] if model else list(specs):
        try:
            with steps.step(name, f"Train {name} 训练") as report:
                trained = train(runtime, name, seed, labels_until(runtime), report).as_dict()
        except DatasetRefused as error:
            return _refuse(error.code, error.zh, error.en)
        show_quality(name, trained)
    return 0


@told
def score_all(home: Path | None) -> int:
    """Score everything open as of now."""
    from pipelines.jobs import score
    from serving.kinds import KINDS

    runtime, steps = Runtime.at(home), Steps()
    for kind in KINDS:
        with steps.step(kind.plural, f"Score {kind.plural} 评分") as report:
            added = score(runtime, kind, runtime.now(), report)
        print(f"{kind.plural}: {added:,} scores appended 新增评分")
    return 0


@told
def add_user(home: Path | None, name: str, password: str, role: str) -> int:
    """Add a person."""
    from crm_store.database import transaction
    from crm_store.services.access import create_user

    with transaction(_migrated(home).sessions) as session:
        create_user(session, name, password, role, datetime.now(UTC))
    print(f"{name} ({role}) added 已添加")
    return 0


@told
def create_key(home: Path | None, name: str, scopes: list[str]) -> int:
    """Create an API key and print it, once."""
    from crm_store.database import transaction
    from crm_store.services.access import create_api_key

    with transaction(_migrated(home).sessions) as session:
        key = create_api_key(session, name, scopes, datetime.now(UTC))
    print(key)
    return 0


@told
def list_features(entity: str | None) -> int:
    """List the catalog."""
    from features.catalog import CATALOG, features_of

    for feature in features_of(entity) if entity else CATALOG.values():
        print(f"{feature.name:40} {feature.unit:8} {feature.title[0]} · {feature.title[1]}")
    return 0


@told
def show_feature(name: str) -> int:
    """Show one declaration."""
    from features.catalog import CATALOG, features_of

    if name not in CATALOG:
        features_of("lead", [name])  # raises, with the words for it
    feature = CATALOG[name]
    rows = {
        "name": feature.name,
        "entity": feature.entity.name,
        "group": feature.group,
        "title": " · ".join(feature.title),
        "sentence": " · ".join(feature.sentence),
        "unit": feature.unit,
        "dtype": feature.dtype,
        "sources": ", ".join(sorted(feature.sources)),
        "owner": feature.owner,
        "computed": feature.value,
    }
    for label, value in rows.items():
        print(f"{label:10} {value}")
    return 0


@told
def migrate_store(home: Path | None, revision: str, *, backward: bool) -> int:
    """Migrate the record store."""
    from crm_store.database import downgrade, migrate

    settings = Runtime.at(home).settings
    settings.folder.mkdir(parents=True, exist_ok=True)
    (downgrade if backward else migrate)(settings.store_url, revision)
    return 0


@told
def verify_audit(home: Path | None) -> int:
    """Check every hash chain."""
    from crm_store.repositories.changelog import verify

    with Runtime.at(home).sessions() as session:
        problems = verify(session)
    for problem in problems:
        print(problem)
    print(f"{len(problems)} problems 处问题")
    return 1 if problems else 0


def _migrated(home: Path | None) -> Runtime:
    from crm_store.database import migrate

    runtime = Runtime.at(home)
    runtime.settings.folder.mkdir(parents=True, exist_ok=True)
    migrate(runtime.settings.store_url)
    return runtime


def _rejects(runtime: Runtime) -> Path:
    return runtime.settings.folder / "rejects"


def _print_job(name: str, job: ImportReport) -> None:
    counts = {"read 读取": job.rows_read, "added 新增": job.rows_added, "rejected 拒绝": job.rows_rejected}
    print(f"{name}: " + ", ".join(f"{count:,} {label}" for label, count in counts.items()))
    if job.rows_rejected:
        print(f"  rejects 拒绝明细: {job.rejects_file}")
