"""The jobs: sources out of the record store, features, training, scores. Each can be repeated at will."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pipelines.progress import Report, share
from pipelines.runtime import utc_now

if TYPE_CHECKING:
    import pandas as pd

    from crm_store.repositories.scores import ScoreRow
    from features.store import OnlineRows
    from pipelines.runtime import Runtime
    from serving.kinds import Kind
    from serving.ladder import Answer
    from training.report import TrainingReport

# Scores are computed and written this many at a time.
_BATCH = 2_000


def export_sources(runtime: Runtime, report: Report) -> dict[str, int]:
    """Write the feature sources as Parquet and register the catalog with Feast; return rows per source."""
    from crm_store.domain.sources import SOURCES
    from crm_store.repositories.event_log import export_sources as export

    done = []

    def written(source: str, _rows: int) -> None:
        done.append(source)
        report(len(set(done)), len(SOURCES) + 1)

    counts = export(runtime.engine, runtime.features.sources, written)
    runtime.features.apply()
    report(1, 1)
    return counts


def train(runtime: Runtime, model: str, seed: int, labels_until: datetime, report: Report) -> TrainingReport:
    """Train one model on outcomes known by ``labels_until``; a winner becomes champion through its gates."""
    from training.train import train_model

    spec = runtime.specs()[model]
    return train_model(
        replace(spec, boosting=replace(spec.boosting, seed=seed)),
        runtime.features.frame,
        runtime.features.sources,
        labels_until,
        runtime.settings.models_folder,
        runtime.tracking,
        lambda _stage, share: report(round(1000 * share), 1000),
    )


def score(runtime: Runtime, kind: Kind, now: datetime, report: Report) -> int:
    """Compute, publish and score everything open as of ``now``; return how many scores were appended.

    Each run appends, at the real time of the run; what is shown as current is the newest.
    """
    subjects = runtime.specs()[kind.model].outcome.subjects_at(runtime.features.sources, now)
    report(0, 10)
    frame = runtime.features.compute(kind.entity, subjects)
    report(3, 10)
    runtime.features.publish(kind.entity, frame)
    report(6, 10)
    return _score_frame(runtime, kind, frame, now, report)


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
    from crm_store.repositories.scores import append_scores

    reader = FrameReader(frame)
    ladder = _ladder(runtime, kind, reader, now)
    scored_at = utc_now()
    ids = list(reader.rows)
    added = 0
    for start in range(0, len(ids), _BATCH):
        batch = ids[start : start + _BATCH]
        outcomes = ladder.answer(batch)
        with transaction(runtime.sessions) as session:
            rows = _score_rows(session, kind, batch, outcomes, reader.rows)
            added += append_scores(session, kind.model, rows, scored_at=scored_at)
        report(6 + round(4 * (start + len(batch)) / len(ids)), 10)
    return added


def _ladder(runtime: Runtime, kind: Kind, reader: FrameReader, now: datetime) -> Any:
    """Return the ladder that requests climb too, fed from the frame and without deadlines."""
    from serving.deps import ServingLimits
    from serving.online import OnlineLimits
    from serving.workers import Worker

    champions = runtime.champions(Worker("loading"))
    champions.refresh()
    deps = replace(
        runtime.serving_deps(champions, lambda: reader),
        clock=lambda: now,
        limits=ServingLimits(online=OnlineLimits(base=600.0)),
    )
    return deps.ladders(deps.gate())[kind.model]


def _score_rows(
    session: Any, kind: Kind, ids: Sequence[str], outcomes: Mapping[str, Any], rows: Mapping[str, Any]
) -> list[ScoreRow]:
    from crm_store.repositories.scores import ScoreRow
    from crm_store.repositories.subjects import listings
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
