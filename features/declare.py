"""The language in which features are declared: one declaration says everything about a feature.

Engines, Feast schema, trace, sentences and the catalog hash are all derived from these values.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from typing import Literal

from features.expressions import (
    Aggregate,
    Constant,
    Elapsed,
    Expr,
    Now,
    Selection,
    aggregates_of,
    inputs_of,
)

Dtype = Literal["float64", "string"]
Unit = Literal["count", "hours", "days", "seconds", "money", "share", "ratio", "flag", "points", "word"]
Language = Literal["zh", "en"]
Words = tuple[str, str]  # Chinese, English
Value = float | str | None

HOUR, DAY_LONG = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Entity:
    """Someone features are about; ``key`` is the column by which sources and Feast name it."""

    name: str
    key: str
    title: Words


LEAD = Entity("lead", "lead_id", ("线索", "Lead"))
ACCOUNT = Entity("account", "account_id", ("客户", "Account"))
REP = Entity("rep", "rep_id", ("销售", "Rep"))
FIT = Entity("fit", "fit_id", ("销售与同类线索", "Rep with leads of a kind"))
ENTITIES: Mapping[str, Entity] = {entity.name: entity for entity in (LEAD, ACCOUNT, REP, FIT)}
# Composed of others' features and of the request when they are asked for: features/composed.py.
PAIR = Entity("pair", "pair_id", ("线索与销售", "Lead and rep"))
REQUEST = Entity("request", "request_id", ("请求", "Request"))

LEAD_STATES = Selection("lead_states")
ACCOUNT_STATES = Selection("account_states")
ACTIVITIES = Selection("activities")
ORDERS = Selection("orders")
TICKET_EVENTS = Selection("ticket_events")
CONTRACT_EVENTS = Selection("contract_events")
REP_STATES = Selection("rep_states")
REP_EVENTS = Selection("rep_events")
FIT_EVENTS = Selection("fit_events")
LEAVE_EVENTS = Selection("leave_events")
NOW = Now()

# The field's word for a two-way exchange; the other channels are traces a visitor leaves.
CONVERSATIONS = ("chat", "call", "email", "meeting")
INTERACTIONS = (*CONVERSATIONS, "site", "download", "search")


def lead_flow(via: Literal["campaign", "channel", "market"], event: str) -> Selection:
    """Select the other leads' events of this lead's campaign or channel, or of the whole market."""
    return Selection("lead_flow", via=via, others=True).where(event=event)


@dataclass(frozen=True)
class Feature:
    """One feature: what it is called, how it is worked out, and how it is said.

    ``value`` holds source, filter, function and window; a row counts from its ``recorded_at`` on
    (``known_from``). ``sentence`` contains ``{value}``. Numbers are float64, counts and flags too.
    Names ending in ``_y`` are refused because Feast's DuckDB store drops such columns. ``names`` says what
    people call the codes that a word can be, ``absent`` what it means that there is no value.
    """

    name: str
    entity: Entity
    group: str
    value: Expr
    dtype: Dtype
    unit: Unit
    title: Words
    sentence: Words
    owner: str
    names: tuple[tuple[str, Words], ...] = ()
    absent: Words | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(rf"{self.entity.name}_[a-z0-9_]*[a-z0-9]", self.name) or self.name.endswith("_y"):
            raise ValueError(f"{self.name!r} is no name for a feature of {self.entity.name}")
        if not all(self.title) or not all("{value}" in words for words in self.sentence):
            raise ValueError(f"{self.name} needs a title and a sentence with {{value}} in both languages")
        if not self.aggregates and not self.inputs:
            raise ValueError(f"{self.name} has no records behind it, so no trace")

    @cached_property
    def aggregates(self) -> tuple[Aggregate, ...]:
        """The figures it is made of, each once."""
        return tuple(dict.fromkeys(aggregates_of(self.value)))

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """The features and facts of the request that it is composed of, each once."""
        return tuple(dict.fromkeys(inputs_of(self.value)))

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the source tables it reads."""
        return tuple(dict.fromkeys(figure.selection.source for figure in self.aggregates))

    @property
    def windows(self) -> tuple[timedelta | None, ...]:
        """The windows it looks back over; None is all time."""
        return tuple(dict.fromkeys(figure.within for figure in self.aggregates))

    @property
    def function(self) -> str:
        """The name of its function, or ``formula`` when it combines several figures."""
        return self.value.kind if isinstance(self.value, Aggregate) else "formula"

    @property
    def known_from(self) -> str:
        """The moment from which a row counts, whatever moment it speaks of."""
        return " · ".join([*(f"{source}.recorded_at" for source in self.sources), *self.inputs])

    def say(self, value: Value, language: Language) -> str:
        """Return the sentence with this value, or what it means that there is none."""
        at = 0 if language == "zh" else 1
        if value is None or value != value:
            if self.absent is not None:
                return self.absent[at]
            return f"{self.title[at]}：{'无记录'}" if language == "zh" else f"{self.title[at]}: not on record"
        named = dict(self.names).get(value) if isinstance(value, str) else None
        return self.sentence[at].format(value=named[at] if named else written(value, self.unit, language))


def written(value: float | str, unit: Unit, language: Language) -> str:
    """Return a value as people write it in its unit."""
    if isinstance(value, str):
        return value
    if unit == "flag":
        return (("否", "no"), ("是", "yes"))[value > 0][0 if language == "zh" else 1]
    if unit == "share":
        return f"{value:.1%}"
    if unit == "money" or float(value).is_integer():
        return f"{value:,.0f}"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if unit == "ratio" else f"{value:.1f}"


@dataclass(frozen=True)
class Group:
    """Features that belong together and who answers for them; ``feature`` declares one of them."""

    entity: Entity
    name: str
    owner: str

    def feature(
        self,
        name: str,
        value: Expr,
        unit: Unit,
        title: Words,
        sentence: Words,
        dtype: Dtype = "float64",
        absent: Words | None = None,
    ) -> Feature:
        """Declare a feature of this group; ``name`` goes without the entity in front."""
        full = f"{self.entity.name}_{name}"
        return Feature(
            full, self.entity, self.name, value, dtype, unit, title, sentence, self.owner, absent=absent
        )

    def word(
        self,
        name: str,
        value: Expr,
        title: Words,
        sentence: Words,
        names: tuple[tuple[str, Words], ...] = (),
    ) -> Feature:
        """Declare a feature that is a word, e.g. a category; ``names`` says what people call its codes."""
        absent = (f"未填写{title[0]}", f"{title[1]} not given")
        return replace(self.feature(name, value, "word", title, sentence, "string", absent), names=names)

    def times(self, name: str, rows: Selection, window: int | None, title: Words) -> Feature:
        """Declare how often something happened in ``window`` days, or ever: ``name``_30d, ``name``_all."""
        zh, en = title
        within = None if window is None else timedelta(days=window)
        zh_when, en_when = ("累计", "ever") if window is None else (f"近{window}天", f"in {window} days")
        return self.feature(
            f"{name}_all" if window is None else f"{name}_{window}d",
            count(rows, within),
            "count",
            (f"{zh_when}{zh}", f"{en[0].upper()}{en[1:]}, {en_when}"),
            (f"{zh_when}{zh} {{value}} 次", f"{{value}} {en} {en_when}"),
        )

    def since(self, name: str, rows: Selection, title: Words) -> Feature:
        """Declare how many days ago something last happened: days_since_``name``."""
        zh, en = title
        return self.feature(
            f"days_since_{name}",
            Elapsed(last_at(rows), NOW, DAY_LONG),
            "days",
            (f"距上次{zh}天数", f"Days since the last {en}"),
            (f"距上次{zh} {{value}} 天", f"{{value}} days since the last {en}"),
            absent=(f"尚无{zh}记录", f"No {en} on record"),
        )


def count(rows: Selection, within: timedelta | None = None) -> Aggregate:
    """How many rows; 0 when none."""
    return Aggregate("count", rows, None, within)


def distinct(rows: Selection, column: str, within: timedelta | None = None) -> Aggregate:
    """How many different known values; 0 when none."""
    return Aggregate("distinct", rows, column, within)


def total(rows: Selection, column: str, within: timedelta | None = None) -> Aggregate:
    """The sum of the known values; 0 when none."""
    return Aggregate("total", rows, column, within)


def mean(rows: Selection, column: str, within: timedelta | None = None) -> Aggregate:
    """The mean of the known values."""
    return Aggregate("mean", rows, column, within)


def largest(rows: Selection, column: str, within: timedelta | None = None) -> Aggregate:
    """The largest known value."""
    return Aggregate("largest", rows, column, within)


def smallest(rows: Selection, column: str, within: timedelta | None = None) -> Aggregate:
    """The smallest known value."""
    return Aggregate("smallest", rows, column, within)


def latest(rows: Selection, column: str) -> Aggregate:
    """The value on the last row, None if that row does not know it."""
    return Aggregate("latest", rows, column)


def first_at(rows: Selection) -> Aggregate:
    """When the first of the rows happened."""
    return Aggregate("smallest", rows, "occurred_at")


def last_at(rows: Selection) -> Aggregate:
    """When the last of the rows happened."""
    return Aggregate("largest", rows, "occurred_at")


def hours(start: Expr, end: Expr = NOW) -> Elapsed:
    """Hours from one moment to another, by default to the as-of moment."""
    return Elapsed(start, end, HOUR)


def days_between(start: Expr, end: Expr = NOW) -> Elapsed:
    """Days, with their fraction, from one moment to another, by default to the as-of moment."""
    return Elapsed(start, end, DAY_LONG)


def days(n: int) -> timedelta:
    """A window of n times 24 hours."""
    return timedelta(days=n)


def ratio(part: Expr, whole: Expr) -> Expr:
    """One by the other; None when the other is 0."""
    return part / whole


def smoothed(part: Expr, whole: Expr, prior: Expr, weight: float) -> Expr:
    """Pull a rate over few cases towards a prior: (part + weight·prior) / (whole + weight).

    The posterior mean of a binomial rate under a beta prior of that weight (Gelman et al., Bayesian Data
    Analysis, 3rd ed., section 2.4).
    """
    return (part + prior * Constant(weight)) / (whole + Constant(weight))
