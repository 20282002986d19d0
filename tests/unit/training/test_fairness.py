"""Fairness across regions and channels: a real gap shuts the gate, and chance on few rows does not."""

import numpy as np
import pandas as pd

from training import gates
from training.fairness import groups
from training.gates import Limits

LIMITS = Limits()


def company(wrong: float, n: int = 4_000) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Rows of two regions; in the second one, outcomes come ``wrong`` more often than forecast."""
    generator = np.random.default_rng(5)
    region = np.where(np.arange(n) % 4 == 0, "西北", "华东").astype(object)
    region[0] = None
    forecast = generator.uniform(0.05, 0.4, n)
    return (
        pd.DataFrame({"entity_id": np.arange(n).astype(str), "lead_region": region}),
        generator.random(n) < forecast + wrong * (region == "西北"),
        forecast,
    )


def gate(wrong: float) -> gates.GateResult:
    frame, labels, forecast = company(wrong)
    return gates.fair(groups(frame, ["lead_region"], labels, forecast, LIMITS.segment_rows), LIMITS)


def test_forecasts_that_come_true_everywhere_are_fair() -> None:
    assert gate(0.0).passed


def test_one_region_where_they_do_not_shuts_the_gate_and_is_named_with_its_size() -> None:
    verdict = gate(0.2)
    assert not verdict.passed
    assert "lead_region=西北, n=999" in str(verdict.measured)


def test_segments_too_small_to_judge_are_left_out() -> None:
    frame, labels, forecast = company(0.0)
    found = groups(frame, ["lead_region"], labels, forecast, 100)
    assert [(one.value, one.n) for one in found] == [("华东", 3_000), ("西北", 999)]


def test_an_order_that_fails_in_one_segment_is_seen_though_its_rate_is_right() -> None:
    frame, labels, forecast = company(0.0)
    west = (frame.lead_region == "西北").to_numpy()
    shuffled = forecast.copy()
    shuffled[west] = 0.45 - forecast[west]
    assert not gates.fair(groups(frame, ["lead_region"], labels, shuffled, 100), LIMITS).passed


def test_rows_of_one_entity_are_no_more_certain_than_one() -> None:
    frame, labels, forecast = company(0.1)
    thrice = pd.concat([frame] * 3, ignore_index=True)
    found = groups(frame, ["lead_region"], labels, forecast, 100)
    again = groups(thrice, ["lead_region"], np.tile(labels, 3), np.tile(forecast, 3), 100)
    assert [round(one.gap, 9) for one in again] == [round(one.gap, 9) for one in found]
    assert [one.entities for one in again] == [one.entities for one in found]


def test_nothing_to_compare_passes_and_says_so() -> None:
    verdict = gates.fair([], LIMITS)
    assert (verdict.passed, verdict.measured) == (True, None)
