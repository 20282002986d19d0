"""Which page came before: the store's cursors only lead forward."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Final

from serving.workbench.addresses import ListState

_REMEMBERED_PAGES: Final = 20_000


class Trail:
    """Remembers, for pages somebody was shown, which page came before: cursors only lead forward.

    Bounded and in memory; whoever opens an address it has forgotten can still go to the first page.
    """

    def __init__(self, limit: int = _REMEMBERED_PAGES) -> None:
        self._before: OrderedDict[str, ListState] = OrderedDict()
        self._limit = limit
        self._lock = Lock()

    def walked(self, here: ListState, following: ListState) -> None:
        """Note that one page follows another."""
        with self._lock:
            self._before[following.url()] = here
            self._before.move_to_end(following.url())
            while len(self._before) > self._limit:
                self._before.popitem(last=False)

    def before(self, state: ListState) -> ListState | None:
        """Return the page before this one, if it is known."""
        with self._lock:
            return self._before.get(state.url())
