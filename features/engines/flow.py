"""Rows shared by many entities (a campaign's, a channel's, the market's): figures by running sums.

Joining every lead with every row of its market would be leads × rows. Instead, a row counts for a window w
exactly while ``max(occurred_at, recorded_at) <= t < occurred_at + w``: it adds its share to a running sum
at the first moment and takes it back at the second. Rows and questions are laid on one line of time; the
stretch between two questions is summed up, then the stretches run on. The lead's own share is then taken off.
"""

from collections.abc import Mapping
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


def figures_of(
    asked: Table, via: str, key: Column, wanted: list[Aggregate]
) -> tuple[Table, dict[Aggregate, str]]:
    """Return a table by row_id with a column for every figure (all of one link), and the columns' names.

    ``asked`` has row_id, entity_id, as_of and whatever ``key``, the value of the link, is made of.
    """
    firsts = {figure: f"first_{n}" for n, figure in enumerate(f for f in wanted if f.kind == "smallest")}
    shares = {figure: _shares(figure) for figure in wanted if figure not in firsts}
    every = dict.fromkeys(share for pair in shares.values() for share in pair)
    sums = {share: f"sum_{n}" for n, share in enumerate(every)}
    asks = asked.select("row_id", "entity_id", t=asked.as_of, link=key)
    rows = _rows(wanted[0].selection.source, via, sums, firsts)
    read = _less_own(_read(asks, rows, sums, firsts), _own(asks, rows, sums), sums)
    found = {figure: read[label] for figure, label in firsts.items()}
    found |= {figure: _figure([read[sums[share]] for share in pair]) for figure, pair in shares.items()}
    names = {figure: f"{via}_{n}" for n, figure in enumerate(wanted)}
    return read.select("row_id", **{names[figure]: found[figure] for figure in wanted}), names


def _shares(figure: Aggregate) -> list[_Share]:
    counts = {"count": [True], "total": [False], "mean": [False, True]}[figure.kind]
    return [_Share(figure.selection, counted, figure.column, figure.within) for counted in counts]


def _figure(sums: list[Column]) -> Column:
    return sums[0] if len(sums) == 1 else sums[0] / sums[1].round().nullif(0)


def _rows(name: str, via: str, sums: Mapping[_Share, str], firsts: Mapping[Aggregate, str]) -> Table:
    """Return the source's rows: link, when they happened and began to exist, what they add to each sum."""
    table = source(name)
    table = table.filter(table[via].notnull())
    table = table.mutate(
        occurred=table.occurred_at, known=ibis.greatest(table.occurred_at, table.recorded_at)
    )
    added: dict[str, Any] = {label: _added(table, share) for share, label in sums.items()}
    for figure, label in firsts.items():
        value = cell(table, str(figure.column))
        added[label] = holds(table, figure.selection.conditions).ifelse(value, ibis.null("int64"))
    return table.select("lead_id", "occurred", "known", link=table[via], **added)


def _added(table: Table, share: _Share) -> Column:
    counts = holds(table, share.selection.conditions)
    if share.within is not None:  # a row recorded after its window has passed never counts
        counts &= table.known < table.occurred + length(share.within)
    if share.column is None:
        return counts.ifelse(1.0, 0.0)
    value = cell(table, share.column)
    amount = value.notnull().ifelse(1.0, 0.0) if share.counted else value.fill_null(0.0)
    return counts.ifelse(amount, 0.0)


def _read(asks: Table, rows: Table, sums: Mapping[_Share, str], firsts: Mapping[Aggregate, str]) -> Table:
    """Return the asks with every running sum as it stands at their moment."""
    line = _line(asks, rows, sums, firsts)
    # A row at the moment of a question comes before it: 2t < 2t + 1.
    key = line["at"] * 2 + line.asks
    asked_by = ibis.range_window(preceding=None, following=0, group_by=line.link, order_by=key)
    line = line.mutate(stretch=line.asks.sum().over(asked_by) - line.asks)
    stretches = line.group_by(["link", "stretch"]).aggregate(
        t=line["at"].max(where=line.asks == 1),
        **{n: line[n].sum() for n in sums.values()},
        **{n: line[n].min() for n in firsts.values()},
    )
    past = ibis.cumulative_window(group_by=stretches.link, order_by=stretches.stretch)
    running: dict[str, Any] = {n: stretches[n].sum().over(past) for n in sums.values()}
    running |= {n: stretches[n].min().over(past) for n in firsts.values()}
    stand = stretches.select("link", "t", **running)
    stand = stand.filter(stand.t.notnull()).rename(stand_link="link", stand_t="t")
    return asks.left_join(stand, [asks.link == stand.stand_link, asks.t == stand.stand_t])


def _line(asks: Table, rows: Table, sums: Mapping[_Share, str], firsts: Mapping[Aggregate, str]) -> Table:
    """Lay on one line of time rows that begin to count, rows that leave a window, and the questions."""
    zero, no_firsts = ibis.literal(0.0), dict.fromkeys(firsts.values(), ibis.null("int64"))
    questions = asks.select("link", at=asks.t).distinct()
    line = [
        rows.select(
            "link", at=rows.known, asks=0, **{n: rows[n] for n in (*sums.values(), *firsts.values())}
        ),
        questions.select("link", "at", asks=1, **dict.fromkeys(sums.values(), zero), **no_firsts),
    ]
    for window in dict.fromkeys(share.within for share in sums if share.within is not None):
        back = {n: -rows[n] if share.within == window else zero for share, n in sums.items()}
        line.append(rows.select("link", at=rows.occurred + length(window), asks=0, **back, **no_firsts))
    return reduce(lambda left, right: left.union(right), line)


def _own(asks: Table, rows: Table, sums: Mapping[_Share, str]) -> Table:
    """Return, by row_id, what the lead's own rows added to the sums that are of others."""
    match = [asks.entity_id == rows.lead_id, asks.link == rows.link, rows.known <= asks.t]
    mine = asks.join(rows, match)
    added = {}
    for share, label in sums.items():
        if share.selection.others:
            inside = None if share.within is None else mine.occurred > mine.t - length(share.within)
            added[f"own_{label}"] = mine[label].sum(where=inside)
    return mine.group_by("row_id").aggregate(**added) if added else mine.select("row_id").distinct()


def _less_own(read: Table, own: Table, sums: Mapping[_Share, str]) -> Table:
    own = own.rename(own_row="row_id")
    both = read.left_join(own, read.row_id == own.own_row)
    less = {n: both[n] - both[f"own_{n}"].fill_null(0.0) for n in sums.values() if f"own_{n}" in own.columns}
    return both.mutate(**less)
