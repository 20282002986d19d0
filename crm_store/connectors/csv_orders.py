"""Orders from the files that an ERP drops into a folder. Each file is taken once, known by its content."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from crm_store.connectors.orders import BadRow, CsvOrders, Marks, OrderRow, Page, RowReader
from crm_store.imports.files import Rows, open_rows
from crm_store.imports.guarding import unguard
from crm_store.imports.headers import plain
from crm_store.imports.sheets import fingerprint
from crm_store.repositories.problems import Problem, StoreError, missing_column

# A file that changed a moment ago may still be written.
_SETTLED = timedelta(seconds=30)
_ENDINGS = {".csv", ".xlsx"}
_DIGEST = 16


class CsvOrderConnector:
    """Reads files oldest first; a file is done when its last page is committed.

    One that was read in part, before a kill, is read again from its beginning: the rows know themselves.
    """

    def __init__(self, name: str, settings: CsvOrders) -> None:
        self.name, self.settings = name, settings
        self._reader = RowReader(settings)

    def pages(self, marks: Marks, now: datetime) -> Iterator[Page]:
        """Yield the rows of files not taken yet. Raises StoreError when one cannot be read."""
        for path, changed_at in self._files(now):
            mark = f"{self.name}/{fingerprint(path)[:_DIGEST]}"
            if marks(mark) is None:
                yield from self._pages_of(path, changed_at, mark)

    def _files(self, now: datetime) -> list[tuple[Path, datetime]]:
        folder = Path(self.settings.folder)
        if not folder.is_dir():
            zh, en = (
                f"连接器 {self.name} 的文件夹不存在",
                f"the folder of connector {self.name} does not exist",
            )
            raise StoreError(Problem("connector_unreachable", None, zh, en))
        files = [path for path in folder.iterdir() if path.suffix.lower() in _ENDINGS and path.is_file()]
        dated = [(path, datetime.fromtimestamp(path.stat().st_mtime, UTC)) for path in files]
        settled = [(path, changed_at) for path, changed_at in dated if changed_at <= now - _SETTLED]
        return sorted(settled, key=lambda one: (one[1], one[0].name))

    def _pages_of(self, path: Path, changed_at: datetime, mark: str) -> Iterator[Page]:
        columns = self.settings.columns.named()
        default = None if "updated_at" in columns else changed_at
        with open_rows(path, {plain(name) for name in columns.values()}) as rows:
            for name in columns.values():
                if name not in rows.header:
                    raise StoreError(missing_column(name))
            places = {what: rows.header.index(name) for what, name in columns.items()}
            for orders, bad in self._read(rows, places, default):
                yield Page(orders, bad, {})
        yield Page([], [], {mark: changed_at.isoformat()})

    def _read(
        self, rows: Rows, places: dict[str, int], default: datetime | None
    ) -> Iterator[tuple[list[OrderRow], list[BadRow]]]:
        for chunk in rows.chunks(self.settings.page_rows):
            bad = [BadRow({"line": str(line)}, problem) for line, problem, _ in chunk.unreadable]
            orders: list[OrderRow] = []
            for cells in chunk.rows:
                raw: dict[str, Any] = {
                    what: unguard(cells[place]) if rows.guarded else cells[place]
                    for what, place in places.items()
                }
                read = self._reader.read(raw, default)
                if isinstance(read, OrderRow):
                    orders.append(read)
                else:
                    bad.append(read)
            yield orders, bad
