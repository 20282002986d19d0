"""A rule document that has passed every check, and what the engine and the reasons need of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from crm_store.domain.scores import DEFAULT_BANDS, Bands


@dataclass(frozen=True)
class ReasonTable:
    """A decision table with an ``effect`` column: each of its rows that fires is a reason.

    ``path`` is where the node puts its output ("" for the top); ``conditions`` maps a row's id to the
    signals it tests, in column order.
    """

    node: str
    path: str
    conditions: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, eq=False)
class RuleDocument:
    """One immutable version of a rule document.

    ``scale`` says whether ``score`` is 0–100 or open-ended points; ``probability`` whether value/100 is
    the chance of the good outcome ("value") or its complement that of the loss ("loss"). ``digest`` is the
    SHA-256 of the canonical JSON, and ``content`` the part that the engine runs: metadata stays outside.
    """

    name: str
    version: str
    entity: str
    title: tuple[str, str]
    signals: tuple[str, ...]
    scale: Literal["0-100", "points"]
    probability: Literal["value", "loss"] | None
    digest: str
    content: Mapping[str, object] = field(repr=False)
    tables: tuple[ReasonTable, ...] = field(repr=False)
    bands: Bands = DEFAULT_BANDS
