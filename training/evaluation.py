"""How good a scorer is on given test rows: the same seven numbers for rules, Bayes and models."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from training.arrays import Bools, Floats

ECE_BINS = 10
TOP_SHARE = 0.1
_BOUND = 1e-6  # log loss of a sure miss stays finite


@dataclass(frozen=True)
class Metrics:
    """Quality on n rows. auc and ap are None when only one outcome occurs, lift when none does."""

    n: int
    positives: int
    base_rate: float
    auc: float | None
    ap: float | None
    logloss: float
    ece: float
    lift: float | None

    def as_dict(self) -> dict[str, float | int | None]:
        """Return the numbers by name, ready for JSON."""
        return asdict(self)


def evaluate(labels: Bools, probabilities: Floats, ranking: Floats | None = None) -> Metrics:
    """Measure probabilities (n,) against labels (n,).

    ``ranking`` (n,), larger for the likelier, is what auc, ap and lift order by when it differs from the
    probabilities: a rule's own points, before points were turned into frequencies. Raises ValueError
    for no rows, for lengths that differ and for values that are not finite.
    """
    order = probabilities if ranking is None else ranking
    if len(labels) == 0 or len(labels) != len(probabilities) or len(labels) != len(order):
        raise ValueError("labels and probabilities need the same length of at least 1")
    if not (np.isfinite(probabilities).all() and np.isfinite(order).all()):
        raise ValueError("probabilities need to be finite")
    positives = int(labels.sum())
    return Metrics(
        n=len(labels),
        positives=positives,
        base_rate=positives / len(labels),
        auc=auc(labels, order),
        ap=average_precision(labels, order),
        logloss=log_loss(labels, probabilities),
        ece=expected_calibration_error(labels, probabilities),
        lift=lift(labels, order),
    )


def auc(labels: Bools, ranking: Floats) -> float | None:
    """Return the chance that a positive ranks above a negative, a tie counting half (Mann-Whitney)."""
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if positives == 0 or negatives == 0:
        return None
    _, place, rows = np.unique(ranking, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(rows) - (rows - 1) / 2)[place]  # ties share the mean of their ranks
    return float((ranks[labels].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def average_precision(labels: Bools, ranking: Floats) -> float | None:
    """Return the sum over thresholds of precision × the recall gained there; ties enter together."""
    positives = int(labels.sum())
    if positives in (0, len(labels)):
        return None
    order = np.argsort(-ranking, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(ranking[order]) != 0, True))
    hits = np.cumsum(labels[order])[ends]
    precision = hits / (ends + 1)
    return float(np.sum(precision * np.diff(hits, prepend=0)) / positives)


def log_loss(labels: Bools, probabilities: Floats) -> float:
    """Return the mean of -ln(probability given to what happened), in nats."""
    given = np.where(labels, probabilities, 1.0 - probabilities)
    return float(-np.log(np.clip(given, _BOUND, 1.0)).mean())


def expected_calibration_error(labels: Bools, probabilities: Floats) -> float:
    """Return the mean gap of forecast and frequency over 10 equal-width bins, weighted by their rows.

    Formula: Guo et al. 2017, "On Calibration of Modern Neural Networks", for the probability of the
    positive outcome.
    """
    return float(
        sum(
            row["share"] * abs(row["forecast"] - row["frequency"])
            for row in reliability(labels, probabilities)
        )
    )


def chance_error(probabilities: Floats, subjects: Sequence[object], rounds: int = 200) -> float:
    """Return the mean calibration error that these forecasts (n,) have by chance alone, when they are right.

    Outcomes are drawn from the forecasts again and again (consistency resampling: Bröcker and Smith 2007,
    "Increasing the Reliability of Reliability Diagrams"); rows of one of the ``subjects`` (n,) share luck.
    """
    _, place = np.unique(np.asarray(subjects, dtype=str), return_inverse=True)
    generator = np.random.default_rng(0)
    drawn = (generator.random(place.max() + 1)[place] < probabilities for _ in range(rounds))
    return float(np.mean([expected_calibration_error(labels, probabilities) for labels in drawn]))


def reliability(labels: Bools, probabilities: Floats) -> list[dict[str, float]]:
    """Return, for every bin with rows, its share of rows, its mean forecast and its observed frequency."""
    bins = np.minimum((probabilities * ECE_BINS).astype(int), ECE_BINS - 1)
    rows = np.bincount(bins, minlength=ECE_BINS)
    forecast = np.bincount(bins, weights=probabilities, minlength=ECE_BINS)
    happened = np.bincount(bins, weights=labels, minlength=ECE_BINS)
    return [
        {
            "share": float(rows[k] / len(labels)),
            "forecast": float(forecast[k] / rows[k]),
            "frequency": float(happened[k] / rows[k]),
        }
        for k in np.flatnonzero(rows)
    ]


def lift(labels: Bools, ranking: Floats, share: float = TOP_SHARE) -> float | None:
    """Return how many times the base rate the top tenth holds.

    Rows that tie at the edge of the tenth count by their expected share, so that a rule with three
    values is neither flattered nor punished by the order that its ties happen to stand in.
    """
    positives = int(labels.sum())
    if positives == 0:
        return None
    room = share * len(labels)
    edge = np.sort(ranking)[::-1][min(int(np.ceil(room)) - 1, len(labels) - 1)]
    above, tied = ranking > edge, ranking == edge
    taken = labels[above].sum() + labels[tied].mean() * (room - above.sum())
    return float(taken / room / (positives / len(labels)))


def auc_interval(
    labels: Bools, ranking: Floats, seed: int = 0, rounds: int = 200, level: float = 0.95
) -> tuple[float, float] | None:
    """Return a percentile bootstrap interval of the AUC; None when only one outcome occurs."""
    if auc(labels, ranking) is None:
        return None
    generator = np.random.default_rng(seed)
    draws = (generator.integers(0, len(labels), len(labels)) for _ in range(rounds))
    values = [value for rows in draws if (value := auc(labels[rows], ranking[rows])) is not None]
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
