"""Each gate opens on one side of its limit and stays shut on the other."""

import json
from dataclasses import replace

import pytest

from training import gates
from training.evaluation import Metrics
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
    assert gates.calibrated(replace(BASE, ece=LIMITS.ece), LIMITS).passed
    assert not gates.calibrated(replace(BASE, ece=LIMITS.ece + 1e-9), LIMITS).passed
    assert gates.small_enough(LIMITS.bundle_bytes, LIMITS).passed
    assert not gates.small_enough(LIMITS.bundle_bytes + 1, LIMITS).passed
    assert gates.fast_enough(LIMITS.latency_s, LIMITS).passed
    assert not gates.fast_enough(LIMITS.latency_s * 1.01, LIMITS).passed
    assert gates.same_catalog("a", "a").passed
    assert not gates.same_catalog("a", "b").passed


def test_one_shut_gate_is_enough_and_no_gates_open_nothing() -> None:
    opened, shut = gates.same_catalog("a", "a"), gates.same_catalog("a", "b")
    assert gates.passed([opened, opened])
    assert not gates.passed([opened, shut])
    assert not gates.passed([])


def test_a_verdict_can_be_shown_to_a_person() -> None:
    verdict = gates.calibrated(BASE, LIMITS)
    assert verdict.zh
    assert verdict.en
    assert json.loads(json.dumps(verdict.as_dict()))["limit"] == LIMITS.ece
