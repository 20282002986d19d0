"""What happened, declared once: the label of a model, within what horizon, and since when it is known.

An outcome reads the exported sources as they stood at a moment and gives two tables:

- ``rows(sources, now)``: entity_id, as_of, label (bool), known_at, group. Only what can no longer change
  at ``now`` (known_at <= now) is there. Rows of one group share one fact, so a split keeps them together.
- ``subjects_at(sources, now)``: entity_id, as_of of everything that is to be scored now.

Both read only what was recorded by ``now``, so calling them with a past moment gives what was known then.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from training.outcome_tables import ROW_COLUMNS, History, cohort, known, ordered, subjects
from training.source_tables import read_source

if TYPE_CHECKING:
    import pandas as pd

_DAY_S = 86_400


def days(count: float) -> timedelta:
    """Return that many days of 24 hours."""
    return timedelta(days=count)


class Outcome(Protocol):
    """What train and score jobs need of an outcome; see the module's first lines for the tables."""

    @property
    def entity(self) -> str:
        """Name of the entity that the outcome is about: lead or account."""
        ...

    def rows(self, sources: Path, now: datetime) -> pd.DataFrame:
        """Return the labelled rows that are mature at ``now``."""
        ...

    def learn(self, sources: Path, at: datetime) -> tuple[pd.DataFrame, float]:
        """Return the rows to learn from at a moment, and the share of the outcome that they saw."""
        ...

    def cohort(self, sources: Path, since: datetime, until: datetime) -> pd.DataFrame:
        """Return the rows (entity_id, as_of) of that time that will be labelled, whatever comes of them."""
        ...

    def subjects_at(self, sources: Path, now: datetime) -> pd.DataFrame:
        """Return whom to score now."""
        ...

    def is_subject(self, history: History, now: datetime) -> bool:
        """Tell the same of one entity, given its own source rows."""
        ...


@dataclass(frozen=True)
class LeadWon:
    """A lead is won within ``within`` of its first contact.

    One row per lead and age in ``observe_after`` at which it was still open. Nothing is labelled before
    the horizon has passed, not even an early win: wins without the losses of their time would teach that
    recent leads always win. With ``learn_within``, learning looks only that far ahead, so that it can use
    leads that are too young for the full horizon; ``learn`` then says what share of the wins within the
    horizon come that early (Kaplan-Meier over the leads known at that moment that arrived since the first
    recorded win: before it nobody was recording wins).
    """

    within: timedelta
    observe_after: tuple[timedelta, ...] = (timedelta(0),)
    learn_within: timedelta | None = None
    entity: str = "lead"

    def rows(self, sources: Path, now: datetime) -> pd.DataFrame:
        """Return one labelled row per lead and age, of leads whose horizon has passed at ``now``."""
        return self._label(self._leads(sources, now), now, self.within)

    def learn(self, sources: Path, at: datetime) -> tuple[pd.DataFrame, float]:
        """Return what could be learned at ``at`` and the share of wins that its labels saw."""
        leads = self._leads(sources, at)
        # Before the first recorded win nobody was recording wins, so those leads can't be called lost.
        recorded = leads[leads.created_at >= leads.won_at.min()]
        early = self.learn_within or self.within
        share = 1.0 if early == self.within else self._share_won(leads, at, early)
        return self._label(recorded, at, early), share

    def cohort(self, sources: Path, since: datetime, until: datetime) -> pd.DataFrame:
        """Return one row per lead and age that it reached, still open, after ``since`` and by ``until``."""
        import pandas as pd

        leads = self._leads(sources, until)
        rows = pd.concat([leads.assign(as_of=leads.created_at + age) for age in self.observe_after])
        return cohort(rows[~(rows.closed_at <= rows.as_of)], since, until)

    def subjects_at(self, sources: Path, now: datetime) -> pd.DataFrame:
        """Return every lead that is open at ``now``, whatever its age."""
        leads = self._leads(sources, now)
        return subjects(leads.entity_id[leads.closed_at.isna()], now)

    def is_subject(self, history: History, now: datetime) -> bool:
        """Tell whether a lead is on record and has never been won or lost."""
        states = known(history, "lead_states", now)
        return bool(states) and not any(row["status"] in ("won", "lost") for row in states)

    def _leads(self, sources: Path, now: datetime) -> pd.DataFrame:
        """One row per lead: entity_id, created_at, won_at and closed_at (missing while it isn't)."""
        columns = ["lead_id", "status", "created_at", "recorded_at"]
        states = read_source(sources, "lead_states", columns, now)
        by_lead = states.groupby("lead_id", sort=True)
        first = {
            name: states[states.status.isin(statuses)].groupby("lead_id").recorded_at.min()
            for name, statuses in (("won_at", ["won"]), ("closed_at", ["won", "lost"]))
        }
        leads = by_lead.agg(created_at=("created_at", "min")).assign(**first)
        return leads.rename_axis("entity_id").reset_index()

    def _label(self, leads: pd.DataFrame, now: datetime, within: timedelta) -> pd.DataFrame:
        import pandas as pd

        def at_age(age: timedelta) -> pd.DataFrame:
            rows = leads.assign(
                as_of=leads.created_at + age,
                known_at=leads.created_at + within,
                label=leads.won_at <= leads.created_at + within,
                group=leads.entity_id,
            )
            still_open = ~(rows.closed_at <= rows.as_of)
            return rows[still_open & (rows.known_at <= pd.Timestamp(now)) & (rows.as_of < rows.known_at)]

        return ordered(pd.concat([at_age(age) for age in self.observe_after]))

    def _share_won(self, leads: pd.DataFrame, at: datetime, early: timedelta) -> float:
        """Wins by ``early`` over wins by ``within``, each the Kaplan-Meier estimate day by day."""
        import numpy as np
        import pandas as pd

        leads = leads[leads.created_at >= leads.won_at.min()]
        age = (pd.Timestamp(at) - leads.created_at).dt.total_seconds() / _DAY_S
        won = (leads.won_at - leads.created_at).dt.total_seconds() / _DAY_S
        seen = np.minimum(won.fillna(np.inf), age)  # a lead leaves the risk set when it wins or is too young
        surviving, at_early = 1.0, 1.0
        for day in range(int(self.within / days(1))):
            at_risk = int((seen >= day).sum())
            wins = int(((won >= day) & (won < day + 1) & (won <= age)).sum())
            surviving *= 1 - wins / at_risk if at_risk else 1.0
            if day + 1 == int(early / days(1)):
                at_early = surviving
        return 1.0 if surviving == 1.0 else (1 - at_early) / (1 - surviving)


@dataclass(frozen=True)
class NoPurchase:
    """An active account orders nothing in the ``within`` after a cut.

    Cuts are midnights (UTC) on the given days of every month. Active: an order within ``active_within``
    up to the cut. Orders count by when they occurred, if they were recorded by the end of the horizon.
    """

    within: timedelta
    active_within: timedelta
    days_of_month: tuple[int, ...] = (1,)
    entity: str = "account"

    def rows(self, sources: Path, now: datetime) -> pd.DataFrame:
        """Return one labelled row per cut and account that was active at it."""
        import pandas as pd

        orders = self.orders(sources, now)
        if orders.empty:
            return ordered(orders.assign(**dict.fromkeys(ROW_COLUMNS[1:])))
        first, last = orders.occurred_at.min() + self.within, pd.Timestamp(now) - self.within
        every_day = pd.date_range(first.normalize(), last.normalize(), freq="D", unit="us")
        cuts = [day for day in every_day if day.day in self.days_of_month and first <= day <= last]
        return ordered(
            pd.concat([self._at(orders, cut) for cut in cuts] or [self._at(orders, last).iloc[:0]])
        )

    def learn(self, sources: Path, at: datetime) -> tuple[pd.DataFrame, float]:
        """Return the rows that were mature at ``at``; they saw the whole horizon."""
        return self.rows(sources, at), 1.0

    def cohort(self, sources: Path, since: datetime, until: datetime) -> pd.DataFrame:
        """Return the accounts that were active at ``until``, as of then."""
        return self.subjects_at(sources, until)

    def subjects_at(self, sources: Path, now: datetime) -> pd.DataFrame:
        """Return the accounts that are active at ``now``."""
        import pandas as pd

        return subjects(self.active(self.orders(sources, now), pd.Timestamp(now)), now)

    def is_subject(self, history: History, now: datetime) -> bool:
        """Tell whether an account has ordered within ``active_within``."""
        return any(
            now - self.active_within < row["occurred_at"] <= now for row in known(history, "orders", now)
        )

    def orders(self, sources: Path, now: datetime) -> pd.DataFrame:
        """Return entity_id, occurred_at, recorded_at of every order known at ``now``."""
        orders = read_source(sources, "orders", ["account_id", "occurred_at", "recorded_at"], now)
        return orders.rename(columns={"account_id": "entity_id"})

    def active(self, orders: pd.DataFrame, cut: pd.Timestamp) -> pd.Series[str]:
        """Return who had ordered lately at a moment, each once, in order."""
        known = orders[(orders.recorded_at <= cut) & (orders.occurred_at <= cut)]
        recent = known.entity_id[known.occurred_at > cut - self.active_within]
        return recent.drop_duplicates().sort_values()

    def _at(self, orders: pd.DataFrame, cut: pd.Timestamp) -> pd.DataFrame:
        import pandas as pd

        end = cut + self.within
        later = orders[(orders.occurred_at > cut) & (orders.occurred_at <= end) & (orders.recorded_at <= end)]
        active = self.active(orders, cut)
        rows = pd.DataFrame({"entity_id": active, "as_of": cut, "label": ~active.isin(later.entity_id)})
        return rows.assign(known_at=end, group=rows.entity_id + "@" + cut.strftime("%Y-%m-%d"))


@dataclass(frozen=True)
class NotRenewed:
    """A contract has not been renewed ``grace`` after its end.

    One row per contract and lead time in ``before_end`` at which it was signed and still undecided. An
    account with two contracts ending on one day is one row, lost if either is.
    """

    before_end: tuple[timedelta, ...]
    grace: timedelta
    entity: str = "account"

    def rows(self, sources: Path, now: datetime) -> pd.DataFrame:
        """Return one labelled row per contract and lead time, of contracts whose grace has passed."""
        import pandas as pd

        contracts = self.contracts(sources, now)
        contracts = contracts[contracts.end_at + self.grace <= pd.Timestamp(now)]

        def before(lead_time: timedelta) -> pd.DataFrame:
            rows = contracts.assign(
                as_of=contracts.end_at - lead_time,
                known_at=contracts.end_at + self.grace,
                label=~(contracts.renewed_at <= contracts.end_at + self.grace),
                group=contracts.entity_id + "@" + contracts.end_at.dt.strftime("%Y-%m-%d"),
            )
            decided = (rows.renewed_at <= rows.as_of) | (rows.lapsed_at <= rows.as_of)
            return rows[(rows.signed_at <= rows.as_of) & ~decided]

        rows = pd.concat([before(lead_time) for lead_time in self.before_end])
        keys = ["entity_id", "as_of", "known_at", "group"]
        return ordered(rows.groupby(keys, as_index=False).agg(label=("label", "max")))

    def learn(self, sources: Path, at: datetime) -> tuple[pd.DataFrame, float]:
        """Return the rows that were mature at ``at``; they saw the whole horizon."""
        return self.rows(sources, at), 1.0

    def cohort(self, sources: Path, since: datetime, until: datetime) -> pd.DataFrame:
        """Return one row per contract and lead time that came after ``since`` and by ``until``, undecided."""
        import pandas as pd

        contracts = self.contracts(sources, until)
        rows = pd.concat([contracts.assign(as_of=contracts.end_at - before) for before in self.before_end])
        decided = (rows.renewed_at <= rows.as_of) | (rows.lapsed_at <= rows.as_of)
        return cohort(rows[(rows.signed_at <= rows.as_of) & ~decided], since, until)

    def subjects_at(self, sources: Path, now: datetime) -> pd.DataFrame:
        """Return the accounts with a contract that runs, or ended within the grace, and has not lapsed."""
        import pandas as pd

        contracts = self.contracts(sources, now)
        running = (contracts.end_at + self.grace > pd.Timestamp(now)) & contracts.lapsed_at.isna()
        return subjects(contracts.entity_id[running].drop_duplicates().sort_values(), now)

    def is_subject(self, history: History, now: datetime) -> bool:
        """Tell whether a contract runs, or ended within the grace, and has not lapsed."""
        events = known(history, "contract_events", now)
        lapsed = {row["contract_id"] for row in events if row["event"] == "lapsed"}
        signed = [row for row in events if row["event"] == "signed" and row["contract_id"] not in lapsed]
        return any(row["end_at"] is not None and row["end_at"] + self.grace > now for row in signed)

    def contracts(self, sources: Path, now: datetime) -> pd.DataFrame:
        """Return one row per contract: entity_id, end_at as signed, signed_at, renewed_at, lapsed_at."""
        columns = ["account_id", "contract_id", "event", "end_at", "recorded_at"]
        events = read_source(sources, "contract_events", columns, now)
        signed = events[events.event == "signed"].sort_values("recorded_at").groupby("contract_id")
        contracts = signed.agg(
            entity_id=("account_id", "first"), end_at=("end_at", "first"), signed_at=("recorded_at", "first")
        )
        for event in ("renewed", "lapsed"):
            firsts = events[events.event == event].groupby("contract_id").recorded_at.min()
            contracts[f"{event}_at"] = firsts.reindex(contracts.index)
        return contracts
