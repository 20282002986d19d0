"""A challenger in the champion's shadow: it scores the same live rows, apart from the requests.

A request only puts its rows into a bounded queue; a thread scores them and keeps both scores side by side, to
be compared once outcomes are known. When the thread falls behind, rows are left out: requests never wait.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from queue import Empty, Full, Queue
from threading import Thread

from crm_store.domain.scores import Score
from serving.champions import Absent, Champion, Champions
from serving.ladder import Answer, Row

log = logging.getLogger("leadpulse.serving")
_BATCHES = 256
_ROWS = 512
_REMEMBERED = 50_000


@dataclass(frozen=True)
class Pair:
    """What answered a subject and what the challenger would have, from the same row."""

    entity_id: str
    live: Score
    shadow: Score


Keep = Callable[[str, Sequence[Pair]], None]
_Batch = tuple[str, Mapping[str, Row], Mapping[str, Answer]]


class Shadow:
    """Called with every answered batch; see ``ladder.Observer``. ``keep`` writes pairs down and may raise."""

    def __init__(self, challengers: Champions, keep: Keep) -> None:
        self._challengers, self._keep = challengers, keep
        self._waiting: Queue[_Batch | None] = Queue(_BATCHES)
        self._seen: dict[tuple[str, str], tuple[str, datetime]] = {}
        self.dropped = 0
        self._thread = Thread(target=self._run, name="shadow", daemon=True)
        self._thread.start()

    def __call__(self, model: str, rows: Mapping[str, Row], answers: Mapping[str, Answer]) -> None:
        """Queue a batch, if there is a challenger to try and room for it."""
        if isinstance(self._challengers.current(model), Absent):
            return
        try:
            self._waiting.put_nowait((model, rows, answers))
        except Full:
            self.dropped += 1

    def close(self, seconds: float = 10.0) -> None:
        """Work on what waits, and end."""
        self._waiting.put(None)
        self._thread.join(seconds)

    def _run(self) -> None:
        while (batch := self._waiting.get()) is not None:
            batches, ended = [batch], False
            while sum(len(rows) for _, rows, _ in batches) < _ROWS and not ended:
                try:
                    more = self._waiting.get_nowait()
                except Empty:
                    break
                ended = more is None
                if more is not None:
                    batches.append(more)
            for model in {model for model, _, _ in batches}:
                self._try(model, [(rows, answers) for name, rows, answers in batches if name == model])
            if ended:
                return

    def _try(self, model: str, batches: Sequence[tuple[Mapping[str, Row], Mapping[str, Answer]]]) -> None:
        try:
            challenger = self._challengers.current(model)
            if isinstance(challenger, Champion):
                pairs = self._pairs(model, challenger, batches)
                if pairs:
                    self._keep(model, pairs)
        except Exception as error:
            log.warning("shadow_failed", extra={"model": model, "error": type(error).__name__})

    def _pairs(
        self,
        model: str,
        challenger: Champion,
        batches: Sequence[tuple[Mapping[str, Row], Mapping[str, Answer]]],
    ) -> list[Pair]:
        """Score each subject once per row and challenger: a lead looked at a hundred times is one lead."""
        fresh: dict[str, tuple[Row, Score]] = {}
        for rows, answers in batches:
            for entity_id, row in rows.items():
                known = self._seen.get((model, entity_id))
                if entity_id in answers and known != (challenger.version, row[1]):
                    fresh[entity_id] = (row, answers[entity_id].score)
        if not fresh:
            return []
        moment = next(iter(fresh.values()))[0][1]
        scores = challenger.scorer.score([row[0] for row, _ in fresh.values()], moment)
        for entity_id, (row, _) in fresh.items():
            self._seen[model, entity_id] = (challenger.version, row[1])
        while len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]
        return [
            Pair(entity_id, live, score)
            for (entity_id, (_, live)), score in zip(fresh.items(), scores, strict=True)
        ]
