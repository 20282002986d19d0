"""What managers should know of the models' drift, in words."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

from training.bundle import BundleBroken, standing_of
from training.bundle.champions import champion_of
from training.drift import TITLES

log = logging.getLogger(__name__)
_RULES = ("；已改由规则评分", "; rules answer instead")
_INSTEAD = {"account_renewal": ("；评分暂不说明时点", "; scores do not say when")}


def alerts(models_folder: Path, models: Iterable[str]) -> list[tuple[str, str]]:
    """Return what was last found of the champions' drift, in Chinese and English; never raises."""
    told = []
    for model in models:
        try:
            word = standing_of(models_folder, model)
            current = champion_of(models_folder, model).version
        except BundleBroken as error:
            if error.code != "no_champion":
                log.warning("drift_unreadable", extra={"model": model, "detail": error.code})
            continue
        if word is None or word.version != current:
            continue
        instead = _INSTEAD.get(model, _RULES)
        for one in word.findings:
            if one["level"] == "ok" or one["kind"] in word.accepted:
                continue
            down = word.down is not None and one["level"] == "act"
            zh, en = TITLES[one["kind"]]
            told.append(
                (
                    f"{model} {zh}漂移：{one['zh']}" + (instead[0] if down else ""),
                    f"{model}, drift of {en}: {one['en']}" + (instead[1] if down else ""),
                )
            )
    return told
