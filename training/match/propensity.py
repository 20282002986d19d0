"""How likely each rep was to be given a lead: what past assignments followed, so that it can be undone.

A multinomial logit of the rep on what routing looks at (region and need): a rep's weight is
a constant and one number per known value. An unknown value leaves the constants to decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from training.arrays import Bools, Floats

if TYPE_CHECKING:
    import pandas as pd

ROUTING = ("lead_region", "lead_need")
CLIP = 0.05
"""No weight is larger than 1 / 0.05 = 20: a little bias for far less variance (Crump et al. 2009)."""
_L2 = 0.5


@dataclass(frozen=True)
class Propensity:
    """The fitted logit: ``weights`` is (values + 1, reps), its last row the constants."""

    reps: tuple[str, ...]
    fields: tuple[str, ...]
    values: tuple[tuple[str, str], ...]
    weights: Floats

    def of(self, leads: pd.DataFrame) -> Floats:
        """Return each rep's chance (n, reps) for leads with the routing fields as columns; rows add to 1."""
        return _softmax(_design(leads, self.values) @ self.weights)

    def given(self, leads: pd.DataFrame, reps: Sequence[str], clip: float = CLIP) -> Floats:
        """Return the chance (n,) of the rep who got each lead, not below ``clip``."""
        place = {rep: column for column, rep in enumerate(self.reps)}
        columns = np.array([place.get(rep, -1) for rep in reps])
        chances = np.append(self.of(leads), np.zeros((len(leads), 1)), axis=1)
        return np.asarray(np.maximum(chances[np.arange(len(leads)), columns], clip))


def fit_propensity(
    leads: pd.DataFrame, reps: Sequence[str], fields: Sequence[str] = ROUTING, l2: float = _L2
) -> Propensity:
    """Fit by maximum likelihood with a ridge of ``l2`` on everything but the constants."""
    from scipy.optimize import minimize  # type: ignore[import-untyped]

    known = tuple(sorted(set(reps)))
    values = tuple(
        (name, str(value)) for name in fields for value in sorted(leads[name].dropna().unique().tolist())
    )
    design = _design(leads, values)
    place = {rep: column for column, rep in enumerate(known)}
    chosen = np.array([place[rep] for rep in reps])
    target = np.zeros((len(leads), len(known)))
    target[np.arange(len(leads)), chosen] = 1.0
    ridge = np.full((design.shape[1], 1), l2)
    ridge[-1] = 1e-3

    def loss(flat: Floats) -> tuple[float, Floats]:
        weights = flat.reshape(design.shape[1], len(known))
        chances = _softmax(design @ weights)
        likely = np.log(np.maximum(chances[np.arange(len(chosen)), chosen], 1e-300)).sum()
        slope = design.T @ (chances - target) + ridge * weights
        return float(-likely + 0.5 * (ridge * weights**2).sum()), slope.ravel()

    start = np.zeros(design.shape[1] * len(known))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 200})
    return Propensity(known, tuple(fields), values, found.x.reshape(design.shape[1], len(known)))


def inverse_weights(leads: pd.DataFrame, reps: Sequence[str], clip: float = CLIP) -> Floats:
    """Return weights (n,) under which the leads look as if given at random among their candidates; mean 1.

    The chance that a random candidate is the rep, over the chance that past routing chose them (inverse
    propensity, stabilised by the candidates: Robins, Hernán and Brumback 2000). Who was no candidate is an
    exception that no weight makes ordinary, and counts for nothing.
    """
    fitted = fit_propensity(leads, reps)
    among = candidates(fitted.of(leads))
    place = {rep: column for column, rep in enumerate(fitted.reps)}
    logged = np.array([place[rep] for rep in reps])
    target = among[np.arange(len(leads)), logged] / among.sum(axis=1)
    weights = target / fitted.given(leads, reps, clip)
    return np.asarray(weights / weights.mean())


def candidates(chances: Floats) -> Bools:
    """Return who could have been given each lead (n, reps): chances of 5% and more, or half the largest."""
    return np.asarray(chances >= np.minimum(CLIP, chances.max(axis=1, keepdims=True) / 2))


def _design(leads: pd.DataFrame, values: Sequence[tuple[str, str]]) -> Floats:
    columns = [(leads[name] == value).to_numpy(dtype=float) for name, value in values]
    return np.column_stack([*columns, np.ones(len(leads))])


def _softmax(logits: Floats) -> Floats:
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))
