"""Pulling orders: each page of rows and the watermark behind it are one transaction.

Of an order only the last date, amount and delivery state are taken, and each change of them is one new
``order_snapshot`` fact. An order whose customer is not known waits in a file and is tried again.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.orm import Session, sessionmaker

from crm_store.connectors.orders import PULL_EVERY, RETRY_AFTER, OrderConnector, OrderRow
from crm_store.connectors.waiting import Waiting
from crm_store.database import transaction
from crm_store.domain.ids import stable_id
from crm_store.repositories import connector_state
from crm_store.repositories.connector_state import Told
from crm_store.repositories.problems import Problem, StoreError


@dataclass
class PullReport:
    """How a pull went. ``waiting`` orders are in ``waiting_file``, with the reason."""

    read: int = 0
    added: int = 0
    waiting: int = 0
    watermarks: dict[str, str] = field(default_factory=dict)
    waiting_file: Path | None = None


def due(sessions: sessionmaker[Session], names: Iterable[str], now: datetime) -> list[str]:
    """Return the connectors that are to be pulled by now: every four hours, sooner after a failure."""
    with sessions() as session:
        states = {state.name: state for state in connector_state.list_states(session)}

    def is_due(name: str) -> bool:
        state = states.get(name)
        if state is None or state.last_run_at is None:
            return True
        return now - state.last_run_at >= (PULL_EVERY if state.last_error is None else RETRY_AFTER)

    return [name for name in names if is_due(name)]


def pull_orders(
    sessions: sessionmaker[Session], connector: OrderConnector, *, folder: Path, now: datetime
) -> PullReport:
    """Take what is new from a connector. A repeated pull adds nothing; a killed one goes on.

    ``folder`` keeps the file of waiting orders. Raises StoreError when the outside system cannot be read;
    what was committed before stays, and the error is kept with the connector's state.
    """
    pull = _Pull(sessions, connector, Waiting(folder / f"{connector.name}.waiting.jsonl"), now)
    try:
        return pull.run()
    except StoreError as error:
        if error.problem.code != "pull_elsewhere":
            with transaction(sessions) as session:
                problem = error.problem
                connector_state.record_error(
                    session, connector.name, f"{problem.code}: {problem.zh} / {problem.en}", now
                )
        raise


class _Pull:
    """One pull of one connector."""

    def __init__(
        self, sessions: sessionmaker[Session], connector: OrderConnector, waiting: Waiting, now: datetime
    ) -> None:
        self._sessions, self._connector, self._waiting, self._now = sessions, connector, waiting, now
        self._settings = connector.settings
        self._marks: dict[str, str | None] = {}
        self._report = PullReport()
        self._uncounted = 0

    def run(self) -> PullReport:
        self._settle(self._waiting.orders(), {})
        for page in self._connector.pages(self._mark, self._now):
            self._report.read += len(page.rows) + len(page.bad)
            if page.bad:
                self._waiting.keep(page.bad)
                self._waiting.save()
            self._settle(page.rows, page.marks)
        with transaction(self._sessions) as session:
            name = self._connector.name
            connector_state.advance(
                session, name, self._mark(name), self._mark(name), self._uncounted, self._now
            )
        self._report.waiting = len(self._waiting)
        self._report.waiting_file = self._waiting.path if len(self._waiting) else None
        return self._report

    def _mark(self, name: str) -> str | None:
        if name not in self._marks:
            with self._sessions() as session:
                state = connector_state.get_state(session, name)
            self._marks[name] = None if state is None else state.watermark
        return self._marks[name]

    def _settle(self, rows: Sequence[OrderRow], marks: dict[str, str]) -> None:
        """Commit one page and the watermarks behind it."""
        with transaction(self._sessions) as session:
            connection = session.connection()
            accounts = self._accounts(connection, rows)
            taken = [row for row in rows if accounts[row] is not None]
            unknown = [row for row in rows if accounts[row] is None]
            facts = self._facts(connection, {row: account for row in taken if (account := accounts[row])})
            added = connector_state.add_orders(connection, facts)
            for name, watermark in marks.items():
                rows_behind = self._uncounted + added
                connector_state.advance(session, name, self._mark(name), watermark, rows_behind, self._now)
            if unknown:
                self._waiting.keep(unknown, _UNKNOWN_CUSTOMER)
                self._waiting.save()
        self._uncounted = 0 if marks else self._uncounted + added
        self._marks |= marks
        self._report.watermarks |= marks
        self._report.added += added
        if self._waiting.release(taken):
            self._waiting.save()

    def _accounts(self, connection: Connection, rows: Sequence[OrderRow]) -> dict[OrderRow, str | None]:
        """Return each row's account: by its outside id, else by its credit code, else by its exact name."""

        def found(column: str, words: Iterable[str | None], source: str | None = None) -> Any:
            return connector_state.accounts_by(connection, column, {one for one in words if one}, source)

        by_id = found("external_id", (row.customer for row in rows), self._settings.account_source)
        by_code = found("credit_code", (row.credit_code for row in rows))
        by_name = found("name", (row.customer_name for row in rows))
        return {
            row: by_id.get(row.customer or "")
            or by_code.get(row.credit_code or "")
            or by_name.get(row.customer_name or "")
            for row in rows
        }

    def _facts(self, connection: Connection, accounts: dict[OrderRow, str]) -> list[dict[str, Any]]:
        """Return a fact for each order that is not as it was, from the oldest news to the latest."""
        orders = {row.number: (account, row.occurred_at) for row, account in accounts.items()}
        told = connector_state.told_of_orders(connection, self._settings.source, orders)
        facts = []
        for row in sorted(accounts, key=lambda one: (one.updated_at, one.number)):
            recorded_at = min(row.updated_at, self._now)
            before = told.get(row.number)
            if before is not None and _says_nothing_new(row, recorded_at, before):
                continue
            told[row.number] = Told(recorded_at, row.amount, row.delivery_state)
            facts.append(self._fact(row, accounts[row], recorded_at, before))
        return facts

    def _fact(
        self, row: OrderRow, account: str, recorded_at: datetime, before: Told | None
    ) -> dict[str, Any]:
        source, external_id = self._settings.source, _outside_id(row, recorded_at, before)
        return {
            "id": stable_id("order_snapshot", source, external_id),
            "source": source,
            "external_id": external_id,
            "account_id": account,
            "occurred_at": row.occurred_at,
            "recorded_at": recorded_at,
            "amount": row.amount,
            "delivery_state": row.delivery_state,
        }


def _says_nothing_new(row: OrderRow, recorded_at: datetime, before: Told) -> bool:
    same = (row.amount, row.delivery_state) == (before.amount, before.delivery_state)
    return same or recorded_at < before.recorded_at


def _outside_id(row: OrderRow, recorded_at: datetime, before: Told | None) -> str:
    """Return number@moment; two edits within one tick of the clock are told apart by their values."""
    moment = f"{row.updated_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}"
    if before is not None and before.recorded_at == recorded_at:
        values = f"{row.occurred_at}|{row.amount}|{row.delivery_state}"
        moment += f"#{hashlib.blake2b(values.encode(), digest_size=4).hexdigest()}"
    return f"{row.number}@{moment}"


_UNKNOWN_CUSTOMER = Problem(
    "unknown_customer",
    "customer",
    "找不到该订单的客户：请先导入客户，或补充外部编号、统一社会信用代码；之后会自动重试",
    "no account is this order's customer: import it, or give one its outside id, and it is taken",
)
