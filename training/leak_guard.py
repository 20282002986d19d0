"""The leak guard: which columns of a table were only known once the outcome was, and why.

Where it stands when a value became known (``known_at``, or a column such as ``amount_known_at``), that
decides. A flat file rarely says so; then evidence does, and one hint alone never suffices:

- alone: the column ranks the outcome nearly perfectly, and far better than all the others together;
- copy: a column of two values that repeats the outcome, or its opposite, but for some slips;
- one side: it is filled, not zero, or dated after the row's moment for one outcome only;
- written after: its dates lie behind the row's moment, and it is named after an end rather than a plan;
- own mean: it is the mean of the outcome over a group, the row's own outcome included.

A strong column that stays within what honest columns reach is kept. Names only ever support.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from training.arrays import Bools
from training.leak_evidence import (
    FOLDS,
    Codes,
    State,
    Strength,
    common_values,
    gap_days,
    group_mean_gain,
    states_of,
    strength,
    text_strength,
    together,
)
from training.leak_words import STATES, Refusal, refusal
from training.tables.columns import Column, read_columns
from training.tables.errors import TableRefused
from training.tables.words import AFTERWARDS, KNOWN_AT, PLANNED

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 60_000  # more rows than this sharpen no verdict

NEAR_PERFECT = 0.965  # no honest column of ours ranks winners this well by itself
STRONG = 0.90  # suspicious where everything else together falls well behind
MARGIN = 0.06
NAMED_STRONG = 0.86  # suspicious for a column that is named after an end
HONEST = 0.86  # what a good honest column reaches alone; such columns are what others are measured by
COPY = 0.85  # mean of the two rates of agreement of a two-valued column
PURE, PURE_COVERAGE = 0.98, 0.25
RATIO, RATIO_COVERAGE = 10.0, 0.35
LEAST_ROWS = 12
_ROUNDS = 4
LATE_SHARE = 0.01  # of known-at times that may lie behind the moment, for clocks that differ


def check_table(
    frame: pd.DataFrame,
    target: str,
    time: str | None = None,
    group: str | None = None,
    known_at: Mapping[str, str] | None = None,
) -> dict[str, Refusal]:
    """Return the columns of a table (n rows) that leak the outcome ``target``, each with its reason.

    ``time`` names the moment at which a row is to be scored, ``group`` what rows belong together by.
    ``known_at`` maps a column to the column that says when its value became known; columns called
    ``<column>_known_at`` (or 录入时间 and the like) are found by themselves. Raises TableRefused for a
    column that isn't there, and for a target without exactly two values.
    """
    from training.tables.reading import table_of
    from training.tables.target import read_target

    table = table_of(frame)
    for name in (target, time, group, *(known_at or {}), *(known_at or {}).values()):
        if name is not None and name not in table.column_names:
            raise TableRefused("column_missing", name, ", ".join(table.column_names))
    outcome = read_target(target, table.column(target))
    columns = read_columns(table.drop_columns([target]))
    return find_leaks(columns, outcome.labels, outcome.known, time, group, known_at)


def find_leaks(
    columns: Mapping[str, Column],
    labels: Bools,
    known: Bools,
    time: str | None = None,
    group: str | None = None,
    known_at: Mapping[str, str] | None = None,
) -> dict[str, Refusal]:
    """Return the leaking columns of a table that was read; rows with no ``known`` outcome are left out."""
    rows = np.flatnonzero(known)
    if len(rows) > MOST_ROWS:
        rows = np.sort(np.random.default_rng(0).choice(rows, MOST_ROWS, replace=False))
    given = {name: _taken(column, rows) for name, column in columns.items()}
    told = labels[rows]
    moment = given.get(time) if time is not None else None
    witnesses = {**known_at_columns(columns), **(known_at or {})}
    asked = {
        name: column
        for name, column in given.items()
        if name not in (time, group) and name not in witnesses.values() and column.kind != "constant"
    }
    guard = _Guard(told, moment, given.get(group) if group is not None else None)
    return guard.judge(asked, {name: given[witness] for name, witness in witnesses.items()})


def known_at_columns(columns: Mapping[str, Column]) -> dict[str, str]:
    """Return column → the column that says when its value became known, as their names tell."""
    found = {}
    for name, column in columns.items():
        match = KNOWN_AT.match(name)
        if match and column.kind == "moment" and match["column"] in columns:
            found[match["column"]] = name
    return found


def _taken(column: Column, rows: Any) -> Column:
    values = column.values.iloc[rows].reset_index(drop=True)
    return Column(column.name, column.kind, values, column.filled[rows])


class _Guard:
    """One table's outcome, against which each column is judged."""

    def __init__(self, labels: Bools, time: Column | None, group: Column | None) -> None:
        self.labels, self.time, self.group = labels, time, group
        self.fold: Codes = np.random.default_rng(7).permutation(len(labels)) % FOLDS

    def judge(self, columns: Mapping[str, Column], witnesses: Mapping[str, Column]) -> dict[str, Refusal]:
        strengths = {name: self._strength(column) for name, column in columns.items()}
        refused: dict[str, Refusal] = {}
        # what is refused no longer counts among the others that a column is compared with, so look again
        for _ in range(_ROUNDS):
            honest = {n: one for n, one in strengths.items() if one.auc < HONEST and n not in refused}
            found = {
                name: verdict
                for name, column in columns.items()
                if name not in refused
                and (verdict := self._verdict(column, strengths[name], honest, columns, witnesses))
            }
            if not found:
                break
            refused |= found
        return {name: refused[name] for name in columns if name in refused}

    def _verdict(
        self,
        column: Column,
        found: Strength,
        honest: Mapping[str, Strength],
        columns: Mapping[str, Column],
        witnesses: Mapping[str, Column],
    ) -> Refusal | None:
        others = {name: one for name, one in honest.items() if name != column.name}
        rest = together(others, self.labels)
        return (
            self._known_later(column, witnesses.get(column.name))
            or self._restates(column, found, rest)
            or self._one_sided(column)
            or self._too_strong(column, found, rest)
            or self._written_after(column, found, rest)
            or self._own_mean(column, columns)
        )

    def _strength(self, column: Column) -> Strength:
        if column.kind == "text":
            return text_strength(column, self.labels, self.fold)
        return strength(column, self.labels, self.time, self.fold)

    def _known_later(self, column: Column, witness: Column | None) -> Refusal | None:
        gap = gap_days(witness, self.time) if witness is not None else None
        if gap is None or np.isnan(gap).all():
            return None
        late = float((gap[~np.isnan(gap)] > 0).mean())
        return refusal(column, "known_later", late=late) if late > LATE_SHARE else None

    def _restates(self, column: Column, found: Strength, rest: float) -> Refusal | None:
        figures = {"auc": found.auc, "rest": rest}
        if found.auc >= NEAR_PERFECT and (found.auc - rest >= 0.02 or found.auc >= 0.995):
            return refusal(column, "near_perfect", **figures)
        agreement = self._agreement(column)
        if agreement >= COPY and found.auc - rest >= MARGIN / 2:
            return refusal(column, "copy_of_target", agreement=agreement, **figures)
        return None

    def _too_strong(self, column: Column, found: Strength, rest: float) -> Refusal | None:
        sure = found.auc - found.error
        figures = {"auc": found.auc, "rest": rest}
        named = bool(AFTERWARDS.search(column.name)) and not PLANNED.search(column.name)
        if sure >= STRONG - 0.01 and found.auc >= STRONG and found.auc - rest >= MARGIN:
            return refusal(column, "too_strong", **figures)
        if named and found.auc >= NAMED_STRONG and sure >= NAMED_STRONG - 0.03 and found.auc - rest >= MARGIN:
            return refusal(column, "too_strong", **figures)
        return None

    def _agreement(self, column: Column) -> float:
        """Mean of the two rates at which a two-valued column agrees with the outcome, or its opposite."""
        if column.kind == "text" or column.values.nunique() != 2 or column.filled.mean() < 0.5:
            return 0.0
        first = column.values.dropna().iloc[0]
        side, labels = (
            (column.values == first).to_numpy(dtype=bool)[column.filled],
            self.labels[column.filled],
        )
        if labels.all() or not labels.any():
            return 0.0
        rates = float(side[labels].mean()), float((~side[~labels]).mean())
        if sum(rates) < 1:
            rates = 1 - rates[0], 1 - rates[1]
        return sum(rates) / 2 if min(rates) >= COPY - 0.1 else 0.0

    def _one_sided(self, column: Column) -> Refusal | None:
        if column.kind == "text" or (column.kind == "id" and column.filled.all()):
            return None
        for state in states_of(column, self.time):
            opposite = State("empty", ~state.rows) if state.name == "filled" else None
            for one in (state, opposite):
                shares = self._sided(one, PURE_COVERAGE, RATIO) if one is not None else None
                if one is not None and shares is not None:
                    return self._told_one_sided(column, one.name, shares)
        if column.kind == "category":
            for state in common_values(column, LEAST_ROWS):
                shares = self._sided(state, PURE_COVERAGE + 0.1, 4 * RATIO)
                if shares is not None:
                    return self._told_one_sided(column, state.name, shares)
        return None

    def _told_one_sided(self, column: Column, state: str, shares: tuple[float, float]) -> Refusal:
        zh, en = STATES.get(state, (f"为“{state}”", f"“{state}”"))
        return refusal(column, "one_sided", state_zh=zh, state_en=en, own=shares[0], other=shares[1])

    def _sided(self, state: State, coverage: float, ratio: float) -> tuple[float, float] | None:
        """The state's share of the one outcome and of the other, if it all but belongs to one of them."""
        for labels in (self.labels, ~self.labels):
            own, other = int(state.rows[labels].sum()), int(state.rows[~labels].sum())
            rows, mine, theirs = own + other, int(labels.sum()), int((~labels).sum())
            expected = rows * theirs / len(labels)  # of the other outcome, if the state said nothing
            if own < LEAST_ROWS or expected < LEAST_ROWS:
                continue
            shares = own / mine, other / theirs
            pure = own / rows >= PURE and other <= 0.05 * expected and shares[0] >= coverage
            uneven = shares[0] >= max(RATIO_COVERAGE, coverage) and shares[0] >= ratio * shares[1]
            if pure or uneven:
                return shares
        return None

    def _written_after(self, column: Column, found: Strength, rest: float) -> Refusal | None:
        gap = gap_days(column, self.time)
        if gap is None or np.isnan(gap).all() or PLANNED.search(column.name):
            return None
        after = float((gap[~np.isnan(gap)] > 0).mean())
        named = bool(AFTERWARDS.search(column.name))
        if after >= 0.9 and (named or found.auc >= max(rest, 0.75)):
            return refusal(column, "written_after", after=after, auc=found.auc)
        return None

    def _own_mean(self, column: Column, columns: Mapping[str, Column]) -> Refusal | None:
        if column.kind != "number" or column.values.nunique() < 4:
            return None
        groups = [*columns.values(), *([self.group] if self.group is not None else [])]
        for group in groups:
            whole = group.values.dtype.kind == "f" and bool((group.values.dropna() % 1 == 0).all())
            if group.name == column.name or group.kind not in ("category", "id", "number"):
                continue
            if group.values.dtype.kind == "f" and not whole:
                continue
            distinct = group.values.nunique()
            if not 5 <= distinct <= 0.7 * len(self.labels):
                continue
            correlation, gain = group_mean_gain(column, group.values.to_numpy(), self.labels)
            if correlation >= 0.88 and gain >= 0.04:
                return refusal(column, "own_outcome", group=group.name, correlation=correlation, gain=gain)
        return None
