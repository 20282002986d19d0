"""Weighted round-robin: whose turn it is, given each one's weight and how many they have had.

The turn goes to whoever would then have the least per unit of weight (smallest (given + 1) / weight), so that
over time shares follow weights. Ties are settled by a hash of seed, lead and rep: whoever records the seed
can replay every turn.
"""

import hashlib
from collections.abc import Mapping


def turns(weights: Mapping[str, float], given: Mapping[str, float], lead_id: str, seed: int) -> list[str]:
    """Return the reps of ``weights`` (all above 0) in the order of their turn for this lead.

    Raises ValueError for a weight that is not above 0.
    """
    if any(weight <= 0 for weight in weights.values()):
        raise ValueError("weights need to be above 0")

    def place(rep_id: str) -> tuple[float, str]:
        tie = hashlib.sha256(f"{seed}|{lead_id}|{rep_id}".encode()).hexdigest()
        return (given.get(rep_id, 0.0) + 1.0) / weights[rep_id], tie

    return sorted(weights, key=place)
