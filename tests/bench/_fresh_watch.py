"""Watches one run: when each event stands in the feed, in the online features, and in a score."""

import json
import time
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from crm_store.models import ScoreLog
from crm_store.repositories.history.consumers import FRESH, standing
from crm_store.repositories.history.feed import feed_end, read_feed
from pipelines.runtime import Runtime
from tests.bench._fresh_load import WARM

PAUSE = 0.01
AFTER_SECONDS = 20.0
CHATS = "lead_chats_all"


class Watch:
    """What is still awaited, and how long the others took."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._folder = runtime.settings.folder
        self._log = (self._folder / "events.jsonl").open()
        for _ in range(WARM):
            self._log.readline()
        with runtime.sessions() as session:
            self._cursor = feed_end(session)
            self._last_score = session.scalar(select(ScoreLog.id).order_by(ScoreLog.id.desc()).limit(1)) or 0
        self.events: dict[str, tuple[str, int, float]] = {}
        self._in_feed: dict[str, float] = {}
        self._awaited: dict[str, dict[str, None]] = {"features": {}, "score": {}}
        self.latencies: dict[str, list[float]] = {"features": [], "score": [], "noop": []}
        self.appended = 0

    def look(self) -> bool:
        """Look at everything once; return whether anything is awaited."""
        self._new_events()
        self._feed()
        self._features()
        self._scores()
        return any(self._awaited.values()) or len(self.latencies["noop"]) < len(self.events)

    def _new_events(self) -> None:
        while line := self._log.readline():
            if not line.endswith("\n"):  # half written
                self._log.seek(self._log.tell() - len(line))
                return
            fact_id, lead_id, count, at = json.loads(line)
            self.events[fact_id] = (lead_id, count, at)
            for awaited in self._awaited.values():
                awaited[fact_id] = None

    def _feed(self) -> None:
        """Be the consumer that does nothing."""
        with self._runtime.sessions() as session:
            page = read_feed(session, self._cursor, 1_000, ("activity",))
        now, self._cursor = time.time(), page.next_cursor
        for event in page.items:
            self._in_feed[event.entity_id] = now
        for fact_id in [one for one in self._in_feed if one in self.events]:
            seen_at = self._in_feed.pop(fact_id)
            self.latencies["noop"].append(max(seen_at - self.events[fact_id][2], 1e-4))

    def _features(self) -> None:
        awaited = self._awaited["features"]
        if not awaited:
            return
        ids = list({self.events[one][0] for one in awaited})
        found = self._runtime.features.online("lead", ids, [CHATS])
        now = time.time()
        chats = {one: (row or {}).get(CHATS) or 0.0 for one, row in zip(ids, found.values, strict=True)}
        for fact_id in list(awaited):
            lead_id, count, at = self.events[fact_id]
            if float(str(chats[lead_id])) >= count:
                self.latencies["features"].append(now - at)
                del awaited[fact_id]

    def _scores(self) -> None:
        awaited = self._awaited["score"]
        if not awaited:
            return
        with self._runtime.sessions() as session:
            reached = standing(session, FRESH)
            query = select(ScoreLog.id, ScoreLog.entity_id, ScoreLog.as_of).where(
                ScoreLog.id > self._last_score
            )
            new: list[Any] = list(session.execute(query))
        now = time.time()
        self._last_score = max([self._last_score, *(row.id for row in new)])
        self.appended += len(new)
        as_of: dict[str, datetime] = defaultdict(lambda: datetime.min.replace(tzinfo=UTC))
        for row in new:
            as_of[row.entity_id] = max(as_of[row.entity_id], row.as_of)
        for fact_id in list(awaited):
            lead_id, _, at = self.events[fact_id]
            committed = datetime.fromtimestamp(at, UTC)
            dealt_with = (
                reached is not None and reached.reached_at is not None and reached.reached_at > committed
            )
            if as_of[lead_id] > committed or dealt_with:
                self.latencies["score"].append(now - at)
                del awaited[fact_id]


def main() -> None:
    """Watch until the load is done and everything has arrived, or too long."""
    runtime = Runtime.at()
    watch, deadline = Watch(runtime), None
    folder = runtime.settings.folder
    watch.look()
    (folder / "watching").touch()
    while deadline is None or time.monotonic() < deadline:
        awaited = watch.look()
        if (folder / "done").exists():
            deadline = deadline or time.monotonic() + AFTER_SECONDS
            if not awaited:
                break
        time.sleep(PAUSE)
    times = [at for _, _, at in watch.events.values()]
    rate = len(times) / max(max(times) - min(times), 1e-9)
    seen = {
        "events": len(times),
        "per_second": rate,
        "latencies": watch.latencies,
        "appended": watch.appended,
    }
    (folder / "seen.json").write_text(json.dumps(seen))


if __name__ == "__main__":
    main()
