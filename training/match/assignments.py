"""The outcome of a match: the lead that a rep was given was won within the horizon."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from training.outcome_tables import ROW_COLUMNS, History, cohort
from training.source_tables import read_source

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class AssignedLeadWon:
    """A lead is won within ``within`` of being given to its first owner, by whomever.

    One row per lead, of the pair ``lead|rep``, as of the moment of that assignment. Whoever it was handed to
    later belongs to what the choice led to. Nothing is labelled before the horizon has passed.
    """

    within: timedelta
    entity: str = "pair"

    def rows(self, sources: Path, now: datetime) -> pd.DataFrame:
        """Return one labelled row per lead whose horizon has passed at ``now``."""
        import pandas as pd

        leads = self._first(sources, now)
        rows = pd.DataFrame(
            {
                "entity_id": leads.lead_id + "|" + leads.rep_id,
                "as_of": leads.occurred_at,
                "label": leads.won_at <= leads.occurred_at + self.within,
                "known_at": leads.occurred_at + self.within,
                "group": leads.lead_id,
            }
        )
        open_then = ~(leads.won_at <= leads.occurred_at)  # imported as won: nobody chose
        kept = rows[open_then & (rows.known_at <= pd.Timestamp(now))]
        return kept.sort_values(["as_of", "entity_id"], ignore_index=True)[ROW_COLUMNS]

    def learn(self, sources: Path, at: datetime) -> tuple[pd.DataFrame, float]:
        """Return the rows that were mature at ``at``; they saw the whole horizon."""
        return self.rows(sources, at), 1.0

    def cohort(self, sources: Path, since: datetime, until: datetime) -> pd.DataFrame:
        """Return the pairs of leads that were first given to someone after ``since`` and by ``until``."""
        leads = self._first(sources, until)
        open_then = leads[~(leads.won_at <= leads.occurred_at)]
        pairs = open_then.lead_id + "|" + open_then.rep_id
        return cohort(open_then.assign(entity_id=pairs, as_of=open_then.occurred_at), since, until)

    def subjects_at(self, sources: Path, now: datetime) -> pd.DataFrame:
        """Return the pairs of open leads with their owners."""
        import pandas as pd

        events = self._events(sources, now)
        over = set(events.stint_id[events.event.isin(["released", "won", "lost"])])
        held = events[(events.event == "assigned") & ~events.stint_id.isin(over)]
        ids = (held.lead_id + "|" + held.rep_id).drop_duplicates().sort_values().reset_index(drop=True)
        as_of = pd.Series([pd.Timestamp(now)] * len(ids), dtype="datetime64[us, UTC]")
        return pd.DataFrame({"entity_id": ids, "as_of": as_of})

    def is_subject(self, history: History, now: datetime) -> bool:
        """Tell whether the pair's lead is in the rep's hands, given the pair's rows of ``rep_events``."""
        events = [row for row in history.get("rep_events", ()) if row["recorded_at"] <= now]
        over = {row["stint_id"] for row in events if row["event"] in ("released", "won", "lost")}
        return any(row["event"] == "assigned" and row["stint_id"] not in over for row in events)

    def _first(self, sources: Path, now: datetime) -> pd.DataFrame:
        """Return lead_id, rep_id, occurred_at of each lead's first assignment, and won_at if it was won."""
        events = self._events(sources, now).sort_values(["occurred_at", "stint_id"], kind="stable")
        first = events[events.event == "assigned"].drop_duplicates("lead_id")
        won = events[events.event == "won"].groupby("lead_id").recorded_at.min()
        return first.assign(won_at=first.lead_id.map(won)).reset_index(drop=True)

    def _events(self, sources: Path, now: datetime) -> pd.DataFrame:
        import pandas as pd

        columns = ["lead_id", "rep_id", "stint_id", "event", "occurred_at", "recorded_at", "known_until"]
        events = read_source(sources, "rep_events", columns, now)
        return events[~(events.known_until <= pd.Timestamp(now))]
