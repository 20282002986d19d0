"""The jobs: sources out of the record store, features, training, scores. Each can be repeated at will."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.frames import frames
from pipelines.progress import Report, Steps, share
from pipelines.runtime import utc_now

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy.orm import Session

    from crm_store.repositories.scores.log import ScoreRow
    from features.store import OnlineRows
    from pipelines.runtime import Runtime
    from serving.kinds import Kind
    from serving.ladder import Answer, Ladder, Outcomes
    from serving.online import OnlineReader
    from training.report import TrainingReport

# Scores are computed and written this many at a time.
_BATCH = 2_000


def export_sources(runtime: Runtime, report: Report, *, whole: bool = False) -> dict[str, int]:
    """Bring the feature sources up to the store and register the catalog with Feast; return rows per source.

    What is told is what is new since the last time; everything the first time, after a change of the catalog,
    or if ``whole`` is wished for.
    """
    from crm_store.database import transaction
    from crm_store.domain.sources import SOURCES
    from crm_store.repositories.history.consumers import FRESH, begin_at
    from crm_store.repositories.history.feed import feed_end
    from crm_store.repositories.sources.event_log import keep_sources
    from features.catalog import catalog_hash

    done = []
    begun_at = utc_now()
    with transaction(runtime.sessions) as session:
        # What is committed from here on may be missing in the files: who follows the feed begins here.
        begin_at(session, FRESH, feed_end(session))

    def written(source: str, _rows: int) -> None:
        done.append(source)
        report(len(set(done)), len(SOURCES) + 1)

    sources = runtime.features.sources
    kept = keep_sources(runtime.engine, sources, catalog_hash(), begun_at, written, whole=whole)
    runtime.features.apply()
    report(1, 1)
    return kept.rows


def _known_by(sources: Path, now: datetime) -> datetime:
    """Return the moment that sets made of the sources speak of: they know nothing of what came later."""
    from crm_store.repositories.sources.files import known_at

    known = known_at(sources)
    return now if known is None else min(now, known)


def train(runtime: Runtime, model: str, seed: int, labels_until: datetime, report: Report) -> TrainingReport:
    """Train one model on outcomes known by ``labels_until``; a winner becomes champion through its gates."""
    from training.survival.train import train_hazard
    from training.train import train_model

    place = (runtime.features.sources, labels_until, runtime.settings.models_folder, runtime.tracking)

    def progress(_stage: str, share: float) -> None:
        report(round(1000 * share), 1000)

    hazard = runtime.hazard()
    if model == hazard.model:
        hazard = replace(hazard, boosting=replace(hazard.boosting, seed=seed))
        return train_hazard(hazard, runtime.features.compute, *place, progress)
    spec = runtime.specs()[model]
    spec = replace(spec, boosting=replace(spec.boosting, seed=seed))
    return train_model(spec, frames(runtime.features), *place, progress)


def score(runtime: Runtime, kind: Kind, now: datetime, report: Report) -> int:
    """Compute, publish and score everything open as of ``now``; return how many scores were appended.

    Sources that were exported before ``now`` know nothing later: what is made of them is as of the export,
    and takes no newer value's place. Each run appends, at the real time of the run.
    """
    from features.quality import build
    from pipelines.watching import watch

    now = _known_by(runtime.features.sources, now)
    subjects = runtime.specs()[kind.model].outcome.subjects_at(runtime.features.sources, now)
    report(0, 10)
    built = build(runtime.features, kind.entity, subjects, now)
    for zh, en in built.record.told():
        Steps().console.print(f"[yellow]![/] {en} ({zh})", highlight=False)
    report(5, 10)
    watch(runtime, kind.model, now)
    report(6, 10)
    return _score_frame(runtime, kind, built.frame, now, report)


def publish_reps(runtime: Runtime, now: datetime) -> int:
    """Compute and publish the features of every rep, and of their leads of each kind; return the reps.

    Of the kinds that are one lead each, only leads that are open: the others are no longer given to anyone.
    """
    import pandas as pd

    from training.source_tables import read_source

    sources = runtime.features.sources
    now = _known_by(sources, now)
    reps = read_source(sources, "rep_states", ["rep_id", "recorded_at"], now).rep_id.drop_duplicates()
    fits = read_source(sources, "fit_events", ["fit_id", "lead_id", "recorded_at"], now)
    open_now = set(runtime.specs()["lead_health"].outcome.subjects_at(sources, now).entity_id)
    kept = fits[~fits.fit_id.str.contains("|lead|", regex=False) | fits.lead_id.isin(open_now)]
    for entity, ids in (("rep", reps), ("fit", kept.fit_id.drop_duplicates())):
        as_of = pd.Series([pd.Timestamp(now)] * len(ids), dtype="datetime64[us, UTC]")
        rows = pd.DataFrame({"entity_id": ids.to_numpy(), "as_of": as_of})
        if len(rows):
            runtime.features.publish(entity, runtime.features.refresh(entity, rows), offline=False)
    return len(reps)


def score_past(
    runtime: Runtime, kind: Kind, moments: Sequence[datetime], now: datetime, report: Report
) -> int:
    """Score what is open as of ``now`` from the data of earlier moments too, oldest first.

    Gives a company whose records begin in the past a history to look at. Each score says the moment its
    data is from (``as_of``) and when it was given. To be run before ``score``, which makes the newest.
    """
    outcome, sources = runtime.specs()[kind.model].outcome, runtime.features.sources
    still_open = set(outcome.subjects_at(sources, now).entity_id)
    added = 0
    for done, moment in enumerate(sorted(moments)):
        subjects = outcome.subjects_at(sources, moment)
        subjects = subjects[subjects.entity_id.isin(still_open)]
        frame = runtime.features.compute(kind.entity, subjects)
        part = share(report, done / len(moments), (done + 1) / len(moments))
        added += _score_frame(runtime, kind, frame, moment, part)
    return added


def _score_frame(runtime: Runtime, kind: Kind, frame: pd.DataFrame, now: datetime, report: Report) -> int:
    from crm_store.database import transaction
    from crm_store.repositories.scores.log import append_scores

    reader = FrameReader(frame)
    ladder = ladders(runtime, lambda: reader, lambda: now)[kind.model]
    scored_at = utc_now()
    ids = list(reader.rows)
    added = 0
    for start in range(0, len(ids), _BATCH):
        batch = ids[start : start + _BATCH]
        outcomes = ladder.answer(batch)
        with transaction(runtime.sessions) as session:
            rows = score_rows(session, kind, batch, outcomes, reader.rows)
            added += append_scores(session, kind.model, rows, scored_at=scored_at)
        report(6 + round(4 * (start + len(batch)) / len(ids)), 10)
    return added


def ladders(
    runtime: Runtime, reader: Callable[[], OnlineReader], clock: Callable[[], datetime]
) -> dict[str, Ladder]:
    """Return the ladders that requests climb too, fed from values at hand and without deadlines."""
    from serving.deps import ServingLimits
    from serving.gate import GateLimits
    from serving.workers import Worker

    champions = runtime.champions(Worker("loading"))
    champions.refresh()
    patient = GateLimits(base=600.0)
    limits = ServingLimits(online=patient, store=patient, remembered=0)
    deps = replace(runtime.serving_deps(champions, reader), clock=clock, limits=limits)
    return deps.ladders(deps.gate())


def score_rows(
    session: Session, kind: Kind, ids: Sequence[str], outcomes: Outcomes, rows: Mapping[str, Any]
) -> list[ScoreRow]:
    """Return what to keep of these outcomes, with what lists show; ``rows`` are the features by id."""
    from crm_store.repositories.scores.log import ScoreRow
    from crm_store.repositories.sight.subjects import listings
    from serving.ladder import Answer

    shown = listings(session, kind.entity, ids)
    kept = []
    for entity_id in ids:
        answer = outcomes[entity_id]
        if not isinstance(answer, Answer) or entity_id not in shown:
            continue
        one = shown[entity_id]
        money = answer.money if answer.money is not None else rows[entity_id].get("account_amount_365d")
        given = replace(answer.score, why=answer.why)
        rank = rank_value(kind, answer, money)
        kept.append(ScoreRow(entity_id, given, rank, one.owner_id, one.region, one.title, money))
    return kept


def rank_value(kind: Kind, answer: Answer, money: float | None) -> float:
    """Return what lists sort by, smallest first: a lead's health; minus the money an account may cost."""
    if kind.entity == "lead":
        return answer.score.value
    return -(answer.score.probability or 0.0) * (money or 0.0)


class FrameReader:
    """A computed frame in the place of the online store, for scoring everything at once."""

    def __init__(self, frame: pd.DataFrame) -> None:
        plain: list[dict[str, Any]] = frame.astype(object).where(frame.notna(), None).to_dict("records")  # type: ignore[assignment]
        self.rows: dict[str, dict[str, Any]] = {row.pop("entity_id"): row for row in plain}
        self._as_of = {key: row.pop("as_of").to_pydatetime() for key, row in self.rows.items()}

    def online(self, entity: str, ids: Sequence[str]) -> OnlineRows:
        """Return the rows of ``ids``, as the online store would."""
        from features.store import OnlineRows

        return OnlineRows([self.rows[key] for key in ids], [self._as_of[key] for key in ids])
