"""The demo company's truth: what each rep would have made of each lead."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from pipelines.demo_company.counterfactual import assigned_again, true_chances
from pipelines.demo_company.simulation import live

NOW = datetime(2026, 3, 4, 6, tzinfo=UTC)
SCALE, SEED = 0.05, 3


def test_the_truth_is_repeatable_and_agrees_with_what_was_won() -> None:
    chances = true_chances(SEED, NOW, SCALE, timedelta(days=30), draws=4)
    assert chances.equals(true_chances(SEED, NOW, SCALE, timedelta(days=30), draws=4))
    story = live(SEED, NOW, SCALE)
    logged = chances.to_numpy()[np.arange(story.leads.count), story.handling.first_owner]
    won = (story.outcomes.won <= story.handling.assigned + 30).mean()
    assert logged.mean() == pytest.approx(won, abs=0.03)


def test_reps_differ_and_some_fit_some_leads_better() -> None:
    chances = true_chances(SEED, NOW, SCALE, timedelta(days=30), draws=4)
    assert chances.mean().max() > chances.mean().min() + 0.03
    assert chances.idxmax(axis=1).nunique() > 1


def test_another_day_gives_the_same_leads_to_others_of_the_same_staff() -> None:
    first, second = (assigned_again(SEED, NOW, SCALE, draw) for draw in (0, 1))
    assert first.index.equals(second.index)
    assert 0.1 < (first != second).mean() < 0.9
    assert first.equals(assigned_again(SEED, NOW, SCALE, 0))
