"""A batch of activities of one channel, as parallel arrays, before they become rows of a table."""

from dataclasses import dataclass

import numpy as np

from pipelines.demo_company.world.arrays import NOBODY, Flags, Floats, Ints, Words


@dataclass(frozen=True)
class Batch:
    """Activities of one channel and direction; ``lead``, ``account`` and ``rep`` are indices or NOBODY."""

    channel: str
    direction: str
    at: Floats
    lead: Ints
    account: Ints
    rep: Ints
    text: Words
    duration: Floats

    def keep(self, mask: Flags) -> "Batch":
        """Return the activities that the mask selects."""
        return Batch(
            self.channel,
            self.direction,
            self.at[mask],
            self.lead[mask],
            self.account[mask],
            self.rep[mask],
            self.text[mask],
            self.duration[mask],
        )


def batch(
    channel: str,
    direction: str,
    at: Floats,
    *,
    lead: Ints | None = None,
    account: Ints | None = None,
    rep: Ints | None = None,
    text: Words | None = None,
    duration: Floats | None = None,
) -> Batch:
    """Return a batch; what is left out is nobody, no text, no duration."""
    size = len(at)
    nobody = np.full(size, NOBODY, dtype=np.int64)
    return Batch(
        channel,
        direction,
        at,
        nobody if lead is None else lead,
        nobody if account is None else account,
        nobody if rep is None else rep,
        np.full(size, None, dtype=object) if text is None else text,
        np.full(size, np.nan) if duration is None else duration,
    )
