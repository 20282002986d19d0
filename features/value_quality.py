"""What the values of a build look like, feature by feature, and what about them has changed.

Drift is the population stability index, Σ (p − q) ln(p / q) over bins (Siddiqi, Credit Risk Scorecards,
2006, ch. 10), between a build and an earlier one: above 0.25 a population is commonly held to have shifted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import pandas as pd

Alert = Literal["unknown", "range", "drift"]
ALERTS: Mapping[Alert, tuple[str, str]] = {
    "unknown": ("缺失比例明显上升", "far more values are unknown"),
    "range": ("取值超出以往范围", "values lie far outside their former range"),
    "drift": ("分布明显改变", "the distribution has shifted"),
}
SHIFTED = 0.25
# So much of a feature may become unknown between two builds, and so far may its range grow.
UNKNOWN_STEP = 0.2
RANGE_STEP = 1.0
# Two samples of one population seldom differ by so many times what they do on average (χ² of any bins).
NOISE = 6.0
_BINS = 10
_WORDS = 20
_LEAST = 1e-4
_OTHERS = "…"


class Column(Protocol):
    """What is measured: a feature of the catalog, or anything else with a name and a kind of value."""

    @property
    def name(self) -> str:
        """The column's name."""
        ...

    @property
    def dtype(self) -> str:
        """``string`` for words; anything else is a number."""
        ...


@dataclass(frozen=True)
class Values:
    """A feature at a build: shares of its bins (numbers, split at ``edges``) or of its words."""

    rows: int
    unknown: float
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    edges: tuple[float, ...] = ()
    shares: tuple[float, ...] = ()
    words: Mapping[str, float] = field(default_factory=dict)
    psi: float | None = None
    alerts: tuple[Alert, ...] = ()

    @property
    def known(self) -> float:
        """How many rows have a value."""
        return self.rows * (1 - self.unknown)

    def plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)

    @classmethod
    def of_plain(cls, plain: Mapping[str, Any]) -> "Values":
        """Return what ``plain`` gave."""
        lists = {name: tuple(plain[name]) for name in ("edges", "shares", "alerts")}
        return cls(**{**plain, **lists})


def measure(
    frame: "pd.DataFrame", features: Sequence[Column], before: Mapping[str, Values]
) -> dict[str, Values]:
    """Return what each feature of a frame looks like, compared with an earlier build where there is one."""
    return {one.name: _measured(frame[one.name], one, before.get(one.name)) for one in features}


def _measured(column: "pd.Series[Any]", feature: Column, before: Values | None) -> Values:
    unknown = float(column.isna().mean()) if len(column) else 0.0
    known = column.dropna()
    now = (
        _of_words(known, unknown, len(column))
        if feature.dtype == "string"
        else _of_numbers(known, unknown, len(column))
    )
    if before is None or not before.rows or not len(column):
        return now
    psi = _psi(known, feature, now, before)
    alerts: list[Alert] = []
    if unknown > before.unknown + UNKNOWN_STEP:
        alerts.append("unknown")
    if _outside(now, before):
        alerts.append("range")
    if psi is not None and psi > SHIFTED and psi > NOISE * noise(now, before):
        alerts.append("drift")
    return Values(**{**now.plain(), "psi": psi, "alerts": tuple(alerts)})


def _of_numbers(known: "pd.Series[Any]", unknown: float, rows: int) -> Values:
    import numpy as np

    if not len(known):
        return Values(rows, unknown)
    numbers = known.to_numpy(float)
    edges = np.unique(np.quantile(numbers, np.linspace(0, 1, _BINS + 1)[1:-1]))
    shares = tuple(_shares(numbers, edges.tolist()))
    low, high, mean = (float(figure) for figure in (numbers.min(), numbers.max(), numbers.mean()))
    return Values(rows, unknown, low, high, mean, tuple(edges.tolist()), shares)


def _of_words(known: "pd.Series[Any]", unknown: float, rows: int) -> Values:
    shares = known.value_counts(normalize=True)
    words = {str(word): float(share) for word, share in shares.head(_WORDS).items()}
    rest = 1.0 - sum(words.values())
    return Values(rows, unknown, words=words | ({_OTHERS: rest} if rest > _LEAST else {}))


def _shares(numbers: Any, edges: Sequence[float]) -> list[float]:
    import numpy as np

    counts = np.bincount(np.searchsorted(edges, numbers, side="left"), minlength=len(edges) + 1)
    return (counts / len(numbers)).tolist()  # type: ignore[no-any-return]


def _psi(known: "pd.Series[Any]", feature: Column, now: Values, before: Values) -> float | None:
    if not len(known):
        return None
    if feature.dtype == "string":
        names = [word for word in before.words if word != _OTHERS]
        ours, theirs = ([one.words.get(word, 0.0) for word in names] for one in (now, before))
        ours, theirs = ([*shares, max(0.0, 1.0 - sum(shares))] for shares in (ours, theirs))
        return _index(ours, theirs, now.known, before.known) if before.words else None
    if not before.shares:
        return None
    ours = _shares(known.to_numpy(float), before.edges)
    return _index(ours, before.shares, now.known, before.known)


def _index(ours: Sequence[float], theirs: Sequence[float], known: float, known_before: float) -> float:
    """Half a case in every bin keeps an empty one from deciding alone (Jeffreys' prior)."""
    import numpy as np

    bins = len(ours)
    p, q = (
        (np.asarray(shares) * count + 0.5) / (count + 0.5 * bins)
        for shares, count in ((ours, known), (theirs, known_before))
    )
    return float(np.sum((p - q) * np.log(p / q)))


def noise(now: Values, before: Values) -> float:
    """Return the index that two samples of one population have on average: bins·(1/n + 1/m)."""
    bins = max(len(before.shares), len(before.words), 2) - 1
    return bins * (1 / max(now.known, 1.0) + 1 / max(before.known, 1.0))


def _outside(now: Values, before: Values) -> bool:
    if now.low is None or now.high is None or before.low is None or before.high is None:
        return False
    slack = RANGE_STEP * max(before.high - before.low, abs(before.high), abs(before.low), 1.0)
    return now.low < before.low - slack or now.high > before.high + slack
