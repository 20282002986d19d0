"""An ERP with one table of orders, and pulls from it: for the tests of connectors."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    DateTime,
    MetaData,
    Numeric,
    String,
    Table,
    create_engine,
    insert,
    select,
    update,
)
from sqlalchemy.orm import Session, sessionmaker

from crm_store.connectors.orders import Marks, OrderColumns, Page, SqlOrders
from crm_store.connectors.pull import PullReport, pull_orders
from crm_store.connectors.sql_orders import SqlOrderConnector
from crm_store.database import transaction
from crm_store.domain.ids import stable_id
from crm_store.models import OrderSnapshot
from crm_store.repositories.writes.records import write_record

NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)
DAY = datetime(2026, 5, 20, tzinfo=UTC)
ORDERS = Table(
    "so_header",
    MetaData(),
    Column("order_no", String(40), primary_key=True),
    Column("cust", String(40)),
    Column("tax_no", String(40)),
    Column("cust_name", String(80)),
    Column("ordered", DateTime(timezone=True)),
    Column("total", Numeric(14, 2)),
    Column("status", String(20)),
    Column("changed", DateTime(timezone=True)),
)
COLUMNS = OrderColumns(
    number="order_no",
    customer="cust",
    credit_code="tax_no",
    customer_name="cust_name",
    occurred_at="ordered",
    amount="total",
    state="status",
    updated_at="changed",
)


class Erp:
    """The other database: one table of orders."""

    def __init__(self, url: str) -> None:
        self.engine = create_engine(url)
        ORDERS.create(self.engine)

    def put(self, number: str, **values: Any) -> None:
        """Enter an order, or change it."""
        row = {
            "cust": "A",
            "ordered": DAY,
            "total": 100,
            "status": "待排产",
            "changed": NOW - timedelta(hours=3),
        }
        with self.engine.begin() as connection:
            known = connection.scalar(select(ORDERS.c.order_no).where(ORDERS.c.order_no == number))
            if known is None:
                connection.execute(insert(ORDERS).values(row | values | {"order_no": number}))
            else:
                connection.execute(update(ORDERS).where(ORDERS.c.order_no == number).values(values))


class Pull:
    """Pulls, and looks at what has come of it."""

    def __init__(self, sessions: sessionmaker[Session], url: str, folder: Path) -> None:
        self.sessions, self.url, self.folder = sessions, url, folder

    def settings(self, **change: Any) -> SqlOrders:
        given = {"source": "erp", "account_source": "crm", "columns": COLUMNS, "timezone": "UTC"}
        return SqlOrders.model_validate(given | {"url": self.url, "table": "so_header"} | change)

    def __call__(
        self, now: datetime = NOW, between: Callable[[int], None] | None = None, **change: Any
    ) -> PullReport:
        connector = SqlOrderConnector("erp", self.settings(**change))
        if between is not None:
            connector = Interrupted(connector, between)  # type: ignore[assignment]
        return pull_orders(self.sessions, connector, folder=self.folder, now=now)

    def account(self, external_id: str, name: str, credit_code: str | None = None) -> None:
        values = {"source": "crm", "external_id": external_id, "name": name, "credit_code": credit_code}
        with transaction(self.sessions) as session:
            one = stable_id("account", "crm", external_id)
            write_record(session, "account", one, values, actor="user:li", recorded_at=DAY, now=NOW)

    def states(self, number: str) -> list[tuple[str | None, float]]:
        """Return the states of an order, in the order in which they became known."""
        query = select(OrderSnapshot).where(OrderSnapshot.external_id.startswith(f"{number}@"))
        with self.sessions() as session:
            found = session.scalars(query.order_by(OrderSnapshot.recorded_at)).all()
        return [(one.delivery_state, one.amount) for one in found]

    def all(self) -> list[str]:
        with self.sessions() as session:
            return list(session.scalars(select(OrderSnapshot.external_id)))


class Interrupted:
    """A connector during whose pages something else happens."""

    def __init__(self, connector: SqlOrderConnector, between: Callable[[int], None]) -> None:
        self.name, self.settings = connector.name, connector.settings
        self._connector, self._between = connector, between

    def pages(self, marks: Marks, now: datetime) -> Iterator[Page]:
        for number, page in enumerate(self._connector.pages(marks, now)):
            yield page
            self._between(number)
