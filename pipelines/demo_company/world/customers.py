"""The companies that were customers before the window began: what and where they are."""

from dataclasses import dataclass

import numpy as np

from pipelines.demo_company.world.arrays import Ints, Rng, Words, pick_index
from pipelines.demo_company.world.market import (
    CITY_PROVINCE,
    CITY_SHARE,
    DEALER,
    KIND_SHARE,
    LINE_SHARE,
)
from pipelines.demo_company.world.names import companies

FULL_COUNT = 1400
_MIN_COUNT = 20


@dataclass(frozen=True)
class Customers:
    """Companies, one element each: indices of kind, product line and city, and an invented name."""

    kind: Ints
    line: Ints
    city: Ints
    name: Words

    @property
    def province(self) -> Ints:
        """Index of the province of each."""
        return np.asarray(CITY_PROVINCE[self.city])


def old_customers(rng: Rng, scale: float) -> Customers:
    """Return the customers of the day the window opens: 1,400 at full scale."""
    count = max(_MIN_COUNT, round(FULL_COUNT * scale))
    kind = pick_index(rng, KIND_SHARE, count)
    kind[: count // 12] = DEALER
    city = pick_index(rng, CITY_SHARE, count)
    return Customers(kind, pick_index(rng, LINE_SHARE, count), city, companies(rng, kind, city))
