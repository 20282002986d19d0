"""Raw log-odds to probabilities that come true."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.arrays import log_odds, sigmoid
from training.calibration import BOUND, KINDS, Calibrator, fit_calibrator, fit_isotonic, fit_platt
from training.evaluation import expected_calibration_error

scored_rows = st.lists(st.tuples(st.floats(-6, 6, width=16), st.booleans()), min_size=4, max_size=60).filter(
    lambda rows: 0 < sum(label for _, label in rows) < len(rows)
)


@settings(max_examples=60, deadline=None)
@given(scored_rows, st.sampled_from(KINDS))
def test_every_calibrator_is_monotone_and_never_sure(rows: list[tuple[float, bool]], kind: str) -> None:
    raw, labels = np.array([r for r, _ in rows]), np.array([label for _, label in rows])
    fitted = fit_platt(raw, labels) if kind == "platt" else fit_isotonic(raw, labels)
    answers = fitted.apply(np.linspace(-40, 40, 500))
    assert (np.diff(answers) >= 0).all()
    assert answers.min() >= BOUND
    assert answers.max() <= 1 - BOUND


def test_a_line_in_log_odds_is_found_again() -> None:
    generator = np.random.default_rng(0)
    raw = generator.normal(-1, 1.5, 20_000)
    labels = generator.random(20_000) < sigmoid(0.6 * raw - 0.5)
    slope, intercept = fit_platt(raw, labels).xs
    assert slope == pytest.approx(0.6, abs=0.05)
    assert intercept == pytest.approx(-0.5, abs=0.06)


def test_on_a_shape_that_is_no_line_the_isotonic_curve_is_chosen() -> None:
    generator = np.random.default_rng(1)
    raw = generator.uniform(-4, 4, 6_000)
    truth = np.where(raw < 0, 0.05, np.where(raw < 2, 0.5, 0.55))
    labels = generator.random(6_000) < truth
    chosen, losses = fit_calibrator(raw, labels)
    assert chosen.kind == "isotonic"
    assert losses["isotonic"] < losses["platt"]
    assert expected_calibration_error(labels, chosen.apply(raw)) < 0.02


def test_a_model_that_is_upside_down_is_levelled_and_not_turned_round() -> None:
    raw = np.linspace(-3, 3, 400)
    assert np.ptp(fit_platt(raw, raw < 0).apply(raw)) < 0.01
    assert np.ptp(fit_isotonic(raw, raw < 0).apply(raw)) < 0.01


def test_labels_that_saw_half_of_the_wins_have_their_probability_doubled() -> None:
    whole = Calibrator("platt", (1.0, 0.0))
    half = Calibrator("platt", (1.0, 0.0), share=0.5)
    raw = log_odds(np.array([0.1, 0.3, 0.8]))
    assert half.apply(raw) == pytest.approx(np.minimum(2 * whole.apply(raw), 1 - BOUND))


def test_a_calibrator_survives_json() -> None:
    raw = np.linspace(-2, 2, 50)
    fitted = fit_isotonic(raw, np.arange(50) % 3 == 0)
    stored = json.loads(json.dumps(asdict(fitted)))
    again = Calibrator(stored["kind"], tuple(stored["xs"]), tuple(stored["ys"]), stored["share"])
    assert again == fitted
    assert (again.apply(raw) == fitted.apply(raw)).all()


@pytest.mark.parametrize(
    "numbers",
    [
        {"kind": "platt", "xs": (-1.0, 0.0)},
        {"kind": "platt", "xs": (1.0,)},
        {"kind": "platt", "xs": (float("nan"), 0.0)},
        {"kind": "platt", "xs": (1.0, 0.0), "share": 0.0},
        {"kind": "isotonic", "xs": (0.0, 1.0), "ys": (0.5, 0.2)},
        {"kind": "isotonic", "xs": (1.0, 0.0), "ys": (0.1, 0.2)},
        {"kind": "isotonic", "xs": (), "ys": ()},
        {"kind": "pickle", "xs": (1.0, 0.0)},
    ],
)
def test_a_calibrator_that_is_not_monotone_or_unknown_is_refused(numbers: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="calibrator"):
        Calibrator(**numbers)  # type: ignore[arg-type]


def test_one_kind_of_outcome_cannot_calibrate() -> None:
    with pytest.raises(ValueError, match="both kinds"):
        fit_calibrator(np.zeros(10), np.zeros(10, dtype=bool))
