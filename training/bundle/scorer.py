"""Scores and reasons of a bundle: one row in about a tenth of a millisecond, sets as one matrix.

**Reasons.** LightGBM splits the raw log-odds of a row into a base (the average row) and one share per
feature (TreeSHAP, Lundberg et al. 2020). The shares are log-odds; people read points. So each is
multiplied by one number per row, its *scale* = (value - value of the base) / (sum of shares): the points
that one unit of log-odds was worth between the base and here. Then base + all effects = value exactly.
The sign already says "for" (more points) or "against", also where a likelier loss means fewer points.
Where that quotient says nothing, because the shares cancel out or the map is flat between base and here,
the scale is the map's average slope within one unit of log-odds around the row; the sum is then only
approximate. Features that mean the same to people are one reason, with the sum of their effects
(``gathered``), and every reason of 0.05 points or more is given.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from functools import cached_property

import numpy as np

from crm_store.domain.scores import Reason, Score, SegmentFacts
from training.arrays import Floats
from training.bundle.content import Bundle
from training.bundle.contrast import Contrasts
from training.bundle.contributions import SetContributions
from training.bundle.engine import gain_shares, load_booster
from training.bundle.gathered import LEAST_CONTRAST, Gatherer
from training.bundle.segments import Segment

log = logging.getLogger(__name__)

SET = 64  # rows from which the short way to shares pays
CHECKED = 4  # rows of every set that LightGBM works out as well
PART = 2_048  # rows that are read while the booster works on those before
_FLAT = 1e-6


class BundleScorer:
    """A model bundle as a Scorer. Loading LightGBM takes a second or two, once.

    One thread is best for single rows, and on a machine that does other things; 0 takes all.
    """

    def __init__(self, bundle: Bundle, threads: int = 1) -> None:
        self.bundle = bundle
        self._booster = load_booster(bundle.booster, bundle.encoding.features)
        self._threads = threads
        self._gatherer = Gatherer(bundle.encoding.features)
        self._segments = [self._of_segment(segment) for segment in bundle.segments]

    def _of_segment(self, segment: Segment) -> tuple[SegmentFacts, BundleScorer]:
        own = replace(
            self.bundle,
            version=f"{self.version}/{segment.facts.name}",
            encoding=segment.encoding,
            calibrator=segment.calibrator,
            booster=segment.booster,
            segments=(),
        )
        return segment.facts, BundleScorer(own, self._threads)

    @property
    def version(self) -> str:
        """The bundle's version."""
        return self.bundle.version

    def score(
        self, signals: Sequence[Mapping[str, object]], as_of: datetime, *, with_reasons: bool = True
    ) -> list[Score]:
        """Return one score per row of feature name → value, in order; a missing name or None is missing.

        Raises ValueError for a text where a number belongs. Reasons cost most of the time: leave them
        out where nobody reads them.
        """
        if not signals:
            return []
        if not self._segments:
            return self._score(signals, as_of, with_reasons)
        scores: list[Score | None] = [None] * len(signals)
        for facts, scorer, places in self._shared_out(signals):
            own = scorer._score([signals[k] for k in places], as_of, with_reasons)
            for k, score in zip(places, own, strict=True):
                scores[k] = score if facts is None else replace(score, segment=facts)
        return [score for score in scores if score is not None]

    def _score(
        self, signals: Sequence[Mapping[str, object]], as_of: datetime, with_reasons: bool
    ) -> list[Score]:
        """Score rows of this scorer's own segment."""
        if not with_reasons:
            probabilities, values = self.values(self.raw_of(signals))
            return self._scores(probabilities, values, [()] * len(signals), as_of)
        matrix = self.bundle.encoding.matrix(signals)
        shares, base = self._shares(matrix)
        raw = shares.sum(axis=1) + base
        probabilities, values = self.values(raw)
        effects = shares * self._scale(raw, values, base)[:, None]
        return self._scores(probabilities, values, self._gatherer.reasons(signals, effects), as_of)

    def compare(self, signals: Sequence[Mapping[str, object]], as_of: datetime) -> tuple[list[Score], float]:
        """Return one score per row, and the probability of the mean row of these (by its log-odds).

        The reasons say what sets a row apart from the others (``contrast``): their effects are percentage
        points, and add up to the probability over that of the mean row. What all rows share is no reason.
        Segments are left to ``score``: rows that are compared need one model.
        """
        matrix = self.bundle.encoding.matrix(signals)
        raw = self.raw(matrix)
        typical = raw.mean(keepdims=True)
        probabilities, values = self.values(raw)
        mean = float(self.values(typical)[0][0])
        run = raw - typical
        scale = 100.0 * (probabilities - mean) / np.where(np.abs(run) < _FLAT, np.inf, run)
        effects = self._contrasts.shares(matrix) * scale[:, None]
        reasons = self._gatherer.reasons(signals, effects, LEAST_CONTRAST)
        return self._scores(probabilities, values, reasons, as_of), mean

    def probabilities(self, signals: Sequence[Mapping[str, object]]) -> list[float]:
        """Return the calibrated probability of each row, and nothing else."""
        if not signals:
            return []
        found = np.empty(len(signals))
        for _, scorer, places in self._shared_out(signals):
            found[places] = scorer.values(scorer.raw_of([signals[k] for k in places]))[0]
        return [float(probability) for probability in found]

    def _shared_out(
        self, signals: Sequence[Mapping[str, object]]
    ) -> Iterator[tuple[SegmentFacts | None, BundleScorer, list[int]]]:
        """Yield who answers for which rows, by their places; the first segment that a row is of has it."""
        places = list(range(len(signals)))
        for facts, scorer in self._segments:
            own = [k for k in places if signals[k].get(facts.feature) == facts.value]
            if own:
                yield facts, scorer, own
                places = [k for k in places if signals[k].get(facts.feature) != facts.value]
        if places:
            yield None, self, places

    def raw(self, matrix: Floats) -> Floats:
        """Return raw log-odds (n,) of a matrix (n, features) in the bundle's feature order."""
        return np.asarray(self._booster.predict(matrix, raw_score=True, num_threads=self._threads))

    def raw_of(self, signals: Sequence[Mapping[str, object]]) -> Floats:
        """Return raw log-odds (n,) of rows; of many, one part is read while the booster works on another."""
        encoding = self.bundle.encoding
        if len(signals) < 2 * PART:
            return self.raw(encoding.matrix(signals))
        with ThreadPoolExecutor(1) as pool:
            parts = [
                pool.submit(self.raw, encoding.matrix(signals[start : start + PART]))
                for start in range(0, len(signals), PART)
            ]
            return np.concatenate([part.result() for part in parts])

    def values(self, raw: Floats) -> tuple[Floats, Floats]:
        """Return probabilities (n,) and points (n,) of raw log-odds."""
        probabilities = self.bundle.calibrator.apply(raw)
        return probabilities, self.bundle.points.apply(probabilities)

    def gains(self) -> dict[str, float]:
        """Return each feature's share of the gain of all splits; nothing where no tree has split."""
        return gain_shares(self._booster)

    def effects(self, matrix: Floats) -> tuple[Floats, Floats]:
        """Return effects (n, features) in points and the value of the base row, one number as (1,)."""
        shares, base = self._shares(matrix)
        raw = shares.sum(axis=1) + base
        return shares * self._scale(raw, self.values(raw)[1], base)[:, None], self.values(np.array([base]))[1]

    def _shares(self, matrix: Floats) -> tuple[Floats, float]:
        """Shares (n, features) of the raw log-odds, and the base. Sets take the short way, if it agrees."""
        if len(matrix) < SET or self._sets is None:
            return self._native_shares(matrix)
        shares = self._sets.shares(matrix)
        some = np.linspace(0, len(matrix) - 1, CHECKED).astype(int)
        native, base = self._native_shares(matrix[some])
        if np.allclose(shares[some], native, rtol=1e-6, atol=1e-8):
            return shares, base
        log.warning("contributions_differ", extra={"version": self.bundle.version})
        return self._native_shares(matrix)

    def _native_shares(self, matrix: Floats) -> tuple[Floats, float]:
        shares = np.asarray(self._booster.predict(matrix, pred_contrib=True, num_threads=self._threads))
        return shares[:, :-1], float(shares[0, -1])

    @cached_property
    def _contrasts(self) -> Contrasts:
        return Contrasts(self._booster.dump_model())

    @cached_property
    def _sets(self) -> SetContributions | None:
        try:
            return SetContributions(self._booster.dump_model())
        except ValueError:
            return None

    def _scale(self, raw: Floats, values: Floats, base: float) -> Floats:
        rise = values - self.values(np.array([base]))[1]
        run = raw - base
        around = (self.values(raw + 1)[1] - self.values(raw - 1)[1]) / 2
        flat = (np.abs(run) < _FLAT) | (np.abs(rise) < _FLAT)
        return np.where(flat, around, rise / np.where(flat, 1.0, run))

    def _scores(
        self, probabilities: Floats, values: Floats, reasons: Sequence[tuple[Reason, ...]], as_of: datetime
    ) -> list[Score]:
        return Score.many(values.tolist(), probabilities.tolist(), reasons, "model", self.version, as_of)
