"""Array types of the simulation and the few drawing helpers that every part uses.

A thing that happens is described by parallel arrays with one element per lead, account, rep or event.
Times are float days since the window began (``clock.Clock``); ``NEVER`` stands for "did not happen",
and the index ``NOBODY`` for nobody.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Words = npt.NDArray[np.object_]
Rng = np.random.Generator

NEVER = np.inf
NOBODY = -1
_BURST_SHAPE = 0.5


def stream(seed: int, name: str) -> Rng:
    """Return the random stream of one part, so that a change in one part leaves the others alone."""
    return np.random.default_rng([seed, *name.encode()])


def sigmoid(logit: Floats) -> Floats:
    """Return the probability of a log-odds."""
    return np.asarray(1.0 / (1.0 + np.exp(-logit)))


def words(items: Sequence[str | None]) -> Words:
    """Return the strings as an array of objects that can be indexed by an array."""
    out = np.empty(len(items), dtype=object)
    out[:] = items
    return out


def pick(rng: Rng, pool: Words, size: int) -> Words:
    """Return ``size`` random elements of the pool."""
    return np.asarray(pool[rng.integers(0, len(pool), size)])


def pick_each(rng: Rng, log_weights: Floats) -> Ints:
    """Return for each row a column drawn with weights ``exp(log_weights)``, by the Gumbel-max method."""
    noise = rng.gumbel(size=log_weights.shape)
    return np.asarray(np.argmax(log_weights + noise, axis=1), dtype=np.int64)


def pick_index(rng: Rng, weights: Sequence[float], size: int) -> Ints:
    """Return ``size`` indices drawn in proportion to the weights."""
    share = np.asarray(weights, dtype=float)
    return np.asarray(rng.choice(len(share), size=size, p=share / share.sum()), dtype=np.int64)


def whole(values: Floats) -> Floats:
    """Return the values rounded to whole numbers."""
    return np.asarray(np.round(values), dtype=np.float64)


def lognormal(rng: Rng, median: float, spread: float, size: int) -> Floats:
    """Return draws whose logarithm is normal around ``log(median)``."""
    return np.asarray(median * np.exp(spread * rng.standard_normal(size)))


def scatter(rng: Rng, mean: Floats, start: Floats, decay: Floats) -> tuple[Ints, Floats]:
    """Return (whose, when) of Poisson many events after ``start``: a burst, thinning out over ``decay`` days.

    Gaps from the start are gamma distributed with shape below 1. Owners that never start have no events.
    """
    begun = np.isfinite(start)
    count = rng.poisson(np.where(begun, mean, 0.0))
    whose = np.repeat(np.arange(len(mean)), count)
    return whose, start[whose] + rng.standard_gamma(_BURST_SHAPE, len(whose)) * decay[whose]
