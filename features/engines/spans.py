"""Many moments at once: what an entity's rows say changes only now and then, so work it out only there.

The rows that count for a figure are the same at t and t' unless a *change* lies between them: a row begins to
be known, leaves a window, is corrected, or a moment that it speaks of has passed. All of these are moments m
from which on (``t >= m``) something holds. So the asked moments of an entity fall into spans without a change
in between, and whatever is worked out at the first moment of a span holds, to the last cell, for all of it.

Each of at most 60 asked moments is one bit of a number; an entity's ``marks`` are the bits of the moments
that begin a span. Masked up to an asked moment, they name its span: no ordering of the rows is needed.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import reduce
from operator import or_

import ibis

from crm_store.domain.sources import KNOWN_UNTIL
from features.engines.columns import Column, Table, holds, length, source
from features.expressions import Aggregate, Condition, Mentions, StillAhead

MOST_MOMENTS = 60  # bits of a 64-bit number, less its sign and room to add one
_BEFORE_ALL_US, _AFTER_ALL_US = -(2**62), 2**62


@dataclass(frozen=True)
class Reading:
    """A source, the column that holds the entity, and the figures that read it."""

    name: str
    key: str
    wanted: tuple[Aggregate, ...]

    def rows(self) -> Table:
        """Return the source's rows and the moment from which each is known."""
        return _known(source(self.name))

    def of(self, asks: Table) -> Table:
        """Return the source's rows of those who ask."""
        table = source(self.name)
        return table.semi_join(asks, table[self.key] == asks.entity_id)

    def changes(self, asks: Table, rows: Table) -> Table:
        """Return row_id and each row's first moment after as_of at which something changes (m)."""
        table = _known(rows)
        both = asks.join(table, asks.entity_id == table[self.key])
        later = [(m > both.as_of).ifelse(m, ibis.null("int64")) for m in self.change_moments(both)]
        first = ibis.least(*(m.fill_null(_AFTER_ALL_US) for m in later))
        return both.select("row_id", m=first)

    def change_moments(self, table: Table) -> list[Column]:
        """Return the moments from which on something holds of a row; null where there is none."""
        found = [table.known]
        for window in dict.fromkeys(f.within for f in self.wanted if f.within is not None):
            leaves = table.occurred_at + length(window)
            counts = self._may_count(table, window)
            found.append((counts & (leaves > table.known)).ifelse(leaves, ibis.null("int64")))
        ahead = {c.column for f in self.wanted for c in f.selection.conditions if isinstance(c, StillAhead)}
        found += [table[column] for column in sorted(ahead)]
        return [*found, table[KNOWN_UNTIL]] if KNOWN_UNTIL in table.columns else found

    def _may_count(self, table: Table, window: timedelta) -> Column:
        """Return whether a row can count in a window; texts are not searched for that."""
        chosen: dict[tuple[Condition, ...], None] = {
            tuple(c for c in f.selection.conditions if not isinstance(c, Mentions)): None
            for f in self.wanted
            if f.within == window
        }
        return reduce(or_, [holds(table, conditions) for conditions in chosen])


def _known(table: Table) -> Table:
    return table.mutate(known=ibis.greatest(table.occurred_at, table.recorded_at))


def moments(asked: Table) -> Table:
    """Return each asked moment once: t, the one before it (since), its bit, and all bits up to it (upto)."""
    each = asked.select(t=asked.as_of).distinct()
    ordered = ibis.window(order_by=each.t)
    numbered = each.mutate(
        since=each.t.lag().over(ordered).fill_null(_BEFORE_ALL_US),
        place=ibis.row_number().over(ordered),
    )
    bit = ibis.literal(1, "int64") << numbered.place
    return numbered.select("t", "since", "place", bit=bit, upto=bit * 2 - 1)


def people(asked: Table) -> Table:
    """Return each asked entity once, with a number n."""
    each = asked.select("entity_id").distinct()
    return each.mutate(n=ibis.row_number().over(ibis.window(order_by=each.entity_id)))


def changes(rows: list[Reading], who: Table, when: Table) -> Table:
    """Return n and the moment (place, bit, t) at which each span of an entity begins."""
    every = []
    for reading in rows:
        table = reading.rows()
        table = table.join(who, table[reading.key] == who.entity_id)
        every += [table.select("n", m=moment) for moment in reading.change_moments(table)]
    line = reduce(lambda left, right: left.union(right), every)
    met = line.join(when, [line.m > when.since, line.m <= when.t])
    return met.select("n", "place", "bit", "t").distinct()


def marks(who: Table, changes_of: dict[str, Table]) -> Table:
    """Return entity_id, n, and per group of sources the bits of the moments that begin a span."""
    table = who
    for group, begun in changes_of.items():
        bits = begun.group_by("n").aggregate(bits=begun.bit.bit_or())
        bits = bits.select(marked=bits.n, **{f"bits_{group}": bits.bits})
        table = table.left_join(bits, table.n == bits.marked).drop("marked")
    return table.mutate(**{f"bits_{group}": table[f"bits_{group}"].fill_null(0) for group in changes_of})


def spans(group: str, begun: Table, marked: Table) -> Table:
    """Return one asked row per span of an entity: row_id, entity_id, as_of, n and the bits that name it."""
    marked = marked.select("entity_id", marked_n=marked.n, marked_bits=marked[f"bits_{group}"])
    both = begun.join(marked, begun.n == marked.marked_n)
    return both.select(
        "entity_id",
        "n",
        row_id=both.n * 64 + both.place,
        as_of=both.t,
        bits=both.marked_bits & (both.bit * 2 - 1),
    )
