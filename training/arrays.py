"""Names for the arrays that every part of training passes around, and the two functions of log-odds."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def sigmoid(log_odds: Floats) -> Floats:
    """Return the probability of log-odds, without overflow at either end."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * log_odds)), dtype=np.float64)


def log_odds(probability: Floats, bound: float = 1e-6) -> Floats:
    """Return ln(p / (1 - p)) with p held ``bound`` away from 0 and 1."""
    held = np.clip(probability, bound, 1.0 - bound)
    return np.asarray(np.log(held) - np.log1p(-held), dtype=np.float64)
