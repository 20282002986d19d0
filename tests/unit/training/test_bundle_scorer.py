"""A bundle as a scorer: the booster's own probabilities, as points, with reasons that add up."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from training.arrays import sigmoid
from training.bundle import Bundle, BundleBroken, BundleScorer
from training.bundle.contributions import SetContributions
from training.bundle.gathered import LEAST, Gatherer
from training.bundle.scorer import PART, SET
from training.calibration import Calibrator
from training.candidates import rows_of
from training.datasets import Dataset

AS_OF = datetime(2024, 8, 1, tzinfo=UTC)
BUSY = {"lead_chats_30d": 6.0, "lead_channel": "转介绍", "lead_noise": 0.0}
QUIET = {"lead_chats_30d": 0.0, "lead_channel": "展会", "lead_noise": 0.0}


@pytest.fixture(scope="module")
def scorer(bundle: Bundle) -> BundleScorer:
    return BundleScorer(bundle)


@pytest.fixture(scope="module")
def rows(dataset: Dataset) -> list[dict[str, object]]:
    return rows_of(dataset.test)


def test_probabilities_are_the_boosters_after_calibration(
    scorer: BundleScorer, rows: list[dict[str, object]]
) -> None:
    import lightgbm

    booster = lightgbm.Booster(model_str=scorer.bundle.booster)
    matrix = scorer.bundle.encoding.matrix(rows)
    bare = booster.predict(matrix)
    assert sigmoid(scorer.raw(matrix)) == pytest.approx(bare)
    plain = BundleScorer(replace(scorer.bundle, calibrator=Calibrator("platt", (1.0, 0.0))))
    assert plain.probabilities(rows) == pytest.approx(np.clip(bare, 0.001, 0.999))


def test_a_busy_lead_scores_above_a_quiet_one(scorer: BundleScorer) -> None:
    busy, quiet = scorer.score([BUSY, QUIET], AS_OF)
    assert busy.value > quiet.value
    assert busy.probability is not None
    assert quiet.probability is not None
    assert busy.probability > quiet.probability
    assert (busy.source, busy.version, busy.as_of, busy.why) == ("model", scorer.version, AS_OF, None)


def test_one_row_and_many_rows_score_alike_with_and_without_reasons(
    scorer: BundleScorer, rows: list[dict[str, object]]
) -> None:
    together = scorer.score(rows[:40], AS_OF)
    bare = scorer.score(rows[:40], AS_OF, with_reasons=False)
    for row, one, plain in zip(rows[:40], together, bare, strict=True):
        alone = scorer.score([row], AS_OF)[0]
        assert alone.value == pytest.approx(one.value)
        assert [reason.feature for reason in alone.reasons] == [reason.feature for reason in one.reasons]
        effects = [reason.effect for reason in one.reasons]
        assert [reason.effect for reason in alone.reasons] == pytest.approx(effects)
        assert plain.value == pytest.approx(one.value)
        assert plain.reasons == ()


def test_many_rows_are_read_in_parts_and_score_as_they_do_whole(
    scorer: BundleScorer, rows: list[dict[str, object]]
) -> None:
    many = (rows * (1 + 2 * PART // len(rows)))[: 2 * PART + 1]
    whole = scorer.raw(scorer.bundle.encoding.matrix(many))
    assert np.array_equal(scorer.raw_of(many), whole)
    with pytest.raises(ValueError, match="could not convert"):
        scorer.raw_of([*many, BUSY | {"lead_chats_30d": "六"}])


def test_the_base_and_all_effects_add_up_to_the_value(
    scorer: BundleScorer, rows: list[dict[str, object]]
) -> None:
    matrix = scorer.bundle.encoding.matrix(rows)
    effects, base = scorer.effects(matrix)
    _, values = scorer.values(scorer.raw(matrix))
    assert base[0] + effects.sum(axis=1) == pytest.approx(values)


def test_reasons_name_what_speaks_for_and_against_with_its_value(scorer: BundleScorer) -> None:
    busy, quiet = scorer.score([BUSY, QUIET], AS_OF)
    chats = {reason.feature: reason for reason in busy.reasons}["lead_chats_30d"]
    silence = {reason.feature: reason for reason in quiet.reasons}["lead_chats_30d"]
    assert chats.value == 6.0
    assert chats.effect > 0 > silence.effect
    strengths = [abs(reason.effect) for reason in busy.reasons]
    assert strengths == sorted(strengths, reverse=True)
    assert len({reason.feature for reason in busy.reasons}) == len(busy.reasons)


def test_a_scores_base_is_the_same_for_everyone_but_for_what_is_no_reason(
    scorer: BundleScorer, rows: list[dict[str, object]]
) -> None:
    _, base = scorer.effects(scorer.bundle.encoding.matrix(rows[:1]))
    left_out = LEAST * len(scorer.bundle.encoding.features)
    assert [score.base for score in scorer.score(rows, AS_OF)] == pytest.approx(
        [base[0]] * len(rows), abs=left_out
    )


def test_features_that_mean_the_same_are_one_reason_told_by_the_strongest() -> None:
    names = ["lead_chats_7d", "lead_calls_30d", "lead_chats_30d", "lead_chats_90d", "lead_need"]
    row = dict(zip(names, [1.0, 2.0, 3.0, 4.0, "x"], strict=True))
    effects = np.array([[2.0, -4.0, 3.0, -6.0, 0.01], [-1.0, 0.5, -2.0, 0.5, 3.0]])
    one, other = Gatherer(names).reasons([row, row], effects)
    assert [(r.feature, r.value, r.effect) for r in one] == [
        ("lead_calls_30d", 2.0, -4.0),
        ("lead_chats_90d", 4.0, -1.0),
    ]
    assert [(r.feature, r.effect) for r in other] == [
        ("lead_need", 3.0),
        ("lead_chats_30d", -2.5),
        ("lead_calls_30d", 0.5),
    ]


def test_for_an_account_the_same_evidence_speaks_against(bundle: Bundle) -> None:
    from training.score_map import score_map

    health = BundleScorer(replace(bundle, meaning="health", points=score_map(bundle.base_rate, "health")))
    likely, unlikely = health.score([BUSY, QUIET], AS_OF)
    assert likely.value < unlikely.value
    assert {reason.feature: reason for reason in likely.reasons}["lead_chats_30d"].effect < 0


def test_on_a_flat_stretch_of_the_map_reasons_still_show_their_direction(bundle: Bundle) -> None:
    flat = Calibrator("isotonic", (-1.0, 1.0), (0.2, 0.2))
    score = BundleScorer(replace(bundle, calibrator=flat)).score([BUSY], AS_OF)[0]
    assert all(np.isfinite(reason.effect) for reason in score.reasons)


def test_an_unknown_category_a_missing_name_and_none_are_all_missing(scorer: BundleScorer) -> None:
    asked = [
        {"lead_chats_30d": 2.0, "lead_channel": channel, "lead_noise": 0.0} for channel in ("火星", None)
    ]
    unknown, none, absent = scorer.probabilities([*asked, {"lead_chats_30d": 2.0, "lead_noise": 0.0}])
    assert unknown == none == absent


def test_the_order_of_names_and_other_names_change_nothing(scorer: BundleScorer) -> None:
    shuffled = {"other": 1.0, **dict(reversed(BUSY.items()))}
    assert scorer.probabilities([shuffled]) == scorer.probabilities([BUSY])


def test_text_where_a_number_belongs_is_refused(scorer: BundleScorer) -> None:
    with pytest.raises(ValueError, match="could not convert"):
        scorer.score([{**BUSY, "lead_chats_30d": "many"}], AS_OF)


def test_no_rows_give_no_scores(scorer: BundleScorer) -> None:
    assert scorer.score([], AS_OF) == []
    assert scorer.probabilities([]) == []


@pytest.mark.parametrize("text", ["", "not a booster", "tree\nversion=v4\n"])
def test_a_booster_that_lightgbm_cannot_read_is_refused(bundle: Bundle, text: str) -> None:
    with pytest.raises(BundleBroken) as caught:
        BundleScorer(replace(bundle, booster=text))
    assert caught.value.code == "bundle_content"


def test_a_booster_over_other_features_is_refused(bundle: Bundle) -> None:
    names = replace(bundle.encoding, features=tuple(reversed(bundle.encoding.features)))
    with pytest.raises(BundleBroken) as caught:
        BundleScorer(replace(bundle, encoding=names))
    assert caught.value.code == "bundle_content"


def test_serving_imports_lightgbm_without_scikit_learn_and_leaves_it_importable() -> None:
    program = (
        "import importlib.util, sys\n"
        "from training.bundle.engine import import_lightgbm\n"
        "lightgbm = import_lightgbm()\n"
        "assert not any(name.startswith('sklearn') for name in sys.modules), 'sklearn was imported'\n"
        "assert import_lightgbm() is lightgbm\n"
        "assert importlib.util.find_spec('sklearn') is not None\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_a_set_and_single_rows_get_the_same_shares(
    scorer: BundleScorer, rows: list[dict[str, object]]
) -> None:
    matrix = scorer.bundle.encoding.matrix(rows)
    assert len(matrix) >= SET
    together, _ = scorer.effects(matrix)
    alone = np.concatenate([scorer.effects(matrix[k : k + 1])[0] for k in range(len(matrix))])
    assert together == pytest.approx(alone)


def test_where_the_short_way_disagrees_lightgbms_own_shares_are_used(
    bundle: Bundle, rows: list[dict[str, object]], caplog: pytest.LogCaptureFixture
) -> None:
    class Wrong(SetContributions):
        def shares(self, matrix: np.ndarray) -> np.ndarray:
            return super().shares(matrix) + 1

    scorer, right = BundleScorer(bundle), BundleScorer(bundle)
    scorer.__dict__["_sets"] = Wrong(lightgbm_dump(bundle))
    matrix = bundle.encoding.matrix(rows)
    assert scorer.effects(matrix)[0] == pytest.approx(right.effects(matrix)[0])
    assert "contributions_differ" in caplog.text


def lightgbm_dump(bundle: Bundle) -> dict[str, object]:
    import lightgbm

    return lightgbm.Booster(model_str=bundle.booster).dump_model()
