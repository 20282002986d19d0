"""What a connector gives of an order, whichever system it comes from, and how one is configured."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, model_validator

from crm_store.imports.cells import moment_of
from crm_store.imports.mapping import ZoneName
from crm_store.models.base import from_micros
from crm_store.repositories import problems
from crm_store.repositories.problems import Problem, StoreError

PULL_EVERY = timedelta(hours=4)
"""How often the job runner pulls: what salespeople were promised."""
RETRY_AFTER = timedelta(minutes=15)
"""How soon a pull that failed is tried again."""

STATES = {
    "已发货": "shipped",
    "发货": "shipped",
    "已出库": "shipped",
    "shipped": "shipped",
    "生产中": "in_production",
    "在产": "in_production",
    "in production": "in_production",
    "in_production": "in_production",
    "待排产": "to_schedule",
    "未排产": "to_schedule",
    "to schedule": "to_schedule",
    "to_schedule": "to_schedule",
    "已验收": "accepted",
    "accepted": "accepted",
}
"""Words of an ERP → the delivery states of the store; a connector adds its own."""

_EARLIEST, _LATEST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


class OrderColumns(BaseModel):
    """Which column holds what. ``number`` is unique; one of the three that name the customer is needed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: str
    occurred_at: str
    amount: str
    state: str | None = None
    updated_at: str | None = None
    customer: str | None = None
    credit_code: str | None = None
    customer_name: str | None = None

    def named(self) -> dict[str, str]:
        """Return what is held → column, of the columns that there are."""
        return {what: column for what, column in self.model_dump().items() if column is not None}

    @model_validator(mode="after")
    def _names_the_customer(self) -> "OrderColumns":
        if not (self.customer or self.credit_code or self.customer_name):
            raise ValueError("customer, credit_code or customer_name must name a column")
        return self


class OrderSettings(BaseModel):
    """What every order connector is told.

    ``source`` names the system in the store, ``account_source`` the one whose ids its customers have.
    ``states`` are further words for delivery states. ``overlap_minutes`` are read again below the watermark:
    rows that were written earlier than they were committed turn up there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Annotated[str, Field(min_length=1, max_length=40)]
    account_source: Annotated[str, Field(min_length=1, max_length=40)]
    columns: OrderColumns
    states: dict[str, Literal["to_schedule", "in_production", "shipped", "accepted"]] = {}
    timezone: ZoneName = "Asia/Shanghai"
    overlap_minutes: Annotated[int, Field(ge=0, le=60 * 24 * 7)] = 60
    page_rows: Annotated[int, Field(ge=1, le=10_000)] = 1_000


class SqlOrders(OrderSettings):
    """Orders in a table or view of any database that SQLAlchemy reaches."""

    kind: Literal["sql"] = "sql"
    url: str
    table: Annotated[str, Field(min_length=1, max_length=128)]
    schema_name: str | None = None
    timeout_s: Annotated[int, Field(ge=1, le=600)] = 30

    @model_validator(mode="after")
    def _has_a_watermark(self) -> "SqlOrders":
        if self.columns.updated_at is None:
            raise ValueError("columns.updated_at must name the column that says when a row last changed")
        return self


class CsvOrders(OrderSettings):
    """Orders in the CSV or XLSX files of a folder. Without ``updated_at``, a file's own time counts."""

    kind: Literal["csv"] = "csv"
    folder: str


@dataclass(frozen=True)
class OrderRow:
    """What an outside system says of one order. ``updated_at``: when it said so, by its own clock."""

    number: str
    customer: str | None
    credit_code: str | None
    customer_name: str | None
    occurred_at: datetime
    amount: float
    delivery_state: str | None
    updated_at: datetime


class BadRow(NamedTuple):
    """A row that is no order: what it held, and what is wrong."""

    values: dict[str, str | None]
    problem: Problem


class Page(NamedTuple):
    """Some rows, and what the connector's state becomes once they are committed: mark → watermark."""

    rows: Sequence[OrderRow]
    bad: Sequence[BadRow]
    marks: dict[str, str]


Marks = Callable[[str], str | None]
"""Gives the committed watermark of a mark, None if it has none."""


class OrderConnector(Protocol):
    """Reads orders that are new or changed. Each page can be committed for itself."""

    name: str

    @property
    def settings(self) -> OrderSettings:
        """What it was told."""
        ...

    def pages(self, marks: Marks, now: datetime) -> Iterator[Page]:
        """Yield what changed after the watermarks, oldest first. Raises StoreError when it cannot be read."""
        ...


class RowReader:
    """Turns the raw cells of an outside row into an order, or says why not."""

    def __init__(self, settings: OrderSettings) -> None:
        self._zone = ZoneInfo(settings.timezone)
        self._states = {word.casefold(): state for word, state in (STATES | settings.states).items()}

    def read(self, raw: dict[str, Any], default_updated_at: datetime | None = None) -> OrderRow | BadRow:
        """Return the order that a row of what is held → cell describes."""
        try:
            return OrderRow(
                number=self._number(raw),
                customer=_text(raw.get("customer")),
                credit_code=(_text(raw.get("credit_code")) or "").upper() or None,
                customer_name=_text(raw.get("customer_name")),
                occurred_at=self.moment("occurred_at", raw.get("occurred_at")),
                amount=_amount(raw.get("amount")),
                delivery_state=self._state(raw.get("state")),
                updated_at=default_updated_at or self.moment("updated_at", raw.get("updated_at")),
            )
        except StoreError as error:
            return BadRow({name: _text(value) for name, value in raw.items()}, error.problem)

    def moment(self, field: str, value: Any) -> datetime:
        """Return a moment in UTC from whatever a database or a file gives. Raises StoreError."""
        found = self._moment(value)
        if found is None:
            raise StoreError(problems.wrong_type(field, "moment"))
        if not _EARLIEST <= found < _LATEST:
            zh, en = f"{field} 超出允许的日期范围", f"{field} lies outside the dates allowed"
            raise StoreError(Problem("date_out_of_range", field, zh, en))
        return found

    def _moment(self, value: Any) -> datetime | None:
        try:
            if isinstance(value, bool):
                return None
            if isinstance(value, int | float):
                return datetime.fromtimestamp(value, UTC)
            if isinstance(value, str):
                micros = moment_of(value.strip(), self._zone)
                return None if micros is None else from_micros(micros)
            if isinstance(value, date) and not isinstance(value, datetime):
                value = datetime(value.year, value.month, value.day)  # noqa: DTZ001 - its zone comes next
            if not isinstance(value, datetime):
                return None
            return (value if value.tzinfo else value.replace(tzinfo=self._zone)).astimezone(UTC)
        except (ValueError, OverflowError, OSError):
            return None

    def _number(self, raw: dict[str, Any]) -> str:
        number = _text(raw.get("number"))
        if number is None:
            raise StoreError(problems.required("number"))
        if len(number) > _NUMBER_LENGTH:
            raise StoreError(problems.too_long("number", _NUMBER_LENGTH))
        return number

    def _state(self, value: Any) -> str | None:
        word = _text(value)
        if word is None:
            return None
        state = self._states.get(word.casefold())
        if state is None:
            raise StoreError(problems.not_allowed("state", tuple(self._states)))
        return state


# With its moment an order's number must fit into an outside id.
_NUMBER_LENGTH = 80


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).replace("\x00", "").strip() or None


def _amount(value: Any) -> float:
    text = (_text(value) or "").replace(",", "").lstrip("¥￥")
    try:
        amount = float(text)
    except ValueError:
        amount = float("nan")
    if amount != amount or abs(amount) == float("inf"):
        raise StoreError(problems.required("amount") if not text else problems.wrong_type("amount", "float"))
    return amount
