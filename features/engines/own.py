"""An entity's own rows: one join on its key and one grouped pass per source, for all figures together."""

from typing import Any

import ibis

from crm_store.domain.sources import KNOWN_UNTIL
from features.declare import Entity
from features.engines.columns import Column, Table, all_of, cell, holds, length, source
from features.expressions import Aggregate, Selection, StillAhead

# Later than any moment that is asked for.
_FOREVER_US = 2**62


def figures_of(
    asked: Table, entity: Entity, wanted: list[Aggregate], rows: Table | None = None
) -> tuple[Table, dict[Aggregate, str]]:
    """Return a table by row_id with a column for every figure (all of one source), and the columns' names.

    ``rows`` are the source's that can concern them; all of them by default.
    """
    name = wanted[0].selection.source
    names = {figure: f"{name}_{n}" for n, figure in enumerate(wanted)}
    pass_ = _Pass(source(name) if rows is None else rows, entity, wanted)
    joined = pass_.ranked(pass_.joined(asked))
    columns = {names[figure]: pass_.figure(joined, figure) for figure in wanted}
    return joined.group_by("row_id").aggregate(**columns), names


class _Pass:
    """One pass over one source. Conditions are worked out once per row, before the join multiplies it."""

    def __init__(self, rows: Table, entity: Entity, wanted: list[Aggregate]) -> None:
        self._rows, self._entity = rows, entity
        self._selections = list(dict.fromkeys(figure.selection for figure in wanted))
        self._flag = {s: f"is_{n}" for n, s in enumerate(self._selections)}
        columns = [figure.column for figure in wanted if figure.column not in (None, "occurred_at")]
        columns += [c.column for s in self._selections for c in s.conditions if isinstance(c, StillAhead)]
        columns += [s.unless.key for s in self._selections if s.unless]
        self._columns: list[str] = list(dict.fromkeys(filter(None, columns)))
        self._latest = {figure.selection for figure in wanted if figure.kind == "latest"}

    def joined(self, asked: Table) -> Table:
        """Return every asked row with the rows of its entity that exist at its moment."""
        narrow = self._narrow()
        moments = asked.select("row_id", "entity_id", t=asked.as_of)
        match = [
            moments.entity_id == narrow.entity,
            narrow.recorded <= moments.t,
            narrow.occurred <= moments.t,
        ]
        if "until" in narrow.columns:
            match.append(narrow.until > moments.t)
        return moments.join(narrow, match)

    def ranked(self, joined: Table) -> Table:
        """Add what depends on the moment: conditions on it, closed keys, each row's place from the end."""
        for selection in self._selections:
            flag = self._flag[selection]
            true = [joined[flag]]
            true += [joined[c.column] > joined.t for c in selection.conditions if isinstance(c, StillAhead)]
            if selection.unless:
                group = ibis.window(group_by=[joined.row_id, joined[selection.unless.key]])
                true.append(
                    joined[selection.unless.key].isnull() | ~joined[f"{flag}_closing"].any().over(group)
                )
            if len(true) > 1:
                joined = joined.mutate(**{flag: all_of([c.fill_null(False) for c in true])})
        places = {
            f"{self._flag[s]}_place": self._place(joined, s)
            for s in self._selections
            if s in self._latest or s.newest
        }
        return joined.mutate(**places) if places else joined

    def figure(self, joined: Table, figure: Aggregate) -> Column:
        """Return one conditional aggregate."""
        true = self._counts(joined, figure)
        if figure.column is None:
            return joined.count(where=true)
        column = joined["occurred" if figure.column == "occurred_at" else figure.column]
        match figure.kind:
            case "distinct":
                return column.nunique(where=true)
            case "total":
                return column.sum(where=true)
            case "mean":
                return column.mean(where=true)
            case "smallest":
                return column.min(where=true)
            case _:  # of the one latest row, too
                return column.max(where=true)

    def _counts(self, joined: Table, figure: Aggregate) -> Column:
        selection = figure.selection
        flag = self._flag[selection]
        true = [joined[flag]]
        if figure.within is not None:
            true.append(joined.occurred > joined.t - length(figure.within))
        if figure.kind == "latest":
            true.append(joined[f"{flag}_place"] == 0)
        if selection.newest:
            true += [joined[f"{flag}_place"] < selection.newest, joined[f"{flag}_among"]]
        return all_of(true)

    def _place(self, joined: Table, selection: Selection) -> Column:
        flag = self._flag[selection]
        order = [joined[flag].desc(), joined.occurred.desc()]
        order += [joined.version.desc()] if "version" in joined.columns else []
        return ibis.row_number().over(group_by=joined.row_id, order_by=[*order, joined.record_id.desc()])

    def _narrow(self) -> Table:
        """Return the source's rows with only what the figures need."""
        table = self._rows
        kept: dict[str, Any] = {c: cell(table, c) for c in self._columns}
        for selection, flag in self._flag.items():
            kept[flag] = holds(table, selection.conditions)
            if selection.unless:
                kept[f"{flag}_closing"] = holds(table, (selection.unless.condition,))
            if selection.newest:
                kept[f"{flag}_among"] = holds(table, selection.among)
        if self._latest or any(s.newest for s in self._selections):
            kept["record_id"] = table.record_id
            kept |= {"version": table.version} if "version" in table.columns else {}
        if KNOWN_UNTIL in table.columns:
            kept["until"] = table[KNOWN_UNTIL].fill_null(_FOREVER_US)
        return table.filter(table[self._entity.key].notnull()).select(
            entity=table[self._entity.key],
            occurred=table.occurred_at,
            recorded=table.recorded_at,
            **kept,
        )
