"""Each gate opens on one side of its limit and stays shut on the other."""

import json
from dataclasses import replace

import numpy as np
import pytest

from training import gates
from training.evaluation import Metrics, chance_error, evaluate
from training.gates import Limits

BASE = Metrics(n=1000, positives=100, base_rate=0.1, auc=0.7, ap=0.2, logloss=0.3, ece=0.02, lift=2.0)
LIMITS = Limits()


@pytest.mark.parametrize(
    ("auc", "ap", "opens"),
    [(0.71, 0.1, True), (0.6, 0.21, True), (0.7, 0.2, False), (0.69, 0.19, False), (None, None, False)],
)
def test_a_challenger_beats_a_baseline_by_auc_or_by_ap(
    auc: float | None, ap: float | None, opens: bool
) -> None:
    assert gates.better_than("bayes", replace(BASE, auc=auc, ap=ap), BASE).passed is opens


@pytest.mark.parametrize(
    ("auc", "ap", "opens"),
    [(0.7, 0.2, True), (0.695, 0.195, True), (0.68, 0.3, False), (0.8, 0.18, False), (None, None, False)],
)
def test_a_challenger_may_lie_below_the_champion_by_the_slack_only(
    auc: float | None, ap: float | None, opens: bool
) -> None:
    verdict = gates.not_worse_than_champion(replace(BASE, auc=auc, ap=ap), BASE, LIMITS)
    assert verdict.passed is opens


def test_the_first_challenger_has_no_champion_to_fear() -> None:
    assert gates.not_worse_than_champion(BASE, None, LIMITS).passed


@pytest.mark.parametrize(
    ("learned", "tested", "opens"),
    [
        ((50, 50), BASE, True),
        ((49, 5000), BASE, False),
        ((5000, 49), BASE, False),
        ((500, 500), replace(BASE, positives=49), False),
        ((500, 500), replace(BASE, positives=960), False),
    ],
)
def test_outcomes_of_both_kinds_are_needed_on_both_sides(
    learned: tuple[int, int], tested: Metrics, opens: bool
) -> None:
    assert gates.enough_outcomes(learned, tested, LIMITS).passed is opens


def test_limits_are_met_at_the_limit_and_missed_beyond_it() -> None:
    assert gates.calibrated(replace(BASE, ece=LIMITS.ece), 0.0, LIMITS).passed
    assert not gates.calibrated(replace(BASE, ece=LIMITS.ece + 1e-9), 0.0, LIMITS).passed
    assert gates.small_enough(LIMITS.bundle_bytes, LIMITS).passed
    assert not gates.small_enough(LIMITS.bundle_bytes + 1, LIMITS).passed
    assert gates.fast_enough(LIMITS.latency_s, LIMITS).passed
    assert not gates.fast_enough(LIMITS.latency_s * 1.01, LIMITS).passed
    assert gates.same_catalog("a", "a").passed
    assert not gates.same_catalog("a", "b").passed


def drawn(rows: int, odds: float, seed: int) -> tuple[Metrics, float]:
    """Outcomes of subjects with three rows each, ``odds`` times as likely as forecast."""
    generator = np.random.default_rng(seed)
    forecasts = generator.beta(1.5, 4, rows)
    subjects = np.arange(rows) // 3
    truth = forecasts * odds / (1 - forecasts + forecasts * odds)
    labels = generator.random(rows)[subjects] < truth
    return evaluate(labels, forecasts), chance_error(forecasts, subjects.tolist())


def test_few_rows_refuse_no_right_forecasts_and_let_no_wrong_ones_pass() -> None:
    right = [drawn(750, 1.0, seed) for seed in range(40)]
    wrong = [drawn(750, 2.5, seed) for seed in range(40)]
    assert sum(not gates.calibrated(*one, LIMITS).passed for one in right) <= 2
    assert sum(metrics.ece > LIMITS.ece for metrics, _ in right) > 2
    assert sum(gates.calibrated(*one, LIMITS).passed for one in wrong) <= 2


def test_chance_is_less_where_rows_are_many_and_more_where_they_share_their_subject() -> None:
    few, many = drawn(300, 1.0, 1)[1], drawn(6_000, 1.0, 1)[1]
    forecasts = np.full(900, 0.3)
    apart, together = (chance_error(forecasts, list(np.arange(900) // k)) for k in (1, 3))
    assert few > 3 * many
    assert together > 1.4 * apart


def test_one_shut_gate_is_enough_and_no_gates_open_nothing() -> None:
    opened, shut = gates.same_catalog("a", "a"), gates.same_catalog("a", "b")
    assert gates.passed([opened, opened])
    assert not gates.passed([opened, shut])
    assert not gates.passed([])


def test_a_verdict_can_be_shown_to_a_person() -> None:
    verdict = gates.calibrated(BASE, 0.0, LIMITS)
    assert verdict.zh
    assert verdict.en
    assert json.loads(json.dumps(verdict.as_dict()))["limit"] == LIMITS.ece
