"""What the smaller commands do; each returns its exit code. Errors are told in Chinese and English."""

# ruff: noqa: T201 - printing is what a command does

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec

from pipelines.progress import Steps
from pipelines.runtime import Runtime

if TYPE_CHECKING:
    pass

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
def build_features(home: Path | None, *, whole: bool = False) -> int:
    """Bring the feature sources up to the store and register the catalog."""
    from pipelines.jobs import export_sources

    runtime = migrated(home)
    with Steps().step("features", "Export the feature sources 导出特征来源") as report:
        counts = export_sources(runtime, report, whole=whole)
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
    models = runtime.models()
    if model is not None and model not in models:
        return _refuse("unknown_model", f"没有模型 {model}", f"no such model; there are {', '.join(models)}")
    for name in [model] if model else models:
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
    from pipelines.jobs import publish_reps, score
    from serving.kinds import KINDS

    runtime, steps = Runtime.at(home), Steps()
    for kind in KINDS:
        with steps.step(kind.plural, f"Score {kind.plural} 评分") as report:
            added = score(runtime, kind, runtime.now(), report)
        print(f"{kind.plural}: {added:,} scores appended 新增评分")
    with steps.step("reps", "Features of reps 销售特征"):
        publish_reps(runtime, runtime.now())
    return 0


@told
def list_features(entity: str | None) -> int:
    """List the catalog."""
    from features.catalog import CATALOG, features_of
    from features.composed import COMPOSED
    from features.declare import PAIR, REQUEST

    listed = [*CATALOG.values(), *COMPOSED.values()]
    if entity and entity not in (PAIR.name, REQUEST.name):
        listed = list(features_of(entity))
    elif entity:
        listed = [one for one in COMPOSED.values() if one.entity.name == entity]
    for feature in listed:
        print(f"{feature.name:40} {feature.unit:8} {feature.title[0]} · {feature.title[1]}")
    return 0


@told
def show_feature(name: str) -> int:
    """Show one declaration."""
    from features.catalog import CATALOG, features_of
    from features.composed import COMPOSED

    feature = CATALOG.get(name) or COMPOSED.get(name)
    if feature is None:
        (feature,) = features_of("lead", [name])  # raises, with the words for it
    from features.in_words import formula, window

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
        "formula": formula(feature.value),
        "window": ", ".join(map(window, feature.windows)),
        "known from": feature.known_from,
    }
    for label, value in rows.items():
        print(f"{label:10} {value}")
    return 0


def tell_feature_quality(home: Path | None) -> int:
    """Print the last record of each entity's builds."""
    from features.declare import ENTITIES
    from features.quality import history

    folder = Runtime.at(home).settings.features_folder
    for entity in ENTITIES:
        records = history(folder, entity)
        if not records:
            print(f"{entity}: no build yet 尚未构建")
            continue
        last = records[-1]
        print(f"{entity}: {last.rows:,} rows 行, as of {last.as_of:%Y-%m-%d %H:%M} UTC")
        for name, state in last.sources.items():
            newest = f"{state.newest:%Y-%m-%d %H:%M}" if state.newest else "—"
            print(f"  {name:18} {state.rows:>12,} rows  newest {newest}  {state.fault or 'ok'}")
        for name, values in last.features.items():
            drift = "—" if values.psi is None else f"{values.psi:.3f}"
            extent = "" if values.low is None else f"{values.low:g} … {values.high:g}"
            alerts = " ".join(values.alerts)
            print(f"  {name:40} unknown {values.unknown:6.1%}  psi {drift:>6}  {extent}  {alerts}".rstrip())
        for zh, en in last.told():
            print(f"  ! {en} ({zh})")
    return 0


def write_feature_docs(out: Path) -> int:
    """Write the catalog as a page."""
    from features.docs_page import page

    out.write_text(page(), encoding="utf-8")
    print(out)
    return 0


@told
def migrate_store(home: Path | None, revision: str, *, backward: bool) -> int:
    """Migrate the record store."""
    from crm_store.database import downgrade, migrate

    settings = Runtime.at(home).settings
    settings.folder.mkdir(parents=True, exist_ok=True)
    (downgrade if backward else migrate)(settings.store_url, revision)
    return 0


def migrated(home: Path | None) -> Runtime:
    """Return the runtime of a data folder whose store is up to date."""
    from crm_store.database import migrate

    runtime = Runtime.at(home)
    runtime.settings.folder.mkdir(parents=True, exist_ok=True)
    migrate(runtime.settings.store_url)
    return runtime
