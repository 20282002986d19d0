"""Drift: what has moved is found and named, what has not is left alone, and a person's word stands."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.arrays import Bools, Floats
from training.bundle.standing import Standing
from training.drift import Finding, Reference, examine, one_each, reference_of, verdict
from training.encoding import Encoding
from training.policy import DriftLimits, ModelPolicy

ENCODING = Encoding(("chats", "channel"), {"channel": ("官网", "展会")})
LIMITS = ModelPolicy.of().drift
NOW = datetime(2026, 3, 1, tzinfo=UTC)
N = 1_000


def rows(seed: int, shift: float = 0.0, fairs: float = 0.5, n: int = N) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    channel = np.where(generator.random(n) < fairs, "展会", "官网")
    return pd.DataFrame({"chats": generator.normal(shift, 1, n), "channel": channel})


def forecasts(frame: pd.DataFrame) -> Floats:
    return np.asarray(0.1 + 0.05 * np.tanh(frame.chats.to_numpy()))


def outcomes(rate: float, n: int = N) -> Bools:
    return np.arange(n) < round(rate * n)


@pytest.fixture(scope="module")
def reference() -> Reference:
    frame = rows(1)
    return reference_of(frame, ENCODING, forecasts(frame), (N, 100), {"chats": 0.8, "channel": 0.2})


def found(
    reference: Reference, frame: pd.DataFrame, happened: Bools, limits: DriftLimits = LIMITS
) -> dict[str, Finding]:
    known = (happened, np.full(len(happened), 0.1))
    return {one.kind: one for one in examine(reference, ENCODING, frame, forecasts(frame), known, limits)}


@pytest.mark.parametrize("seed", range(20, 40))
def test_the_same_world_drawn_again_raises_nothing(reference: Reference, seed: int) -> None:
    happened = np.random.default_rng(seed).random(N) < 0.1
    assert {one.level for one in found(reference, rows(seed), happened).values()} == {"ok"}


def test_a_shifted_input_is_named_and_weighs_what_it_weighs_in_the_model(reference: Reference) -> None:
    inputs = found(reference, rows(2, shift=1.0), outcomes(0.1))["inputs"]
    assert (inputs.names, inputs.level, inputs.measured) == (("chats",), "act", 0.8)
    light = found(reference, rows(2, fairs=0.95), outcomes(0.1))["inputs"]
    assert (light.names, light.level) == (("channel",), "warn")


def test_scores_elsewhere_than_in_training_are_past_the_limit(reference: Reference) -> None:
    assert found(reference, rows(3, shift=1.5), outcomes(0.1))["score"].level == "act"


@pytest.mark.parametrize(("rate", "level"), [(0.1, "ok"), (0.17, "warn"), (0.3, "act"), (0.0, "act")])
def test_the_base_rate_acts_at_twice_or_half_of_the_trained(
    reference: Reference, rate: float, level: str
) -> None:
    assert found(reference, rows(4), outcomes(rate))["base_rate"].level == level


def test_forecasts_that_do_not_come_true_act_sooner_than_a_rate_that_moved(reference: Reference) -> None:
    told = found(reference, rows(4), outcomes(0.17))
    assert (told["base_rate"].level, told["calibration"].level) == ("warn", "act")


def test_too_few_rows_tell_nothing(reference: Reference) -> None:
    few = found(reference, rows(5, shift=3.0, n=50), outcomes(0.9, n=50))
    assert {one.level for one in few.values()} == {"ok"}
    assert {one.measured for one in few.values()} == {None}


def test_every_finding_can_be_read_by_a_person(reference: Reference) -> None:
    for one in found(reference, rows(6, shift=1.0), outcomes(0.3)).values():
        assert one.zh
        assert one.en


def test_a_reference_survives_the_way_through_a_bundle(reference: Reference) -> None:
    plain = reference.plain()
    assert Reference.of_plain(plain).plain() == plain


def test_the_model_steps_down_for_the_first_kind_past_its_limit(reference: Reference) -> None:
    told = verdict("v1", NOW, list(found(reference, rows(7), outcomes(0.3)).values()), None)
    assert (told.level, told.past, told.down) == ("act", ("base_rate", "calibration"), "base_rate")


def test_a_policy_may_only_tell(reference: Reference) -> None:
    findings = list(found(reference, rows(7), outcomes(0.3)).values())
    told = verdict("v1", NOW, findings, None, steps_down=False)
    assert (told.level, told.down) == ("act", None)


def test_what_a_person_accepted_stays_accepted_for_this_version_and_these_kinds(
    reference: Reference,
) -> None:
    accepted = Standing("v1", NOW.isoformat(), "act", ("base_rate",), ("base_rate",), "a campaign")
    both = list(found(reference, rows(7), outcomes(0.3)).values())
    assert verdict("v1", NOW, both, accepted).down == "calibration"
    assert verdict("v2", NOW, both, accepted).down == "base_rate"


@given(counts=st.lists(st.integers(1, 4), min_size=1, max_size=20))
def test_one_row_of_each_entity_and_always_the_same(counts: list[int]) -> None:
    ids = [f"e{k}" for k, count in enumerate(counts) for _ in range(count)]
    frame = pd.DataFrame(
        {"entity_id": ids, "as_of": pd.to_datetime(NOW) + pd.to_timedelta(range(len(ids)), "h")}
    )
    picked = one_each(frame)
    assert sorted(picked.entity_id) == sorted(set(ids))
    pd.testing.assert_frame_equal(picked, one_each(frame))
