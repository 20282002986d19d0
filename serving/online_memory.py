"""Online rows, read once and kept while the online store stays untouched: never older, only quicker."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock

from serving.online import OnlineReader

Revision = Callable[[], Hashable | None]
_Row = tuple[Mapping[str, object] | None, datetime | None]
# A file system's clock ticks every few milliseconds. What was written less than this long ago may be written
# again within the same tick without a trace, so nothing is kept until then (as Git does with its index).
SETTLED_NS = 100_000_000


@dataclass(frozen=True)
class KnownRows:
    """Rows in the order asked."""

    values: list[Mapping[str, object] | None]
    as_of: list[datetime | None]


class RememberingReader:
    """An online reader that keeps up to ``size`` rows until ``revision`` changes; None keeps nothing."""

    def __init__(self, reader: OnlineReader, revision: Revision, size: int = 20_000) -> None:
        self._reader = reader
        self._revision = revision
        self._size = size
        self._lock = Lock()
        self._kept: dict[tuple[str, str], _Row] = {}
        self._kept_at: Hashable | None = None

    def online(self, entity: str, ids: Sequence[str]) -> KnownRows:
        """Return the rows of ``ids``, in order; raises what the reader raises."""
        before = self._revision()
        found = self._known(entity, ids, before)
        missing = [entity_id for entity_id in ids if entity_id not in found]
        if missing:
            read = self._reader.online(entity, missing)
            fresh = dict(zip(missing, zip(read.values, read.as_of, strict=True), strict=True))
            self._keep(entity, fresh, before)
            found |= fresh
        rows = [found[entity_id] for entity_id in ids]
        return KnownRows([values for values, _ in rows], [as_of for _, as_of in rows])

    def _known(self, entity: str, ids: Sequence[str], revision: Hashable | None) -> dict[str, _Row]:
        with self._lock:
            if revision is None or revision != self._kept_at:
                self._kept = {}
                self._kept_at = revision
                return {}
            return {i: self._kept[entity, i] for i in ids if (entity, i) in self._kept}

    def _keep(self, entity: str, rows: dict[str, _Row], before: Hashable | None) -> None:
        """Keep rows unless the store changed while they were read."""
        if before is None or self._revision() != before:
            return
        with self._lock:
            if self._kept_at != before:
                return
            for entity_id, row in rows.items():
                self._kept[entity, entity_id] = row
            while len(self._kept) > self._size:
                del self._kept[next(iter(self._kept))]


def sqlite_revision(database: Path, now_ns: Callable[[], int] = time.time_ns) -> Revision:
    """Return what changes with every commit to a SQLite file in WAL mode; None while that can't be told."""
    paths = (str(database), f"{database}-wal")

    def revision() -> Hashable | None:
        settled = now_ns() - SETTLED_NS
        stamps = tuple(_stamp(path) for path in paths)
        if stamps[0] is None or any(stamp is not None and stamp[0] > settled for stamp in stamps):
            return None
        return stamps

    return revision


def _stamp(path: str) -> tuple[int, int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
