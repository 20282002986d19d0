"""Who is followed since when, and what became of them: the loss that came first, or the end of what is known.

A loss stands at the moment at which anybody could know it: a contract when its lapse is recorded, or when
the grace after its end is over; silence when the days without an order are full. Whoever had no loss by
``now`` is censored there: known to have stayed that long, and nothing more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from training.outcomes import NoPurchase, NotRenewed, Outcome

if TYPE_CHECKING:
    import pandas as pd

AtRisk = Callable[[datetime], "pd.Series[str]"]
COLUMNS = ["entity_id", "as_of", "lost_at"]
DAY_S = 86_400


class Losses(Protocol):
    """What a loss is, for follow-up."""

    @property
    def outcome(self) -> Outcome:
        """The outcome that declares the loss and whom it concerns."""
        ...

    @property
    def decided(self) -> Mapping[str, object] | None:
        """By when it is known whether the outcome happens: ``days`` after those that ``feature`` counts."""
        ...

    def first_known(self, sources: Path, now: datetime) -> datetime | None:
        """Return the first moment with something to follow; None where there is nothing."""
        ...

    def follow(self, sources: Path, moments: Sequence[datetime], now: datetime) -> pd.DataFrame:
        """Return entity_id, as_of, lost_at of everybody at risk at each moment, in order of both.

        ``lost_at`` is the first loss after as_of that stood by ``now``, missing where there was none. Reads
        only what was recorded by ``now``.
        """
        ...


@dataclass(frozen=True)
class ContractLost:
    """A contract is not renewed: lost when its lapse is recorded, at the latest when the grace is over."""

    outcome: NotRenewed

    @property
    def decided(self) -> Mapping[str, object]:
        """When the grace of the contract that ends next is over."""
        return {"feature": "account_days_to_expiry", "days": self.outcome.grace / timedelta(days=1)}

    def first_known(self, sources: Path, now: datetime) -> datetime | None:
        """Return when the first contract was signed."""
        signed = self.outcome.contracts(sources, now).signed_at
        return None if signed.empty else signed.min().to_pydatetime()

    def follow(self, sources: Path, moments: Sequence[datetime], now: datetime) -> pd.DataFrame:
        """Follow every account with a contract that runs, or is undecided within its grace."""
        import pandas as pd

        contracts, grace = self.outcome.contracts(sources, now), self.outcome.grace
        kept = contracts.renewed_at <= contracts.end_at + grace
        lost_at = contracts.lapsed_at.fillna(contracts.end_at + grace).where(~kept)
        lost_at = lost_at.where(lost_at <= pd.Timestamp(now))

        def at_risk(moment: datetime) -> pd.Series[str]:
            at = pd.Timestamp(moment)
            runs = (contracts.signed_at <= at) & (contracts.end_at + grace > at)
            return contracts.entity_id[runs & ~(contracts.lapsed_at <= at)]

        losses = pd.DataFrame({"entity_id": contracts.entity_id, "lost_at": lost_at})
        return _followed(moments, at_risk, losses)


@dataclass(frozen=True)
class FellSilent:
    """No order for ``within``: lost when that time is full after an order."""

    outcome: NoPurchase

    @property
    def decided(self) -> None:
        """Nothing: an account may order and fall silent all the same."""
        return None

    def first_known(self, sources: Path, now: datetime) -> datetime | None:
        """Return when the first order had been followed for the whole horizon."""
        orders = self.outcome.orders(sources, now)
        return None if orders.empty else (orders.occurred_at.min() + self.outcome.within).to_pydatetime()

    def follow(self, sources: Path, moments: Sequence[datetime], now: datetime) -> pd.DataFrame:
        """Follow every account that ordered within ``active_within``."""
        import pandas as pd

        orders = self.outcome.orders(sources, now).sort_values(["entity_id", "occurred_at"])
        following = orders.groupby("entity_id").occurred_at.shift(-1)
        silent_at = orders.occurred_at + self.outcome.within
        fell = (following.isna() | (following > silent_at)) & (silent_at <= pd.Timestamp(now))

        def at_risk(moment: datetime) -> pd.Series[str]:
            return self.outcome.active(orders, pd.Timestamp(moment))

        losses = pd.DataFrame({"entity_id": orders.entity_id, "lost_at": silent_at.where(fell)})
        return _followed(moments, at_risk, losses)


def moments_before(end: datetime, first: datetime, every: timedelta) -> list[datetime]:
    """Return the moments every so often, counted back from just before ``end`` to ``first``, oldest first."""
    count = int((end - first) / every)
    return [end - every * step for step in range(count, 0, -1)]


def moments_since(start: datetime, end: datetime, every: timedelta) -> list[datetime]:
    """Return the moments every so often from ``start`` on that lie at least one step before ``end``."""
    return [start + every * step for step in range(int((end - start) / every))]


def days_seen(rows: pd.DataFrame, until: datetime) -> tuple[pd.Series[float], pd.Series[bool]]:
    """Return the days that each row was followed until a moment, and whether it ended in a loss."""
    import pandas as pd

    lost = rows.lost_at <= pd.Timestamp(until)
    end = rows.lost_at.where(lost, pd.Timestamp(until))
    return (end - rows.as_of).dt.total_seconds() / DAY_S, lost


def _followed(moments: Sequence[datetime], at_risk: AtRisk, losses: pd.DataFrame) -> pd.DataFrame:
    """Join everybody at risk with their first loss afterwards."""
    import pandas as pd

    parts = [
        pd.DataFrame({"entity_id": at_risk(at).drop_duplicates().sort_values(), "as_of": pd.Timestamp(at)})
        for at in moments
    ]
    if not parts:
        return pd.DataFrame({name: [] for name in COLUMNS})
    rows = pd.concat(parts, ignore_index=True)
    rows["as_of"] = rows.as_of.astype("datetime64[us, UTC]")
    losses = losses.dropna(subset=["lost_at"]).sort_values("lost_at")
    return pd.merge_asof(
        rows, losses, left_on="as_of", right_on="lost_at", by="entity_id", direction="forward",
        allow_exact_matches=False,
    )[COLUMNS]  # fmt: skip
