"""Puts a generated company into a store. A second load of the same company adds nothing."""

from datetime import datetime
from typing import TYPE_CHECKING

from crm_store.models import Activity, OrderSnapshot
from crm_store.repositories.writes.bulk import load_facts, load_history
from pipelines.demo_company import DemoCompany, Progress

if TYPE_CHECKING:
    from sqlalchemy import Engine

# a record is loaded before those that point at it
ORDER = (
    "team",
    "rep",
    "account",
    "contact",
    "lead",
    "opportunity",
    "ticket",
    "contract",
    "campaign",
    "product",
    "territory",
    "leave",
    "contact_relation",
    "device",
    "delivery",
    "evidence",
)
ACTOR = "import:demo"
REASON = "synthetic demo company"
_FACTS: dict[str, type[Activity] | type[OrderSnapshot]] = {
    "activity": Activity,
    "order_snapshot": OrderSnapshot,
}


def load(
    engine: "Engine", company: DemoCompany, now: datetime, progress: Progress | None = None
) -> dict[str, int]:
    """Write the company to the store and return the rows added: record versions and facts, by name.

    ``progress`` is called with (rows done, rows in all). Each kind is a transaction of its own, and records
    that exist already are left alone, so a load that was cut short is finished by running it again.
    """
    steps = _Steps(company, progress)
    added = {}
    for entity in ORDER:
        rows = company.histories[entity]
        added[entity] = load_history(
            engine, entity, rows, actor=ACTOR, reason=REASON, now=now, progress=steps.part
        )
        steps.finish(len(rows))
    for name, model in _FACTS.items():
        added[name] = load_facts(engine, model, company.facts[name])
        steps.finish(company.facts[name].num_rows)
    return added


class _Steps:
    """Adds the progress of the parts up to one count of rows."""

    def __init__(self, company: DemoCompany, progress: Progress | None) -> None:
        self._progress = progress
        self._done = 0
        self._total = sum(map(len, company.histories.values()))
        self._total += sum(table.num_rows for table in company.facts.values())

    def part(self, done: int, _total: int) -> None:
        if self._progress is not None:
            self._progress(self._done + done, self._total)

    def finish(self, rows: int) -> None:
        self._done += rows
        self.part(0, 0)
