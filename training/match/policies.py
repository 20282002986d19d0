"""Who gets each lead: at random, by rules (weighted round-robin), or greedily by forecast, under capacity.

A policy takes leads in order of arrival and gives each to one of its candidates. Arrays are (n, reps):
``allowed`` says who may have a lead, the result is the chance of each rep, rows adding to 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crm_store.domain.round_robin import turns
from training.arrays import Bools, Floats


def at_random(allowed: Bools) -> Floats:
    """Return equal chances among the candidates."""
    return np.asarray(allowed / np.maximum(allowed.sum(axis=1, keepdims=True), 1))


def by_rules(allowed: Bools, weights: Floats, reps: Sequence[str], leads: Sequence[str], seed: int) -> Floats:
    """Return the rules' choice: weighted round-robin, by weights (n, reps) above 0 of past wins."""
    chosen, given = np.zeros(allowed.shape), dict.fromkeys(reps, 0.0)
    for row, lead in enumerate(leads):
        among = {reps[k]: float(weights[row, k]) for k in np.flatnonzero(allowed[row]).tolist()}
        if among:
            first = turns(among, given, lead, seed)[0]
            given[first] += 1
            chosen[row, list(reps).index(first)] = 1.0
    return chosen


def greedy(allowed: Bools, forecasts: Floats, capacity: Floats) -> Floats:
    """Return the best candidate who still has room; ``capacity`` (reps,) is leads over the whole stretch.

    When none of the candidates has room, the one with the most of it (over capacity by the least) gets it.
    """
    room, chosen = capacity.astype(float).copy(), np.zeros(allowed.shape)
    for row in range(len(allowed)):
        candidates = np.flatnonzero(allowed[row])
        if len(candidates) == 0:
            continue
        free = candidates[room[candidates] >= 1]
        best = free[np.argmax(forecasts[row, free])] if len(free) else candidates[np.argmax(room[candidates])]
        room[best] -= 1
        chosen[row, best] = 1.0
    return chosen
