"""The preset for the public Olist files: seller leads, won deals, what the sellers then sold, and sellers.

What is known when: a lead on the day of its first contact; its win, its account and its owner on the day of
the win; a seller's place from its first sale or win on, whichever came first. Nothing else in the deals
file is read, because it exists only after the win.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from crm_store.domain.ids import stable_id
from crm_store.imports.batches import Batch
from crm_store.imports.cells import parse_column
from crm_store.imports.jobs import ImportReport, check_header, run_import
from crm_store.imports.loading import Load
from crm_store.imports.mapping import ColumnMapping, ColumnRule
from crm_store.imports.reader import CsvRows, examine
from crm_store.imports.records import Loaded, RecordImport, Version
from crm_store.repositories import problems
from crm_store.repositories.problems import Problem, StoreError
from crm_store.repositories.writes import bulk
from crm_store.repositories.writes.bulk import Progress, add_history

SOURCE = "olist"
ACTOR = f"import:{SOURCE}"
_REASON = f"import {SOURCE}"
FILES = {
    "leads": "olist_marketing_qualified_leads_dataset.csv",
    "deals": "olist_closed_deals_dataset.csv",
    "items": "olist_order_items_dataset.csv",
    "sellers": "olist_sellers_dataset.csv",
}
# A few items bear shipping dates of 2020, long after the data ends.
_END = datetime(2020, 1, 1, tzinfo=UTC)


def _mapping(entity: Any, *rules: ColumnRule, **constants: str | float) -> ColumnMapping:
    return ColumnMapping(name=SOURCE, entity=entity, source=SOURCE, columns=rules, constants=constants)


def _rule(column: str, field: str, **more: Any) -> ColumnRule:
    return ColumnRule(column=column, field=field, **more)


LEADS = _mapping(
    "lead",
    _rule("mql_id", "external_id"),
    _rule("first_contact_date", "recorded_at"),
    _rule("origin", "channel"),
    _rule("landing_page_id", "campaign"),
)
DEALS = _mapping(
    "lead",
    _rule("mql_id", "external_id"),
    _rule("won_date", "closed_at"),
    _rule("seller_id", "account_id"),
    _rule("sr_id", "owner_id"),
    status="won",
)
ITEMS = _mapping(
    "order_snapshot",
    _rule("order_id", "external_id", join=("order_item_id",)),
    _rule("seller_id", "account_id"),
    _rule("shipping_limit_date", "occurred_at", before=_END),
    _rule("price", "amount"),
    _rule("freight_value", "freight"),
    _rule("product_id", "product"),
    quantity=1.0,
)
SELLERS = _mapping(
    "account",
    _rule("seller_id", "external_id"),
    _rule("seller_state", "region"),
    _rule("seller_city", "city"),
)
_SALE_DATES = (_rule("seller_id", "external_id"), _rule("shipping_limit_date", "occurred_at", before=_END))
_WIN_DATES = (_rule("seller_id", "external_id"), _rule("won_date", "created_at"))


def import_olist(
    engine: Engine,
    folder: Path,
    *,
    rejects_folder: Path,
    now: datetime,
    progress: Progress | None = None,
) -> dict[str, ImportReport]:
    """Import the folder of four files and return a report for each: leads, deals, items, sellers.

    A rerun adds nothing. Raises StoreError, before anything is written, when a file or a column is missing.
    """
    paths = _paths(folder)
    for kind, mapping in (("sellers", SELLERS), ("leads", LEADS), ("deals", DEALS), ("items", ITEMS)):
        check_header(paths[kind], mapping)
    steps = _Steps(engine, paths, rejects_folder, now, _shared(progress, paths))
    return steps.run()


def _paths(folder: Path) -> dict[str, Path]:
    paths = {kind: folder / name for kind, name in FILES.items()}
    missing = [path.name for path in paths.values() if not path.is_file()]
    if missing:
        listed = ", ".join(missing)
        raise StoreError(
            Problem("missing_file", None, f"文件夹中缺少：{listed}", f"the folder lacks: {listed}")
        )
    return paths


@dataclass(frozen=True)
class _Steps:
    """The import in the order that references need: reps and accounts, leads, wins, items."""

    engine: Engine
    paths: dict[str, Path]
    rejects_folder: Path
    now: datetime
    progress: dict[str, Progress | None]

    def run(self) -> dict[str, ImportReport]:
        reps = _first_seen(self.paths["deals"], (_rule("sr_id", "external_id"), _WIN_DATES[1]))
        deals = _first_seen(self.paths["deals"], (_rule("sdr_id", "external_id"), _WIN_DATES[1]))
        self._add("rep", _earliest(reps, deals), "Rep")
        wins = _first_seen(self.paths["deals"], _WIN_DATES)
        known_since = _earliest(wins, _first_seen(self.paths["items"], _SALE_DATES))
        sellers = self._job("sellers", SELLERS, _SellerLoad(self, known_since))
        self._add("account", wins, "Seller")
        return {
            "sellers": sellers,
            "leads": self._job("leads", LEADS),
            "deals": self._job("deals", DEALS, _DealLoad(self)),
            "items": self._job("items", ITEMS),
        }

    def _job(self, kind: str, mapping: ColumnMapping, load: Load | None = None) -> ImportReport:
        return run_import(
            self.engine,
            mapping,
            self.paths[kind],
            rejects_folder=self.rejects_folder,
            now=self.now,
            who=SOURCE,
            progress=self.progress[kind],
            load=load,
        )

    def _add(self, entity: str, since: dict[str, datetime], title: str) -> None:
        """Create the records that files only mention; the files give them no name."""
        rows = [_row(entity, one, moment, {"name": _name(title, one)}) for one, moment in since.items()]
        bulk.load_history(self.engine, entity, rows, actor=ACTOR, reason=_REASON, now=self.now)


@dataclass(frozen=True)
class _SellerLoad:
    """Sellers become accounts, known since their first sale or win."""

    steps: _Steps
    since: dict[str, datetime]

    def __call__(self, session: Session, batch: Batch) -> Loaded:
        rows, now = list(self._rows(batch)), self.steps.now
        connection = session.connection()
        return Loaded(add_history(connection, "account", rows, actor=ACTOR, reason=_REASON, now=now), [])

    def _rows(self, batch: Batch) -> Iterator[dict[str, Any]]:
        for seller in batch.table.to_pylist():
            one = seller["external_id"]
            fields = {"name": _name("Seller", one), "region": seller["region"], "city": seller["city"]}
            yield _row("account", one, self.since.get(one, self.steps.now), fields)


@dataclass(frozen=True)
class _DealLoad:
    """A deal is a later version of its lead. One of them is dated before its lead: known with the lead."""

    steps: _Steps

    def __call__(self, session: Session, batch: Batch) -> Loaded:
        records = RecordImport(DEALS, ACTOR, self.steps.now)
        rows = batch.table.drop_columns(["id", "recorded_at"]).to_pylist()
        leads = records.stored(session, (row["external_id"] for row in rows))
        versions, refused = [], []
        for place, row in enumerate(rows):
            one = row.pop("external_id")
            if one not in leads:
                refused.append(batch.refuse(place, problems.unknown_reference("mql_id", "lead")))
            elif row["closed_at"] is None:
                refused.append(batch.refuse(place, problems.required("won_date")))
            else:
                recorded_at = max(row["closed_at"], leads[one]["updated_at"])
                versions.append(Version(leads[one]["id"], one, recorded_at, row, place))
        updated = records.update(session, versions, leads, batch)
        return Loaded(updated.added, refused + updated.refused)


def _row(entity: str, external_id: str, moment: datetime, fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": stable_id(entity, SOURCE, external_id),
        "source": SOURCE,
        "external_id": external_id,
        "recorded_at": moment,
        "fields": fields,
    }


def _name(title: str, external_id: str) -> str:
    return f"{title} {external_id[:8]}"


def _first_seen(path: Path, rules: tuple[ColumnRule, ColumnRule]) -> dict[str, datetime]:
    """Return the earliest moment at which each id occurs in a file; rows that do not parse do not count."""
    entity = "order_snapshot" if rules[1].field == "occurred_at" else "lead"
    mapping = _mapping(entity, *rules)
    found: dict[str, datetime] = {}
    with CsvRows(path, examine(path)) as rows:
        places = [_place(rows.header, rule.column) for rule in rules]
        for chunk in rows.chunks():
            columns = [
                parse_column([row[place] for row in chunk.rows], rule, mapping)[0]
                for rule, place in zip(rules, places, strict=True)
            ]
            firsts = pa.table(columns, ["id", "at"]).drop_null().group_by("id").aggregate([("at", "min")])
            found = _earliest(
                found, dict(zip(firsts["id"].to_pylist(), firsts["at_min"].to_pylist(), strict=True))
            )
    return found


def _place(header: list[str], column: str) -> int:
    if column not in header:
        raise StoreError(problems.missing_column(column))
    return header.index(column)


def _earliest(one: dict[str, datetime], other: dict[str, datetime]) -> dict[str, datetime]:
    return one | {key: min(moment, one.get(key, moment)) for key, moment in other.items()}


def _shared(progress: Progress | None, paths: dict[str, Path]) -> dict[str, Progress | None]:
    """Give each file its part of one progress bar, in bytes."""
    if progress is None:
        return dict.fromkeys(paths)
    sizes = {kind: path.stat().st_size for kind, path in paths.items()}
    total, before = sum(sizes.values()), 0
    parts: dict[str, Progress | None] = {}
    for kind in ("sellers", "leads", "deals", "items"):
        parts[kind] = _part(progress, before, sizes[kind], total)
        before += sizes[kind]
    return parts


def _part(progress: Progress, before: int, size: int, total: int) -> Progress:
    return lambda done, of: progress(before + size * done // max(of, 1), total)
