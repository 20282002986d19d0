"""Drift found, and not found: planted drifts of several sizes, still data, and Olist's jump of January 2018.

Each window of rows and known outcomes is drawn anew and held against a real bundle's reference. The reference
to beat is a Kolmogorov-Smirnov test of every number and a chi-squared test of outcomes, at 5% each: what one
does without bounds for chance. On Olist a monitor runs day by day over the real leads; the reference is
leads up to November 2017, an outcome is a win within 30 days.
"""

import csv
import os
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from tests.sizes import full
from training.arrays import Bools, Floats
from training.bundle import Bundle, BundleScorer
from training.calibration import fit_platt
from training.drift import Finding, Reference, examine, reference_of
from training.encoding import learn_encoding
from training.lightgbm_model import BoostingParams, fit_lightgbm
from training.policy import DriftLimits, ModelPolicy
from training.score_map import score_map

CHANNELS = ("展会", "官网", "转介绍", "电话")
NUMBERS = [f"number_{k}" for k in range(8)]
ROWS, LEARNED = 1_500, 6_000
JUMP, FIRST_DAY, LAST_DAY = date(2018, 1, 1), date(2017, 12, 15), date(2018, 4, 15)
_AT = datetime.fromisoformat("2024-01-01T00:00:00+00:00")


class World:
    """Rows whose outcome depends on three numbers and the channel; each knob plants a drift."""

    def __init__(
        self,
        shift: float = 0.0,
        mix: float = 0.0,
        rate: float = 0.0,
        slope: float = 1.0,
        unknown: float = 0.1,
    ) -> None:
        self.shift, self.mix, self.rate, self.slope, self.unknown = shift, mix, rate, slope, unknown

    def draw(self, seed: int, rows: int) -> tuple[pd.DataFrame, Bools]:
        """Return features and outcomes."""
        generator = np.random.default_rng(seed)
        values = generator.normal(size=(rows, len(NUMBERS)))
        values[:, 0] += self.shift
        values[generator.random(values.shape) < self.unknown] = np.nan
        shares = np.array([0.25 - self.mix / 3] * 3 + [0.25 + self.mix])
        frame = pd.DataFrame(values, columns=NUMBERS)
        frame["channel"] = generator.choice(CHANNELS, rows, p=shares)
        signal = np.nansum(values[:, :3] * [1.0, 0.6, 0.3], axis=1) + (frame.channel == "电话").to_numpy()
        odds = -2.2 + self.slope * signal + self.rate
        return frame, generator.random(rows) < 1 / (1 + np.exp(-odds))


PLANTED: Mapping[str, World] = {
    "input_shift_0.25sd": World(shift=0.25),
    "input_shift_0.5sd": World(shift=0.5),
    "input_shift_1sd": World(shift=1.0),
    "input_shift_2sd": World(shift=2.0),
    "channel_mix_+20pt": World(mix=0.2),
    "channel_mix_+50pt": World(mix=0.5),
    "half_unknown": World(unknown=0.5),
    "odds_x1.5": World(rate=np.log(1.5)),
    "odds_x2": World(rate=np.log(2)),
    "odds_x3": World(rate=np.log(3)),
    "odds_x0.33": World(rate=-np.log(3)),
}


class Monitor:
    """A bundle with its reference, and the plain tests beside it."""

    def __init__(self, limits: DriftLimits) -> None:
        self.limits = limits
        still = World()
        frame, labels = still.draw(1, LEARNED)
        later, later_labels = still.draw(2, LEARNED // 3)
        fitted = fit_lightgbm(
            frame, labels, later, later_labels, list(frame.columns), BoostingParams(rounds=150)
        )
        rate = float(labels.mean())
        calibrator = fit_platt(fitted.raw(later), later_labels)
        bundle = Bundle(
            "bench", "bench", "lead", "chance", _AT, rate, "bench", fitted.encoding, calibrator,
            score_map(rate, "chance"), fitted.text, {},
        )  # fmt: skip
        self.scorer, self.encoding = BundleScorer(bundle), fitted.encoding
        self.frame, self.labels = still.draw(3, LEARNED // 3)
        counts = (len(self.labels), int(self.labels.sum()))
        self.reference = reference_of(
            self.frame, self.encoding, self.forecast(self.frame), counts, self.scorer.gains()
        )

    def forecast(self, frame: pd.DataFrame) -> Floats:
        return self.scorer.values(self.scorer.raw(self.encoding.matrix_of_frame(frame)))[0]

    def findings(self, world: World, seed: int) -> list[Finding]:
        recent, _ = world.draw(seed, ROWS)
        known, labels = world.draw(seed + 1, ROWS)
        return examine(
            self.reference,
            self.encoding,
            recent,
            self.forecast(recent),
            (labels, self.forecast(known)),
            self.limits,
        )

    def plain(self, world: World, seed: int) -> bool:
        """Tell whether the plain tests alarm: any of them, at 5% each."""
        from scipy.stats import chi2_contingency, ks_2samp

        recent, _ = world.draw(seed, ROWS)
        _, labels = world.draw(seed + 1, ROWS)
        numbers = (
            ks_2samp(recent[name].dropna(), self.frame[name].dropna()).pvalue < 0.05 for name in NUMBERS
        )
        table = [[labels.sum(), (~labels).sum()], [self.labels.sum(), (~self.labels).sum()]]
        return bool(chi2_contingency(table).pvalue < 0.05) or any(numbers)


def run() -> dict[str, object]:
    """Return shares of windows that step the model down (``act``) or are told at all (``told``)."""
    limits = ModelPolicy.of().drift
    monitor = Monitor(limits)
    still, planted = full(100, 1_000), full(25, 200)
    result: dict[str, object] = {"rows": ROWS, "still_windows": still}
    for name, world, windows in (
        ("still", World(), still),
        *((name, world, planted) for name, world in PLANTED.items()),
    ):
        levels = [
            max(("ok", "warn", "act").index(one.level) for one in monitor.findings(world, 10_000 + 2 * k))
            for k in range(windows)
        ]
        plain = np.mean([monitor.plain(world, 10_000 + 2 * k) for k in range(windows)])
        result[name] = {
            "act": round(float(np.mean([level == 2 for level in levels])), 3),
            "told": round(float(np.mean([level > 0 for level in levels])), 3),
            "plain_tests": round(float(plain), 3),
        }
    folder = os.environ.get("LEADPULSE_TEST_OLIST")
    result["olist"] = olist(Path(folder), limits) if folder else None
    return result


def olist(folder: Path, limits: DriftLimits) -> dict[str, object]:
    """Watch the public leads day by day; return when each kind of drift was first told and acted on."""
    leads = _leads(folder)
    before = leads[leads.contacted < date(2017, 12, 1)]
    encoding = learn_encoding(before, ["origin", "page"])
    labels = before.won30.to_numpy(dtype=bool)
    rate = float(labels.mean())
    reference: Reference = reference_of(
        before,
        encoding,
        np.full(len(before), rate),
        (len(labels), int(labels.sum())),
        {"origin": 0.5, "page": 0.5},
    )
    first: dict[str, dict[str, str]] = {}
    early: set[date] = set()
    for step in range((LAST_DAY - FIRST_DAY).days + 1):
        day = FIRST_DAY + timedelta(days=step)
        window = timedelta(days=limits.window_days)
        recent = leads[(leads.contacted > day - window) & (leads.contacted <= day)]
        matured = leads.contacted + timedelta(days=30)
        known = leads[(matured > day - window) & (matured <= day)]
        outcomes = known.won30.to_numpy(dtype=bool)
        for one in examine(
            reference,
            encoding,
            recent,
            np.full(len(recent), rate),
            (outcomes, np.full(len(outcomes), rate)),
            limits,
        ):
            if one.level != "ok":
                first.setdefault(one.kind, {}).setdefault(one.level, day.isoformat())
                if day < JUMP and one.level == "act":
                    early.add(day)
    return {
        "rate_before": round(rate, 4),
        "rate_january": round(
            float(leads[leads.contacted.map(lambda day: (day.year, day.month) == (2018, 1))].won30.mean()), 4
        ),
        "first": first,
        "days_past_the_limit_before_the_jump": len(early),
    }


def _leads(folder: Path) -> pd.DataFrame:
    with next(folder.glob("*marketing_qualified_leads*.csv")).open(encoding="utf-8") as file:
        leads = {row["mql_id"]: row for row in csv.DictReader(file)}
    with next(folder.glob("*closed_deals*.csv")).open(encoding="utf-8") as file:
        won = {row["mql_id"]: date.fromisoformat(row["won_date"][:10]) for row in csv.DictReader(file)}
    rows = []
    for name, lead in leads.items():
        contacted = date.fromisoformat(lead["first_contact_date"][:10])
        in_time = name in won and (won[name] - contacted).days <= 30
        rows.append((name, contacted, lead["origin"] or None, lead["landing_page_id"], in_time))
    return pd.DataFrame(rows, columns=["entity_id", "contacted", "origin", "page", "won30"])
