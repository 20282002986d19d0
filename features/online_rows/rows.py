"""What a keeper of packed rows can do."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from features.online_rows.layout import Layout

Item = tuple[bytes, bytes]
"""A key and its packed row."""


class Rows(Protocol):
    """Keeps one packed row per view and key. A row with an earlier event never replaces a later one."""

    def put(self, view: str, layout: Layout, items: Iterable[Item]) -> None:
        """Write rows, all or none of a batch visible at once to later reads of a key."""
        ...

    def get(self, view: str, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the rows in the order of the keys, None where there is none."""
        ...

    def layout(self, digest: bytes) -> Layout | None:
        """Return a layout that rows have been written with."""
        ...

    def drop(self, view: str) -> None:
        """Forget every row of a view."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
