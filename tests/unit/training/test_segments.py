"""Segments get models of their own where those are surely better on later data, and nowhere else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from training.arrays import sigmoid
from training.bundle import Bundle, BundleBroken, BundleScorer
from training.candidates import fit_challenger, named, rows_of
from training.datasets import Dataset, Part
from training.lightgbm_model import BoostingParams
from training.outcomes import LeadWon, days
from training.segments import Trial, least_gain, try_segments, with_segments
from training.specs import ModelSpec, SegmentLimits

NOW = datetime(2024, 9, 1, tzinfo=UTC)
SPEC = ModelSpec(
    model="lead_health",
    company="test",
    outcome=LeadWon(within=days(30)),
    meaning="chance",
    rules="lead_health",
    features=("lead_chats_30d", "lead_calls_30d"),
    bayes_fields=(),
    boosting=BoostingParams(rounds=60, patience=15, leaves=6, depth=3, rows_per_leaf=20),
    calibrators=("platt",),
    segments=("lead_channel",),
    segment_limits=SegmentLimits(learned=60, tested=30),
)


def dataset(turned: str | None, rows: int = 3000) -> Dataset:
    """Leads that chats make likelier to be won; in the ``turned`` channel they make it less likely."""
    generator = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "entity_id": [f"lead-{k // 2}" for k in range(rows)],  # two rows of each lead
            "as_of": [NOW + timedelta(hours=k) for k in range(rows)],
            "lead_chats_30d": generator.normal(size=rows),
            "lead_calls_30d": generator.normal(size=rows),
            "lead_channel": generator.choice(["官网", "展会", "转介绍"], rows, p=[0.6, 0.35, 0.05]),
        }
    )
    slope = np.where(frame.lead_channel == turned, -1.5, 1.5)
    labels = generator.random(rows) < sigmoid(slope * frame.lead_chats_30d.to_numpy() - 0.5)
    cuts = [0, rows // 2, rows * 13 // 20, rows * 15 // 20, rows]
    fit, stop, calibration, test = (
        Part(frame.iloc[a:b].reset_index(drop=True), labels[a:b]) for a, b in pairwise(cuts)
    )
    return Dataset(fit, stop, calibration, test, NOW, 1.0)


def tried(turned: str | None) -> tuple[Dataset, Bundle, list[Trial]]:
    data = dataset(turned)
    general = fit_challenger(SPEC, data, NOW, "hash").bundle
    return data, general, try_segments(SPEC, data, general, NOW)


@pytest.fixture(scope="module")
def planted() -> tuple[Dataset, Bundle, list[Trial]]:
    return tried("展会")


@pytest.fixture(scope="module")
def whole(planted: tuple[Dataset, Bundle, list[Trial]]) -> Bundle:
    _, general, trials = planted
    return named(with_segments(general, trials), {})


def test_a_segment_that_differs_is_kept_with_its_sample_sizes(
    planted: tuple[Dataset, Bundle, list[Trial]],
) -> None:
    data, _, trials = planted
    facts = {trial.segment.facts.value: trial.segment.facts for trial in trials if trial.kept}["展会"]
    assert facts.feature == "lead_channel"
    assert facts.gain > facts.least_gain > 0
    assert facts.rows == sum(int((part.frame.lead_channel == "展会").sum()) for part in data.learned)
    assert facts.tested == int((data.test.frame.lead_channel == "展会").sum())
    assert 0 < facts.positives < facts.rows


def test_where_segments_do_not_differ_none_is_kept_but_all_are_told() -> None:
    _, general, trials = tried(None)
    assert {trial.segment.facts.value for trial in trials} == {"官网", "展会"}
    assert [trial for trial in trials if trial.kept] == []
    assert with_segments(general, trials).segments == ()
    assert all({"rows", "tested", "gain", "least_gain", "kept"} <= trial.as_dict().keys() for trial in trials)


def test_a_segment_with_few_outcomes_is_not_tried(planted: tuple[Dataset, Bundle, list[Trial]]) -> None:
    assert "转介绍" not in {trial.segment.facts.value for trial in planted[2]}


def test_each_row_is_answered_by_its_own_segment_and_says_so(
    planted: tuple[Dataset, Bundle, list[Trial]], whole: Bundle
) -> None:
    data, general, _ = planted
    rows = rows_of(data.test)
    scores = BundleScorer(whole).score(rows, NOW)
    alone = BundleScorer(general).probabilities(rows)
    for row, score, other in zip(rows, scores, alone, strict=True):
        if row["lead_channel"] == "展会":
            assert score.segment is not None
            assert score.version == f"{whole.version}/lead_channel=展会"
        elif score.segment is None:
            assert (score.version, score.probability) == (whole.version, pytest.approx(other))
    given = BundleScorer(whole).probabilities(rows)
    assert given == pytest.approx([score.probability for score in scores])
    assert given != pytest.approx(alone)


def test_reasons_of_a_segment_are_its_own_and_the_colours_mean_the_same(whole: Bundle) -> None:
    scorer = BundleScorer(whole)
    fair, site = (
        scorer.score([{"lead_chats_30d": 2.0, "lead_calls_30d": 0.0, "lead_channel": channel}], NOW)[0]
        for channel in ("展会", "没见过")
    )
    chats = [{r.feature: r.effect for r in score.reasons}["lead_chats_30d"] for score in (fair, site)]
    assert chats[0] < 0 < chats[1]
    for score in (fair, site):
        assert score.probability is not None
        assert score.value == pytest.approx(float(whole.points.apply(np.array([score.probability]))[0]))


def test_segments_travel_in_the_bundle_and_no_rows_give_no_scores(whole: Bundle, tmp_path: Path) -> None:
    whole.save(tmp_path / "bundle")
    assert Bundle.load(tmp_path / "bundle").segments == whole.segments
    assert BundleScorer(whole).score([], NOW) == []


def test_a_segment_whose_booster_is_not_its_own_is_refused(whole: Bundle) -> None:
    other = replace(whole.segments[0], booster="tree\n")
    with pytest.raises(BundleBroken):
        BundleScorer(replace(whole, segments=(other,)))


def test_the_bound_of_a_gain_counts_subjects_and_not_rows() -> None:
    generator = np.random.default_rng(1)
    gains = np.repeat(generator.normal(0.1, 1, 200), 10)
    torn, together = np.arange(2000), np.repeat(np.arange(200), 10)
    assert least_gain(gains, together, 0.05) < least_gain(gains, torn, 0.05) < gains.mean()
    assert least_gain(np.full(50, 0.2), np.arange(50), 0.05) == pytest.approx(0.2)
