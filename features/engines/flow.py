"""Rows shared by many entities (a campaign's, a channel's, the market's): figures by running sums.

Joining every lead with every row of its market would be leads × rows. Instead, a row counts for a window w
exactly while ``max(occurred_at, recorded_at) <= t < occurred_at + w``: it adds its share to a running sum
at the first moment and takes it back at the second. Rows and questions are laid on one line of time; the
stretch between two questions is summed up, then the stretches run on. The lead's own share is then taken off.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import reduce
from typing import Any

import ibis

from features.engines.columns import Column, Table, cell, holds, length, source
from features.expressions import Aggregate, Selection


@dataclass(frozen=True)
class _Share:
    """What a row adds to one running sum: 1 if it counts, or its value."""

    selection: Selection
    counted: bool
    column: str | None
    within: timedelta | None


class Flow:
    """The figures of one link. ``names`` says which column of ``beside`` each of them is."""

    def __init__(self, via: str, wanted: list[Aggregate]) -> None:
        self.via = via
        self.names = {figure: f"{via}_{n}" for n, figure in enumerate(wanted)}
        self.source = wanted[0].selection.source
        first = [f for f in wanted if f.kind == "smallest"]
        self._firsts = {figure: f"{via}_first_{n}" for n, figure in enumerate(first)}
        self._shares = {figure: _shares(figure) for figure in wanted if figure not in self._firsts}
        every = dict.fromkeys(share for pair in self._shares.values() for share in pair)
        self._sums = {share: f"{via}_sum_{n}" for n, share in enumerate(every)}

    def links(self) -> Table:
        """Return every value of the link that rows have, once."""
        table = source(self.source)
        return table.filter(table[self.via].notnull()).select(link=table[self.via]).distinct()

    def standing(self, questions: Table) -> Table:
        """Return link, t and every running sum as it stands at t, for distinct ``questions`` (link, t)."""
        line = self._line(questions)
        # A row at the moment of a question comes before it: 2t < 2t + 1.
        key = line["at"] * 2 + line.asks
        asked_by = ibis.range_window(preceding=None, following=0, group_by=line.link, order_by=key)
        line = line.mutate(stretch=line.asks.sum().over(asked_by) - line.asks)
        stretches = line.group_by(["link", "stretch"]).aggregate(
            t=line["at"].max(where=line.asks == 1),
            **{n: line[n].sum() for n in self._sums.values()},
            **{n: line[n].min() for n in self._firsts.values()},
        )
        past = ibis.cumulative_window(group_by=stretches.link, order_by=stretches.stretch)
        running: dict[str, Any] = {n: stretches[n].sum().over(past) for n in self._sums.values()}
        running |= {n: stretches[n].min().over(past) for n in self._firsts.values()}
        stand = stretches.select("link", "t", **running)
        return stand.filter(stand.t.notnull())

    def standing_once(self, questions: Table) -> Table:
        """Return the same for questions of one moment: then rows need no line, only to be added up."""
        rows = self._rows().rename(row_link="link")
        both = questions.join(rows, [questions.link == rows.row_link, rows.known <= questions.t])
        sums = {
            label: both[label].sum(
                where=None if share.within is None else both.occurred > both.t - length(share.within)
            )
            for share, label in self._sums.items()
        }
        return both.group_by(["link", "t"]).aggregate(
            **sums, **{n: both[n].min() for n in self._firsts.values()}
        )

    def own(self, asks: Table, rows: Table | None = None) -> Table:
        """Return, by row_id, what the lead's own rows add to the sums that are of others.

        ``asks`` has row_id, entity_id, t and link. ``rows`` are the source's that can concern them; all of
        them by default.
        """
        rows = self._rows(rows)
        match = [asks.entity_id == rows.lead_id, asks.link == rows.link, rows.known <= asks.t]
        mine = asks.join(rows, match)
        added = {}
        for share, label in self._sums.items():
            if share.selection.others:
                inside = None if share.within is None else mine.occurred > mine.t - length(share.within)
                added[f"own_{label}"] = mine[label].sum(where=inside)
        return mine.group_by("row_id").aggregate(**added) if added else mine.select("row_id").distinct()

    def beside(self, table: Table, standing: Table, own: Table, link: Column, row: str) -> Table:
        """Add the figures to a table that has as_of, the link, and in ``row`` the row_id of its own share."""
        stand = standing.rename(stand_link="link", stand_t="t")
        own = own.rename(own_row="row_id")
        both = table.left_join(stand, [link == stand.stand_link, table.as_of == stand.stand_t])
        both = both.left_join(own, both[row] == own.own_row)
        less = {
            n: both[n] - both[f"own_{n}"].fill_null(0.0) if f"own_{n}" in own.columns else both[n]
            for n in self._sums.values()
        }
        found = {self.names[figure]: both[label] for figure, label in self._firsts.items()}
        found |= {
            self.names[figure]: _figure([less[self._sums[share]] for share in pair])
            for figure, pair in self._shares.items()
        }
        return both.select(*table.columns, **found)

    def _rows(self, rows: Table | None = None) -> Table:
        """Return the source's rows: link, when they happened and began to exist, what each sum gets."""
        table = source(self.source) if rows is None else rows
        table = table.filter(table[self.via].notnull())
        table = table.mutate(
            occurred=table.occurred_at, known=ibis.greatest(table.occurred_at, table.recorded_at)
        )
        added: dict[str, Any] = {label: _added(table, share) for share, label in self._sums.items()}
        for figure, label in self._firsts.items():
            value = cell(table, str(figure.column))
            added[label] = holds(table, figure.selection.conditions).ifelse(value, ibis.null("int64"))
        return table.select("lead_id", "occurred", "known", link=table[self.via], **added)

    def _line(self, questions: Table) -> Table:
        """Lay on one line of time rows that begin to count, rows that leave a window, and the questions."""
        rows = self._rows()
        zero, no_firsts = ibis.literal(0.0), dict.fromkeys(self._firsts.values(), ibis.null("int64"))
        labels = (*self._sums.values(), *self._firsts.values())
        line = [
            rows.select("link", at=rows.known, asks=0, **{n: rows[n] for n in labels}),
            questions.select(
                "link", at=questions.t, asks=1, **dict.fromkeys(self._sums.values(), zero), **no_firsts
            ),
        ]
        for window in dict.fromkeys(share.within for share in self._sums if share.within is not None):
            back = {n: -rows[n] if share.within == window else zero for share, n in self._sums.items()}
            line.append(rows.select("link", at=rows.occurred + length(window), asks=0, **back, **no_firsts))
        return reduce(lambda left, right: left.union(right), line)


def _shares(figure: Aggregate) -> list[_Share]:
    counts = {"count": [True], "total": [False], "mean": [False, True]}[figure.kind]
    return [_Share(figure.selection, counted, figure.column, figure.within) for counted in counts]


def _figure(sums: list[Column]) -> Column:
    return sums[0] if len(sums) == 1 else sums[0] / sums[1].round().nullif(0)


def _added(table: Table, share: _Share) -> Column:
    counts = holds(table, share.selection.conditions)
    if share.within is not None:  # a row recorded after its window has passed never counts
        counts &= table.known < table.occurred + length(share.within)
    if share.column is None:
        return counts.ifelse(1.0, 0.0)
    value = cell(table, share.column)
    amount = value.notnull().ifelse(1.0, 0.0) if share.counted else value.fill_null(0.0)
    return counts.ifelse(amount, 0.0)
