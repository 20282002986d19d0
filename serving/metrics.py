"""Prometheus metrics: requests by route, scores by source and rung."""

from __future__ import annotations

import math
import os
from collections import Counter as Tally
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from serving.kinds import KINDS
from serving.ladder import Answer, Outcome

__all__ = ["CONTENT_TYPE_LATEST", "Metrics"]
# Seconds. A score takes a few milliseconds; 0.3 is the promise for the slowest in a hundred.
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Feed:
    """How far the fresh scores have followed the feed: seconds behind (None: never begun), events so far."""

    lag: float | None
    events: int


class Metrics:
    """The counters of one app. Labels come from closed sets: routes, never paths with ids."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "leadpulse_http_requests", "Requests", ["method", "route", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "leadpulse_http_request_seconds",
            "Time to answer",
            ["route"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._scores = Counter(
            "leadpulse_scores", "Scores given", ["model", "source", "rung", "why"], registry=self.registry
        )
        self._unscored = Counter(
            "leadpulse_unscored", "Ids without a score", ["model", "code"], registry=self.registry
        )
        self._by_labels: dict[tuple[str, str, str], Counter] = {}
        self._by_route: dict[str, Histogram] = {}
        for kind in KINDS:
            self._scores.labels(kind.model, "model", "model", "")

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        labels = method, route, str(status)
        counter = self._by_labels.get(labels)
        if counter is None:
            counter = self._by_labels[labels] = self._requests.labels(*labels)
            self._by_route.setdefault(route, self._seconds.labels(route))
        counter.inc()
        self._by_route[route].observe(seconds)

    def outcomes(self, model: str, outcomes: Iterable[Outcome]) -> None:
        """Count what became of each id."""
        tally: Tally[tuple[str, ...]] = Tally(
            (o.score.source, o.rung, o.why or "") if isinstance(o, Answer) else (o.code,) for o in outcomes
        )
        for labels, count in tally.items():
            family = self._scores if len(labels) > 1 else self._unscored
            family.labels(model, *labels).inc(count)

    def exposition(self, feed: Feed | None = None) -> bytes:
        """Return the text that Prometheus scrapes; with several workers, of all of them."""
        return self._counted() + (b"" if feed is None else _feed_lines(feed))

    def _counted(self) -> bytes:
        shared = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
        if not shared or not Path(shared).is_dir():
            return generate_latest(self.registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=shared)  # type: ignore[no-untyped-call]
        return generate_latest(registry)


def _feed_lines(feed: Feed) -> bytes:
    """Return how far behind the feed the fresh scores are; it is read off the store, not counted here."""
    registry = CollectorRegistry()
    lag = Gauge(
        "leadpulse_feed_lag_seconds",
        "Age of the last moment until which every event is in features and scores",
        registry=registry,
    )
    lag.set(math.inf if feed.lag is None else feed.lag)
    events = Counter("leadpulse_feed_events", "Events that are in features and scores", registry=registry)
    events.inc(feed.events)
    return generate_latest(registry)
