"""What to work out, as Ibis expressions: one pass over each source, then the formulas of the features.

Only plain joins, conditional aggregates and ordinary window functions are used, so that every Ibis backend
compiles it. There are two shapes of the same plan: row by row, and for many moments of the same entities,
where each source is worked out only at the moments at which something has changed (``spans``).
"""

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Any, Literal

import ibis

from features.catalog import entity_named, features_of
from features.declare import Entity, Feature
from features.engines import columns, own, spans
from features.engines.columns import Table
from features.engines.flow import Flow
from features.engines.formula import Formula
from features.expressions import Aggregate, Selection

Steps = list[tuple[str, Table]]
Shape = Literal["once", "rows", "grid"]
_STATES = "lead_states"
_NEXT = "next_change"


def plan(entity: str, features: Iterable[str] | None = None, shape: Shape = "rows") -> tuple[Steps, Table]:
    """Return the Ibis expressions to keep as tables, by name and in order, and the one that gives the result.

    They read the tables ``asked`` (row_id, entity_id, as_of), the sources, and the tables kept before them,
    all moments in microseconds since 1970. Any backend can run them. The result has the columns of
    ``asked`` and one per feature, in no order. The shape "once" is for rows of one moment, "grid" for at
    most ``spans.MOST_MOMENTS`` moments.
    """
    chosen = features_of(entity, features)
    figures = _Figures(entity_named(entity), wanted_of(chosen))
    result = figures.grid() if shape == "grid" else figures.row_by_row(once=shape == "once")
    formula = Formula(result, figures.names)
    keys = ("row_id", "entity_id", "as_of")
    return figures.steps, result.select(*keys, **{f.name: formula.feature(f) for f in chosen})


def refresh_plan(entity: str) -> tuple[Steps, Table]:
    """Return the same for all features at one moment, given what was kept at an earlier one.

    Besides what ``plan`` reads there are ``before``, ``figures`` as kept then of whichever entities, and
    ``touched`` (source, key, id): of whom something was told since. Only these are worked out, those whose
    rows enter or leave a window by now (``next_change`` says when), and those that ``before`` lacks. The step
    ``figures`` is what to keep for the next time.
    """
    chosen = features_of(entity)
    figures = _Figures(entity_named(entity), wanted_of(chosen))
    formula = Formula(result := figures.refreshed(), figures.names)
    keys = ("row_id", "entity_id", "as_of")
    return figures.steps, result.select(*keys, **{f.name: formula.feature(f) for f in chosen})


def wanted_of(chosen: tuple[Feature, ...]) -> list[Aggregate]:
    """Return every figure that the features are made of, and the fields of the lead that they link by."""
    figures = list(dict.fromkeys(figure for feature in chosen for figure in feature.aggregates))
    links = [_link(figure.selection.via) for figure in figures if figure.selection.via is not None]
    return list(dict.fromkeys([*figures, *(link for link in links if link is not None)]))


def _link(via: str) -> Aggregate | None:
    return None if via == "market" else Aggregate("latest", Selection(_STATES), via)


class _Figures:
    """The steps that work the figures out, and the column that each figure has in the table they lead to."""

    def __init__(self, entity: Entity, wanted: list[Aggregate]) -> None:
        self._entity = entity
        self.steps: Steps = []
        self.names: dict[Aggregate, str] = {}
        own_figures = [f for f in wanted if f.selection.via is None]
        self._own = {
            name: [f for f in own_figures if f.selection.source == name]
            for name in dict.fromkeys(f.selection.source for f in own_figures)
        }
        vias = dict.fromkeys(f.selection.via for f in wanted if f.selection.via is not None)
        self._flows = [Flow(via, [f for f in wanted if f.selection.via == via]) for via in vias]

    def row_by_row(self, *, once: bool) -> Table:
        """Work every source out at every asked row."""
        asked = columns.asked()
        table = asked
        for name, figures in self._own.items():
            table = _beside(table, self._of_source(name, asked, figures))
        for flow in self._flows:
            asks = self._linked(flow, asked, dict(self.steps).get(f"of_{_STATES}"))
            questions = asks.select("link", "t").distinct()
            standing = flow.standing_once(questions) if once else flow.standing(questions)
            at = self._keep(f"at_{flow.via}", standing)
            table = self._add_flow(flow, table, at, self._keep(f"own_{flow.via}", flow.own(asks)), "row_id")
        return table

    def grid(self) -> Table:
        """Work every source out at the moments that begin a span, and lay the asked rows over the spans."""
        asked = columns.asked()
        when, who = self._keep("moments", spans.moments(asked)), self._keep("who", spans.people(asked))
        begun = {
            group: self._keep(f"changes_{group}", spans.changes(rows, who, when))
            for group, rows in self._groups().items()
        }
        marked = self._keep("marks", spans.marks(who, begun))
        spanned = {
            group: self._keep(f"spans_{group}", spans.spans(group, table, marked))
            for group, table in begun.items()
        }
        table = asked.join(marked.rename(marked="entity_id"), asked.entity_id == marked.entity_id)
        table = table.join(when.select("upto", at=when.t), asked.as_of == when.t)
        for group, asks in spanned.items():
            if group in self._own:
                asks = _beside(asks, self._of_source(group, asks, self._own[group]))
            table = _over_spans(table, group, asks)
        for flow in self._flows:
            asks = self._linked(flow, spanned[_STATES], dict(self.steps).get(f"of_{_STATES}"))
            at = self._keep(f"at_{flow.via}", flow.standing(flow.links().cross_join(when.select("t"))))
            mine = self._keep(f"own_{flow.via}", flow.own(asks))
            table = self._add_flow(flow, table, at, mine, f"row_{_STATES}")
        return table

    def refreshed(self) -> Table:
        """Work out what has changed, and take the rest as it was."""
        asked = columns.asked()
        readings = [reading for group in self._groups().values() for reading in group]
        stale = fresh = self._keep("stale", _stale(asked, readings))
        first = {reading.name: reading for reading in reversed(readings)}
        rows = {name: self._keep(f"rows_{name}", reading.of(stale)) for name, reading in first.items()}
        for name, wanted in self._own.items():
            fresh = _beside(fresh, self._of_source(name, stale, wanted, rows[name]))
        for flow in self._flows:
            asks = self._linked(flow, stale, dict(self.steps).get(f"of_{_STATES}"))
            mine = self._keep(f"own_{flow.via}", flow.own(asks, rows[flow.source]))
            fresh = _beside(fresh, mine)
        changes = [reading.changes(stale, rows[reading.name]) for reading in readings]
        fresh = _beside(fresh, _first(reduce(lambda left, right: left.union(right), changes)))
        table = kept = self._keep("figures", _with_the_kept(asked, self._keep("fresh", fresh)))
        for flow in self._flows:
            at = flow.standing_once(flow.links().cross_join(asked.select(t=asked.as_of).distinct()))
            mine = kept.select("row_id", *(c for c in kept.columns if c.startswith(f"own_{flow.via}_")))
            table = self._add_flow(flow, table, self._keep(f"at_{flow.via}", at), mine, "row_id")
        return table

    def _groups(self) -> dict[str, list[spans.Reading]]:
        """Return the sources that share spans: a lead's states go with its own part of the flows."""
        groups = {
            name: [spans.Reading(name, self._entity.key, tuple(figures))]
            for name, figures in self._own.items()
        }
        for flow in self._flows:
            reading = spans.Reading(flow.source, "lead_id", tuple(flow.names))
            groups.setdefault(_STATES, []).append(reading)
        return groups

    def _of_source(
        self, name: str, asks: Table, figures: list[Aggregate], rows: Table | None = None
    ) -> Table:
        found, labels = own.figures_of(asks, self._entity, figures, rows)
        self.names |= labels
        return self._keep(f"of_{name}", found)

    def _linked(self, flow: Flow, asks: Table, states: Table | None) -> Table:
        """Return row_id, entity_id, t and the value of the link."""
        key = columns.literal("all")
        if (link := _link(flow.via)) is not None:
            asks = _beside(asks, columns.kept(f"of_{_STATES}", states))
            key = asks[self.names[link]]
        return asks.select("row_id", "entity_id", t=asks.as_of, link=key)

    def _add_flow(self, flow: Flow, table: Table, at: Table, mine: Table, row: str) -> Table:
        self.names |= flow.names
        link = _link(flow.via)
        key = columns.literal("all") if link is None else table[self.names[link]]
        return flow.beside(table, at, mine, key, row)

    def _keep(self, name: str, step: Table) -> Table:
        self.steps.append((name, step))
        return columns.kept(name, step)


def _beside(table: Table, found: Table) -> Table:
    found = found.rename(found_row="row_id")
    return table.left_join(found, table.row_id == found.found_row).drop("found_row")


def _before(columns_: dict[str, Any]) -> Table:
    return ibis.table(columns_, name="before").rename(kept_id="entity_id")


def _stale(asked: Table, readings: list[spans.Reading]) -> Table:
    """Return the asked rows of entities that were touched, that a moment has come for, or that are new."""
    before = _before({"entity_id": "string", _NEXT: "int64"})
    touched = ibis.table({"source": "string", "key": "string", "id": "string"}, name="touched")
    of_these = reduce(or_, [(touched.source == r.name) & (touched.key == r.key) for r in readings])
    names = touched.filter(of_these).select(touched_id=touched.id).distinct()
    both = asked.left_join(before, asked.entity_id == before.kept_id)
    both = both.left_join(names, both.entity_id == names.touched_id)
    come = (both[_NEXT] <= both.as_of).fill_null(False)
    stale = both.filter(both.kept_id.isnull() | both.touched_id.notnull() | come)
    return stale.select("row_id", "entity_id", "as_of")


def _first(changes: Table) -> Table:
    return changes.group_by("row_id").aggregate(**{_NEXT: changes.m.min()})


def _with_the_kept(asked: Table, fresh: Table) -> Table:
    """Return the fresh figures, and for all other asked rows those that were kept."""
    kinds = {n: kind for n, kind in fresh.schema().items() if n not in asked.columns}
    before = _before({"entity_id": "string", **kinds})
    kept = before.join(asked, before.kept_id == asked.entity_id).anti_join(fresh, "row_id")
    names = ("row_id", "entity_id", "as_of", *kinds)
    return fresh.select(*names).union(kept.select(*names))


def _over_spans(table: Table, group: str, found: Table) -> Table:
    """Give each asked row the figures of the span that it falls into."""
    found = found.rename({f"row_{group}": "row_id", "span_n": "n", "span_bits": "bits"})
    found = found.drop("entity_id", "as_of")
    bits = table[f"bits_{group}"] & table.upto
    return table.left_join(found, [table.n == found.span_n, bits == found.span_bits]).drop(
        "span_n", "span_bits"
    )
