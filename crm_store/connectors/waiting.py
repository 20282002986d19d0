"""Orders that could not be taken yet: kept in a file with the reason, and tried again at every pull.

The file is replaced whole, before the page that adds to it commits, and after the page that takes from it
has: a kill between leaves an order there twice, never nowhere.
"""

import json
import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from crm_store.connectors.orders import BadRow, OrderRow
from crm_store.repositories.problems import Problem

Entry = dict[str, Any]


class Waiting:
    """The orders of one connector that wait for their customer, or for a correction."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._entries: dict[str, Entry] = {}
        if path.exists():
            lines = path.read_text("utf-8").splitlines()
            self._entries = {_key(entry): entry for entry in map(json.loads, lines)}

    def __len__(self) -> int:
        return len(self._entries)

    def orders(self) -> list[OrderRow]:
        """Return those that are orders, to be tried again."""
        found = [entry["order"] for entry in self._entries.values() if "order" in entry]
        return [
            OrderRow(
                **order
                | {name: datetime.fromisoformat(order[name]) for name in ("occurred_at", "updated_at")}
            )
            for order in found
        ]

    def keep(self, rows: Iterable[OrderRow | BadRow], problem: Problem | None = None) -> None:
        """Add rows, with what is wrong with each."""
        for row in rows:
            why = row.problem if isinstance(row, BadRow) else problem
            entry: Entry = {"code": why.code, "zh": why.zh, "en": why.en} if why else {}
            if isinstance(row, OrderRow):
                moments = {name: getattr(row, name).isoformat() for name in ("occurred_at", "updated_at")}
                entry["order"] = row.__dict__ | moments
            else:
                entry["values"] = row.values
            self._entries[_key(entry)] = entry

    def release(self, rows: Iterable[OrderRow]) -> bool:
        """Forget orders that were taken; say whether any was there."""
        keys = {f"{row.number}@{row.updated_at.isoformat()}" for row in rows} & self._entries.keys()
        for key in keys:
            del self._entries[key]
        return bool(keys)

    def save(self) -> None:
        """Replace the file in one step; an empty one disappears."""
        if not self._entries:
            self.path.unlink(missing_ok=True)
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_name(f".{self.path.name}.part")
        lines = [json.dumps(entry, ensure_ascii=False) for entry in self._entries.values()]
        with temporary.open("w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path)


def _key(entry: Entry) -> str:
    if "order" in entry:
        return f"{entry['order']['number']}@{entry['order']['updated_at']}"
    return json.dumps(entry["values"], sort_keys=True, ensure_ascii=False)
