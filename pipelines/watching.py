"""Watching the champions of a data folder: each scoring run looks whether their world has moved."""

from __future__ import annotations

import logging
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

from pipelines.frames import computed_by
from pipelines.lifecycle import append_line, note, policy_of, standing_told
from training.bundle import BundleBroken, load_champion
from training.bundle.standing import Standing, write_standing

if TYPE_CHECKING:
    from pipelines.runtime import Runtime
    from training.bundle import Bundle
    from training.drift import Finding
    from training.policy import DriftLimits

log = logging.getLogger("leadpulse.models")
DRIFT_LOG = "drift.jsonl"


def watch(runtime: Runtime, model: str, now: datetime) -> Standing | None:
    """Watch a list's model as ``watch_one`` does, and those that speak of the same; return its standing."""
    from serving.kinds import KINDS

    found = watch_one(runtime, model, now)
    beside = (name for kind in KINDS if kind.model == model for name in kind.models[1:])
    for other in beside:
        if other in runtime.models():
            watch_one(runtime, other, now)
    return found


def watch_one(runtime: Runtime, model: str, now: datetime) -> Standing | None:
    """Look for drift in the champion's world as of ``now``, write down what was found, and tell of it.

    Past a limit the standing makes the champion step down to rules; None where nobody is champion.
    """
    from training.drift import verdict

    folder, policy = runtime.settings.models_folder, policy_of(runtime)
    try:
        bundle = load_champion(folder, model)
    except BundleBroken:
        return None
    findings = _findings(runtime, bundle, now, policy.drift)
    before = standing_told(folder, model)
    found = verdict(bundle.version, now, findings, before, steps_down=policy.drift.steps_down)
    write_standing(folder, model, found)
    append_line(folder / model / DRIFT_LOG, asdict(found))
    for one in found.findings:
        if one["level"] != "ok":
            log.warning(
                "model_drift: %s",
                one["en"],
                extra={"model": model, "kind": one["kind"], "level": one["level"], "said": one["en"]},
            )
    if found.down and (before is None or before.down != found.down):
        note(runtime, model, "stepped_down", bundle.version, found.down)
    return found


def _findings(runtime: Runtime, bundle: Bundle, now: datetime, limits: DriftLimits) -> list[Finding]:
    from training.survival.watch import look_at_hazard
    from training.watch import look

    store = runtime.features
    place = (bundle, computed_by(store), store.sources, now, limits)
    if bundle.weeks:
        return look_at_hazard(runtime.hazard().losses, *place)
    return look(runtime.specs()[bundle.model].outcome, *place)
