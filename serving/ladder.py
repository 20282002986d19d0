"""The fallback ladder (product C8): every request is answered, by the best rung that can, and says which.

``segment``        the champion's model for the subject's own segment, from online features
``model``          the champion's general model, from online features
``rules_online``   rules, from online features
``rules_records``  rules, from features computed here from the record store, within a deadline
``last``           the last known score, with its age: from the log, or from memory while the store is down
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Literal

from crm_store.domain.scores import Score, Scorer
from features.catalog import CATALOG
from features.engines.python_engine import evaluate
from serving.champions import Absent, Champion, Champions, Standing
from serving.gate import DownError
from serving.kinds import Entity, Kind
from serving.online import OnlineGate
from serving.ports import Records, Subject
from serving.when import agreed, led, lost_by

log = logging.getLogger("leadpulse.serving")
Rung = Literal["segment", "model", "rules_online", "rules_records", "last"]
_ID = re.compile(r"[A-Za-z0-9_.:\-]{1,40}")
# Rows read at once: a long request lets short ones in between.
_ONLINE_CHUNK = 64


@dataclass(frozen=True)
class RuleSource:
    """A rule document as a scorer, and the features it reads."""

    scorer: Scorer
    signals: tuple[str, ...]


@dataclass(frozen=True)
class LadderLimits:
    """``fresh`` is how old online features may be; ``recompute`` is seconds, for a request and each row."""

    fresh: timedelta = timedelta(hours=48)
    recompute: float = 0.15
    recompute_per_row: float = 0.01


@dataclass(frozen=True)
class Answer:
    """A score and the rung it stands on.

    ``why`` says why the model did not answer, ``age`` is that of a last known score.
    """

    score: Score
    rung: Rung
    why: str | None = None
    money: float | None = None
    age: timedelta | None = None


@dataclass(frozen=True)
class NoAnswer:
    """An id without a score: a code of the error table."""

    code: str


Row = tuple[Mapping[str, object], datetime]
Observer = Callable[[str, Mapping[str, "Row"], Mapping[str, "Answer"]], None]
"""(model, rows by id, answers by id): told of every batch that was answered; must not wait or raise."""
Outcome = Answer | NoAnswer
Outcomes = dict[str, Outcome]


class Memory:
    """Model answers by id, good only for the very same features and champion: a shortcut, never older news.

    Attributing a score to its features is what costs most, and features of a lead change far more rarely
    than it is looked at. While the store can't give a last known score, the last of these is one. Holds up to
    ``size`` answers, the oldest go first; 0 remembers nothing.
    """

    def __init__(self, size: int = 20_000) -> None:
        self._size = size
        self._lock = Lock()
        self._kept: dict[str, tuple[Scorer, Row, Answer]] = {}

    def recall(self, scorer: Scorer, ids: Sequence[str], rows: Mapping[str, Row]) -> dict[str, Answer]:
        """Return what is known of ``ids`` for these rows."""
        answers = {}
        for entity_id in ids:
            kept = self._kept.get(entity_id)
            if kept is not None and kept[0] is scorer and kept[1] == rows[entity_id]:
                answers[entity_id] = kept[2]
        return answers

    def last(self, ids: Sequence[str]) -> dict[str, Score]:
        """Return the last score of ``ids``, whatever has changed since."""
        return {i: kept[2].score for i in ids if (kept := self._kept.get(i)) is not None}

    def keep(self, scorer: Scorer, answers: Mapping[str, Answer], rows: Mapping[str, Row]) -> None:
        """Remember answers."""
        with self._lock:
            for entity_id, answer in answers.items():
                self._kept[entity_id] = (scorer, rows[entity_id], answer)
            while len(self._kept) > self._size:
                del self._kept[next(iter(self._kept))]


@dataclass
class _Online:
    """Fresh rows by id, and why the others have none."""

    rows: dict[str, Row] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ladder:
    """Scores one kind of subject. Safe to call from several threads."""

    kind: Kind
    champions: Champions
    gate: OnlineGate
    rules: RuleSource
    records: Records
    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    limits: LadderLimits = field(default_factory=LadderLimits)
    memory: Memory = field(default_factory=Memory)
    timing_memory: Memory = field(default_factory=Memory)
    observe: Observer = lambda _model, _rows, _answers: None

    def answer(self, ids: Sequence[str]) -> Outcomes:
        """Return an outcome for every id; an id that occurs twice is scored once."""
        now = self.clock()
        wanted = [entity_id for entity_id in dict.fromkeys(ids) if _ID.fullmatch(entity_id)]
        outcomes: Outcomes = dict.fromkeys(ids, NoAnswer(self.kind.not_found))
        subjects = self._subjects(wanted)
        if subjects is not None:
            wanted = [entity_id for entity_id in wanted if entity_id in subjects]
        online = self._online(wanted, now)
        standing = self.champions.current(self.kind.model)
        why = {entity_id: self._obstacle(entity_id, standing, online, subjects, now) for entity_id in wanted}
        answers = self._by_model([i for i in wanted if why[i] is None], standing, online, self.memory)
        for entity_id in wanted:
            if why[entity_id] is None and entity_id not in answers:
                why[entity_id] = "bundle_broken"
        for step in (self._by_rules_online, self._by_rules_records, self._by_last):
            missing = [entity_id for entity_id in wanted if entity_id not in answers]
            if missing:
                answers |= step(missing, online, now)
        shown = answers | self._timed(answers, online, standing)
        nothing = NoAnswer("no_score" if subjects is not None else "store_unavailable")
        for entity_id in wanted:
            given = shown.get(entity_id)
            money = subjects[entity_id].money if subjects else None
            outcomes[entity_id] = replace(given, why=why[entity_id], money=money) if given else nothing
        self.observe(self.kind.model, online.rows, answers)
        return outcomes

    def _subjects(self, ids: Sequence[str]) -> dict[str, Subject] | None:
        """Return the records that exist, or None when the store doesn't answer: scores can do without."""
        try:
            return self.records.subjects(self.kind.entity, ids)
        except Exception as error:
            _note("store_unavailable", self.kind.model, error)
            return None

    def _online(self, ids: Sequence[str], now: datetime) -> _Online:
        online = _Online()
        for start in range(0, len(ids), _ONLINE_CHUNK):
            chunk = ids[start : start + _ONLINE_CHUNK]
            try:
                rows = self.gate.read(self.kind.entity, chunk)
            except DownError as down:
                code = "starting" if down.state == "starting" else "no_online_features"
                online.why |= dict.fromkeys(ids[start:], code)
                break
            for entity_id, values, as_of in zip(chunk, rows.values, rows.as_of, strict=True):
                if as_of is None:
                    online.why[entity_id] = "no_online_features"
                elif values is None or now - as_of > self.limits.fresh:
                    online.why[entity_id] = "stale_online_features"
                else:
                    online.rows[entity_id] = (values, as_of)
        return online

    def _obstacle(
        self,
        entity_id: str,
        standing: Standing,
        online: _Online,
        subjects: Mapping[str, Subject] | None,
        now: datetime,
    ) -> str | None:
        """Return why the model can't answer for an id, None if it can."""
        if isinstance(standing, Absent):
            return standing.code
        if entity_id in online.why:
            return online.why[entity_id]
        if standing.horizon and subjects and now - subjects[entity_id].created_at > standing.horizon:
            return "past_horizon"
        return None

    def _by_model(
        self, ids: Sequence[str], standing: Standing, online: _Online, memory: Memory
    ) -> dict[str, Answer]:
        if not ids or not isinstance(standing, Champion):
            return {}
        answers = memory.recall(standing.scorer, ids, online.rows)
        unknown = [entity_id for entity_id in ids if entity_id not in answers]
        computed = self._scored(standing.scorer, unknown, online.rows, "model")
        memory.keep(standing.scorer, computed, online.rows)
        return answers | computed

    def _timed(self, answers: Mapping[str, Answer], online: _Online, standing: Standing) -> dict[str, Answer]:
        """Say when as well, of whoever was answered and has online features, if a hazard is champion.

        Where both models speak of one contract the one that leads is believed, so that no two numbers differ.
        """
        if self.kind.timing is None:
            return {}
        ids = [entity_id for entity_id in answers if entity_id in online.rows]
        hazard = self.champions.current(self.kind.timing)
        decided = hazard.decided if isinstance(hazard, Champion) else None
        told = self._by_model(ids, hazard, online, self.timing_memory)
        self.observe(self.kind.timing, online.rows, told)
        timed = {}
        for entity_id, curve in told.items():
            score, weekly = answers[entity_id].score, curve.score.weekly
            week = decided.week(online.rows[entity_id][0]) if decided else None
            if decided and week and weekly and score.source == "model" and score.probability is not None:
                if decided.leads == "risk":
                    weekly = agreed(weekly, score.probability, week)
                elif isinstance(standing, Champion) and standing.points and week <= len(weekly):
                    score = led(score, lost_by(weekly)[week - 1], week, standing.points)
            timed[entity_id] = replace(answers[entity_id], score=replace(score, weekly=weekly))
        return timed

    def _by_rules_online(self, ids: Sequence[str], online: _Online, now: datetime) -> dict[str, Answer]:
        ids = [entity_id for entity_id in ids if entity_id in online.rows]
        return self._scored(self.rules.scorer, ids, online.rows, "rules_online")

    def _by_rules_records(self, ids: Sequence[str], online: _Online, now: datetime) -> dict[str, Answer]:
        stop_at = self.monotonic() + self.limits.recompute + self.limits.recompute_per_row * len(ids)
        rows: dict[str, Row] = {}
        sources = sources_of(self.kind.entity, self.rules.signals)
        try:
            for entity_id in ids:
                if self.monotonic() > stop_at:
                    break
                history = self.records.history(self.kind.entity, entity_id, sources)
                signals = evaluate(self.kind.entity, history, entity_id, now, self.rules.signals)
                rows[entity_id] = (signals, now)
        except Exception as error:
            _note("recompute_failed", self.kind.model, error)
        return self._scored(self.rules.scorer, list(rows), rows, "rules_records")

    def _by_last(self, ids: Sequence[str], online: _Online, now: datetime) -> dict[str, Answer]:
        try:
            past = self.records.latest(self.kind.model, ids)
        except Exception as error:
            _note("last_scores_unavailable", self.kind.model, error)
            known = self.memory.last(ids)
        else:
            known = {entity_id: kept.score for entity_id, kept in past.items()}
        return {
            entity_id: Answer(replace(score, source="last"), "last", age=now - score.as_of)
            for entity_id, score in known.items()
        }

    def _scored(
        self,
        scorer: Scorer,
        ids: Sequence[str],
        rows: Mapping[str, Row],
        rung: Rung,
    ) -> dict[str, Answer]:
        """Score ids whose signals are known; one that can't be scored is left for the next rung."""
        if not ids:
            return {}
        as_of = rows[ids[0]][1]
        scores = _scores(scorer, [rows[entity_id][0] for entity_id in ids], as_of, rung, self.kind.model)
        answers = {}
        for entity_id, score in zip(ids, scores, strict=True):
            if score is not None:
                own = rows[entity_id][1]
                step: Rung = "segment" if score.segment else rung
                answers[entity_id] = Answer(score if own == as_of else replace(score, as_of=own), step)
        return answers


def sources_of(entity: Entity, features: Sequence[str]) -> tuple[str, ...]:
    """Return the sources to read for some features: theirs, and the states that say which rows concern it."""
    read = {source for name in features if name in CATALOG for source in CATALOG[name].sources}
    return tuple(sorted(read | {f"{entity}_states"}))


def _scores(
    scorer: Scorer, signals: Sequence[Mapping[str, object]], as_of: datetime, rung: Rung, model: str
) -> Sequence[Score | None]:
    """Score a batch; when it fails, one by one, so that one bad row costs no other its score."""
    try:
        scores = scorer.score(signals, as_of)
        if len(scores) == len(signals):
            return scores
        raise ValueError("a scorer answered for another number of rows")
    except Exception as error:
        _note(f"{rung}_failed", model, error)
        if len(signals) == 1:
            return [None]
    return [_scores(scorer, [row], as_of, rung, model)[0] for row in signals]


def _note(event: str, model: str, error: Exception) -> None:
    details: dict[str, Any] = {"model": model, "error": type(error).__name__}
    log.warning(event, extra=details)
