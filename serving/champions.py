"""The champion of each model: loaded in the background, and loaded again when the pointer file changes."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, Protocol

from crm_store.domain.scores import Scorer
from serving.when import Decided
from serving.workers import Worker

log = logging.getLogger("leadpulse.serving")
POINTER = "champion.json"
# The last word on a champion's drift lies beside its pointer: past a limit the champion steps down.
DRIFT = "drift.json"
# How often the pointer file is looked at, seconds: a promotion is live within this plus the load.
LOOK_EVERY = 1.0


@dataclass(frozen=True)
class Champion:
    """A verified model that may answer; ``horizon`` is how long after creation a lead is within its scope.

    ``about`` is what ``GET /v1/models`` tells of it. ``decided`` is of a hazard: by when the risk beside it
    is known, and which of the two leads. ``points`` is the published map from probabilities (n,).
    """

    scorer: Scorer
    version: str
    horizon: timedelta | None = None
    about: Mapping[str, Any] = field(default_factory=dict)
    decided: Decided | None = None
    points: Callable[[Any], Any] | None = None


@dataclass(frozen=True)
class Absent:
    """Why no champion answers: a code of ``errors.WHY``; the last four name the drift it stepped down for."""

    code: Literal[
        "no_champion",
        "bundle_broken",
        "starting",
        "drift_inputs",
        "drift_score",
        "drift_base_rate",
        "drift_calibration",
    ]
    detail: str = ""


Standing = Champion | Absent
DRIFT_CODES: Mapping[str | None, Absent] = {
    "inputs": Absent("drift_inputs"),
    "score": Absent("drift_score"),
    "base_rate": Absent("drift_base_rate"),
    "calibration": Absent("drift_calibration"),
}


class Champions(Protocol):
    """Who answers for each model now. Never blocks, never raises."""

    def current(self, model: str) -> Standing:
        """Return the champion of a model, or why there is none."""
        ...


Loader = Callable[[str], Standing | None]
_Stamp = tuple[tuple[int, int, int], ...] | None


class FileChampions:
    """Champions named by ``<folder>/<model>/champion.json``.

    ``load`` takes a model's name and returns its champion, None where none was promoted, and raises where
    the bundle can't be trusted. It runs in the ``loading`` thread; while a new champion loads the old one
    answers, and once the pointer names a broken one rules do. With another ``pointer`` these are challengers.
    """

    def __init__(
        self,
        folder: Path,
        load: Loader,
        models: tuple[str, ...],
        loading: Worker,
        monotonic: Callable[[], float] = time.monotonic,
        pointer: str = POINTER,
    ) -> None:
        self._folder = folder
        self._pointer = pointer
        self._load = load
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._loading = loading
        self._standing: dict[str, Standing] = {}
        self._stamps: dict[str, _Stamp] = {}
        self._look_at = dict.fromkeys(models, float("-inf"))

    def current(self, model: str) -> Standing:
        """Return who answers now; looks at the pointer file at most once a second."""
        if model not in self._look_at:
            return Absent("no_champion")
        if self._monotonic() >= self._look_at[model]:
            self._look(model)
        return self._standing[model]

    def refresh(self) -> None:
        """Look at every pointer and wait until what changed is loaded."""
        for model in self._look_at:
            self._look(model)
        self._loading.submit(lambda: None).result()

    def _look(self, model: str) -> None:
        with self._lock:
            self._look_at[model] = self._monotonic() + LOOK_EVERY
            stamp = _stamp(self._folder / model / self._pointer, self._folder / model / DRIFT)
            if model in self._standing and stamp == self._stamps[model]:
                return
            self._stamps[model] = stamp
            if stamp is None:
                self._standing[model] = Absent("no_champion")
                return
            self._standing.setdefault(model, Absent("starting"))
            self._loading.submit(lambda: self._replace(model, stamp))

    def _replace(self, model: str, stamp: _Stamp) -> None:
        standing = _loaded(self._load, model)
        with self._lock:
            if self._stamps[model] == stamp:
                self._standing[model] = standing


def bundle_loader(folder: Path, horizons: Mapping[str, timedelta], pointer: str = POINTER) -> Loader:
    """Return the loader of verified bundles; ``horizons`` says how long after creation a model may speak."""

    def load(model: str) -> Standing | None:
        from training.bundle import BundleBroken, BundleScorer, HazardScorer, load_champion

        try:
            bundle = load_champion(folder, model, pointer)
        except BundleBroken as error:
            if error.code == "no_champion":
                return None
            raise
        if pointer == POINTER and (drifted := _stepped_down(folder, model, bundle.version)):
            return drifted
        scorer = HazardScorer(bundle) if bundle.weeks else BundleScorer(bundle)
        known = bundle.facts.get("decided")
        decided = _decided(known) if known else None
        points = bundle.points.apply
        return Champion(scorer, bundle.version, horizons.get(model), bundle.told(), decided, points)

    return load


def _decided(known: Mapping[str, Any]) -> Decided:
    leads: Literal["risk", "hazard"] = "hazard" if known.get("leads") == "hazard" else "risk"
    return Decided(str(known["feature"]), float(known["days"]), leads)


def _stepped_down(folder: Path, model: str, version: str) -> Absent | None:
    """Why a version steps down for drift; a word that can't be read takes no model away."""
    from training.bundle import BundleBroken, standing_of

    try:
        word = standing_of(folder, model)
    except BundleBroken as error:
        log.warning("drift_unreadable", extra={"model": model, "detail": error.code})
        return None
    if word is None or word.version != version or word.down not in DRIFT_CODES:
        return None
    log.warning("champion_stepped_down", extra={"model": model, "version": version, "detail": word.down})
    return DRIFT_CODES[word.down]


def _loaded(load: Loader, model: str) -> Standing:
    try:
        return load(model) or Absent("no_champion")
    except Exception as error:
        detail = str(getattr(error, "code", type(error).__name__))
        log.warning("champion_refused", extra={"model": model, "detail": detail})
        return Absent("bundle_broken", detail)


def _stamp(pointer: Path, *beside: Path) -> _Stamp:
    """Return what changes when a file is replaced or written, or None where there is no pointer."""
    stamps = []
    for path in (pointer, *beside):
        try:
            status = path.stat()
        except OSError:
            if path is pointer:
                return None
            continue
        stamps.append((status.st_mtime_ns, status.st_size, status.st_ino))
    return tuple(stamps)


@dataclass(frozen=True)
class FixedChampions:
    """Champions that never change; a model that isn't named has none."""

    standing: Mapping[str, Standing]

    def current(self, model: str) -> Standing:
        """Return who answers for a model."""
        return self.standing.get(model, Absent("no_champion"))
