"""The frequency baseline against a table worked out by hand."""

import math
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from training.bayes import fit_bayes
from training.score_map import score_map

AS_OF = datetime(2024, 5, 1, tzinfo=UTC)
POINTS = score_map(0.4, "chance")

# 10 leads, 4 won.         won         lost
# 官网                      3           1
# 展会                      1           3
# (nothing)                0           2
CHANNELS = ["官网"] * 4 + ["展会"] * 4 + [None] * 2
WON = np.array([True, True, True, False, True, False, False, False, False, False])


def test_probabilities_are_the_counts_multiplied_up() -> None:
    scorer = fit_bayes(pd.DataFrame({"channel": CHANNELS}), WON, ["channel"], POINTS)
    # three values, so 0.3 is added to each total
    website = (4 / 6) * ((3.1 / 4.3) / (1.1 / 6.3))
    nothing = (4 / 6) * ((0.1 / 4.3) / (2.1 / 6.3))
    unseen = 4 / 6
    expected = [odds / (1 + odds) for odds in (website, nothing, unseen)]
    asked = [{"channel": "官网"}, {"channel": None}, {"channel": "电话"}]
    assert scorer.probabilities(asked) == pytest.approx(expected)


def test_fields_are_taken_as_independent() -> None:
    frame = pd.DataFrame({"channel": CHANNELS, "region": ["浙江", "江苏"] * 5})
    both = fit_bayes(frame, WON, ["channel", "region"], POINTS)
    in_zhejiang = (3.1 / 4.2) / (2.1 / 6.2)  # 3 of 4 won, 2 of 6 lost; two values
    log_odds = math.log(4 / 6) + math.log((3.1 / 4.3) / (1.1 / 6.3)) + math.log(in_zhejiang)
    assert both.probabilities([{"channel": "官网", "region": "浙江"}]) == pytest.approx(
        [1 / (1 + math.exp(-log_odds))]
    )


def test_numbers_are_cut_into_bins_of_equal_rows_and_missing_is_its_own_value() -> None:
    chats = [*map(float, range(100)), *[float("nan")] * 20]
    won = np.array([chat >= 80 for chat in chats[:100]] + [False] * 20)
    scorer = fit_bayes(pd.DataFrame({"chats": chats}), won, ["chats"], POINTS)
    assert len(scorer.fields["chats"].weights) == 6
    busy, quiet, missing = scorer.probabilities([{"chats": 90.0}, {"chats": 3.0}, {"chats": None}])
    assert busy > 0.9
    assert max(quiet, missing) < 0.05


def test_it_scores_like_any_other_scorer() -> None:
    scorer = fit_bayes(pd.DataFrame({"channel": CHANNELS}), WON, ["channel"], POINTS)
    good, bad = scorer.score([{"channel": "官网"}, {"channel": None}], AS_OF)
    assert good.value > 60 > bad.value
    assert (good.band, bad.band) == ("green", "red")
    assert (good.source, good.as_of) == ("model", AS_OF)
    assert good.reasons[0].feature == "channel"
    assert good.reasons[0].value == "官网"
    assert good.reasons[0].effect > 0 > bad.reasons[0].effect


def test_for_a_loss_the_same_evidence_counts_against() -> None:
    losses = fit_bayes(pd.DataFrame({"channel": CHANNELS}), WON, ["channel"], score_map(0.4, "health"))
    likely_lost = losses.score([{"channel": "官网"}], AS_OF)[0]
    assert likely_lost.band == "red"
    assert likely_lost.reasons[0].effect < 0


def test_one_kind_of_outcome_teaches_nothing() -> None:
    with pytest.raises(ValueError, match="both kinds"):
        fit_bayes(pd.DataFrame({"channel": ["官网"]}), np.array([True]), ["channel"], POINTS)
