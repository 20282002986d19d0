"""A model's life in a data folder: promoted, rolled back, tried in the shadow, due to be trained again."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from pipelines.runtime import utc_now
from training.bundle import Bundle, BundleBroken, load_champion, standing_of
from training.bundle.champions import (
    Champion,
    cast_shadow,
    champion_of,
    lift_shadow,
    promote,
    roll_back,
    versions_of,
)
from training.bundle.standing import Standing, write_standing

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.runtime import Runtime
    from training.policy import ModelPolicy
    from training.shadowing import Duel

log = logging.getLogger("leadpulse.models")
EVENTS = "events.jsonl"
REFUSED = "nothing_to_learn"
KEPT_LINES = 400
Why = Literal["first", "schedule", "drift"]


class ModelRefused(Exception):
    """What a person asked of a model can't be done. ``code`` is stable."""

    def __init__(self, code: str, field: str, zh: str, en: str) -> None:
        self.code, self.field, self.zh, self.en = code, field, zh, en
        super().__init__(f"{code}: {zh} · {en}")


def policy_of(runtime: Runtime) -> ModelPolicy:
    """Return the data folder's policy. Raises PolicyRefused."""
    from training.policy import ModelPolicy

    return ModelPolicy.of(runtime.settings.folder)


def promote_version(runtime: Runtime, model: str, version: str, override: str | None = None) -> Champion:
    """Make a version champion if its training passed every gate and the catalog is still the one it knows.

    ``override`` is a person's reason to promote one that a gate refused; it is kept. Raises ModelRefused,
    BundleBroken.
    """
    from features.catalog import catalog_hash
    from training.report import kept_report

    folder = runtime.settings.models_folder
    bundle = _bundle(runtime, model, version)
    if bundle.catalog_hash != catalog_hash():
        zh, en = "特征目录已改变，请重新训练", "the feature catalog has changed since: train again"
        raise ModelRefused("other_catalog", "version", zh, en)
    report = kept_report(folder, model, version)
    shut = [gate["name"] for gate in report["gates"] if not gate["passed"]] if report else ["no_report"]
    if shut and not override:
        names = ", ".join(shut)
        zh, en = (
            f"未通过关卡：{names}；若仍要上线，请用 --override 写明理由",
            f"refused by {names}; --override REASON",
        )
        raise ModelRefused("gates_refused", "version", zh, en)
    champion = promote(folder, model, version)
    note(runtime, model, "promoted", version, override or "gates")
    _tell_registry(runtime, model, version)
    return champion


def roll_back_model(runtime: Runtime, model: str) -> Champion:
    """Return to the champion before this one. Serving follows within seconds. Raises BundleBroken."""
    champion = roll_back(runtime.settings.models_folder, model)
    note(runtime, model, "rolled_back", champion.version, "by hand")
    _tell_registry(runtime, model, champion.version)
    return champion


def shadow_version(runtime: Runtime, model: str, version: str | None) -> None:
    """Try a version in the champion's shadow, or none. Raises BundleBroken, ModelRefused."""
    folder = runtime.settings.models_folder
    if version is None:
        lift_shadow(folder, model)
    else:
        _bundle(runtime, model, version)
        cast_shadow(folder, model, version)
    note(runtime, model, "shadow", version or "-", "by hand")


def shadow_duel(runtime: Runtime, model: str, now: datetime) -> tuple[str, Duel]:
    """Return the challenger in the shadow, and how both did on outcomes known at ``now``."""
    import pandas as pd

    from crm_store.repositories.scores.shadows import KeptPair, pairs_of
    from training.bundle import SHADOW
    from training.shadowing import compare_curves, compare_shadow

    version = champion_of(runtime.settings.models_folder, model, SHADOW).version
    with runtime.sessions() as session:
        pairs = pd.DataFrame(pairs_of(session, model, version), columns=list(KeptPair._fields))
    sources, hazard = runtime.features.sources, runtime.hazard()
    if model == hazard.model:
        return version, compare_curves(hazard.losses, sources, pairs, now)
    spec = runtime.specs()[model]
    return version, compare_shadow(spec.outcome, spec.meaning, sources, pairs, now)


def accept_drift(runtime: Runtime, model: str, why: str) -> Standing:
    """Let a champion answer again in spite of its drift; that holds for this version and these kinds."""
    folder = runtime.settings.models_folder
    found = standing_told(folder, model)
    if found is None or found.down is None:
        zh, en = "该模型没有因漂移停用", "this model hasn't stepped down for drift"
        raise ModelRefused("no_drift", "model", zh, en)
    accepted = replace(found, accepted=tuple({*found.accepted, *found.past}), accepted_why=why)
    write_standing(folder, model, accepted)
    note(runtime, model, "drift_accepted", found.version, why)
    return accepted


def due(runtime: Runtime, model: str, now: datetime, policy: ModelPolicy) -> Why | None:
    """Tell why a model is to be trained again, None while it isn't."""
    folder = runtime.settings.models_folder
    wait = timedelta(days=policy.retry_days)
    last = max((moment for moment in _trained(folder, model)), default=None)
    if last is not None and now - last < wait:
        return None
    refused = [event["at"] for event in events(runtime, model) if event["what"] == REFUSED]
    if refused and utc_now() - datetime.fromisoformat(refused[-1]) < wait:
        return None
    try:
        champion = load_champion(folder, model)
    except BundleBroken:
        return "first"
    word = standing_told(folder, model)
    if policy.retrain_on_drift and word and word.version == champion.version and word.level == "act":
        return "drift"
    return "schedule" if now - champion.trained_at >= timedelta(days=policy.retrain_days) else None


def note(runtime: Runtime, model: str, what: str, version: str, why: str) -> None:
    """Write down what happened to a model, in its folder and in the log."""
    line = {"at": utc_now().isoformat(), "what": what, "version": version, "why": why}
    append_line(runtime.settings.models_folder / model / EVENTS, line)
    log.info("model_event", extra={"model": model, **{f"event_{key}": value for key, value in line.items()}})


def events(runtime: Runtime, model: str) -> list[dict[str, Any]]:
    """Return what happened to a model, oldest first."""
    return _lines(runtime.settings.models_folder / model / EVENTS)


def _bundle(runtime: Runtime, model: str, version: str) -> Bundle:
    folder = runtime.settings.models_folder
    if version not in versions_of(folder, model):
        zh, en = (
            f"没有版本 {version}，见 leadpulse model list",
            f"no version {version}: see leadpulse model list",
        )
        raise ModelRefused("unknown_version", "version", zh, en)
    return Bundle.load(folder / model / version)


def _tell_registry(runtime: Runtime, model: str, version: str) -> None:
    """Move the registry's alias too. The pointer rules: a registry without answer holds nothing up."""
    try:
        runtime.tracking.promote_bundle(model, version)
    except Exception as error:
        log.warning("registry_not_told", extra={"model": model, "error": type(error).__name__})


def standing_told(folder: Path, model: str) -> Standing | None:
    """Return the last word on a model's drift, None where there is none or it can't be read."""
    try:
        return standing_of(folder, model)
    except BundleBroken as error:
        log.warning("drift_unreadable", extra={"model": model, "detail": error.code})
        return None


def _trained(folder: Path, model: str) -> list[datetime]:
    """When the versions of a model were trained, whether they became champion or not."""
    from training.report import kept_report

    reports = (kept_report(folder, model, version) for version in versions_of(folder, model))
    return [datetime.fromisoformat(report["trained_at"]) for report in reports if report]


def append_line(path: Path, line: dict[str, Any]) -> None:
    """Add a line to a short history; the oldest are forgotten."""
    from training.bundle.files import write_atomically

    path.parent.mkdir(parents=True, exist_ok=True)
    kept = [*_lines(path), line][-KEPT_LINES:]
    text = "\n".join(json.dumps(one, ensure_ascii=False) for one in kept) + "\n"
    write_atomically(path, text.encode())


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.is_file() else []
