"""What a policy would have won, estimated from what another policy did (off-policy evaluation).

All take, of n leads: won (n,), the chance that the new policy gives the rep who got it (n,), the chance that
the old one gave them (n,), and forecasts. Values are wins per lead. Intervals are normal at 95%, from the
influence of each lead (Dudík, Langford and Li 2011 for DR; Swaminathan and Joachims 2015 for SNIPS).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.arrays import Bools, Floats

_Z = 1.959963984540054


@dataclass(frozen=True)
class Estimate:
    """A value with its 95% interval."""

    value: float
    low: float
    high: float

    def as_dict(self) -> dict[str, float]:
        """Return the three numbers, ready for JSON."""
        return {"value": self.value, "low": self.low, "high": self.high}


def matched(won: Bools | Floats, new: Floats) -> Estimate:
    """Return the naive estimate: how often leads were won that went where the policy would send them."""
    rows = np.asarray(won, dtype=float)
    share = new.sum()
    if share <= 0:
        return Estimate(float("nan"), float("nan"), float("nan"))
    value = float((new * rows).sum() / share)
    return _around(value, len(rows) * new * (rows - value) / share)


def direct(forecast: Floats) -> Estimate:
    """Return the mean forecast (n,) for the reps whom the policy chooses: as good as the model, no better."""
    return _around(float(forecast.mean()), forecast - forecast.mean())


def ips(won: Bools | Floats, new: Floats, old: Floats) -> Estimate:
    """Return inverse propensity scoring: the mean of new / old × won."""
    terms = new / old * won
    return _around(float(terms.mean()), terms - terms.mean())


def snips(won: Bools | Floats, new: Floats, old: Floats) -> Estimate:
    """Return the self-normalised form: Σ w·won / Σ w, a little biased and much steadier."""
    weights = new / old
    if weights.sum() <= 0:
        return Estimate(float("nan"), float("nan"), float("nan"))
    value = float((weights * won).sum() / weights.sum())
    return _around(value, weights * (won - value) / weights.mean())


def doubly_robust(
    won: Bools | Floats, new: Floats, old: Floats, forecast_chosen: Floats, forecast_logged: Floats
) -> Estimate:
    """Return the mean forecast(new), put right by the weighted mean of won − forecast(logged).

    Right in large numbers if the propensities are right or the forecasts are. The weights new / old are
    normalised to a mean of 1, as in SNIPS (weighted doubly robust: Thomas and Brunskill 2016).
    """
    weights = new / old
    total = weights.mean()
    if total <= 0:
        return Estimate(float("nan"), float("nan"), float("nan"))
    missed = won - forecast_logged
    error = float((weights * missed).mean() / total)
    influence = forecast_chosen - forecast_chosen.mean() + weights * (missed - error) / total
    return _around(float(forecast_chosen.mean()) + error, influence)


def _around(value: float, influence: Floats) -> Estimate:
    half = _Z * float(influence.std(ddof=1)) / float(np.sqrt(len(influence))) if len(influence) > 1 else 0.0
    return Estimate(value, value - half, value + half)
