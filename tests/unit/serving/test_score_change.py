"""Why a score changed between two moments: parts that add up, whoever scored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_store.domain.scores import Reason, Score, band_of
from serving.change import change
from serving.ports import PastScore
from serving.schemas import ErrorBody
from serving.schemas_explained import ChangeOut
from tests.unit.serving.fakes import KEY, NOW, SCORE_KEY, World

AT = datetime(2026, 2, 1, tzinfo=UTC)
FEATURES = ("lead_chats_7d", "lead_chats_30d", "lead_calls_30d", "lead_need", "rule:otherwise")


def scored(value: float, version: str = "model-1", source: Any = "model", **effects: float) -> Score:
    reasons = tuple(Reason(name, 1.0, effect) for name, effect in effects.items())
    return Score(value, band_of(value), None, reasons, source, version, AT)


scores = st.builds(
    lambda value, effects, version: scored(value, version, **effects),
    st.floats(0, 100),
    st.dictionaries(st.sampled_from(FEATURES), st.floats(-100, 100), max_size=5),
    st.sampled_from(["model-1", "model-2"]),
)


@given(scores, scores)
def test_the_parts_and_the_base_add_up_to_the_difference(then: Score, now: Score) -> None:
    found = change(then, now)
    assert found.points == pytest.approx(round(now.value, 2) - round(then.value, 2), abs=1e-9)
    assert sum(part.points for part in found.parts) + found.base == pytest.approx(found.points, abs=1e-9)


@given(scores)
def test_a_score_does_not_differ_from_itself(score: Score) -> None:
    found = change(score, score)
    assert (found.points, found.base, found.parts, found.cause) == (0, 0, (), "base")


def test_features_of_one_meaning_are_one_part_and_the_largest_part_comes_first() -> None:
    then = scored(40, lead_chats_7d=-5.0, lead_chats_30d=-3.0, lead_need=2.0)
    now = scored(52, lead_chats_30d=3.0, lead_need=1.0)
    assert [(part.meaning, part.points) for part in change(then, now).parts] == [
        ("chats", 11.0),
        ("lead_need", -1.0),
    ]


def test_a_part_says_what_was_and_what_is() -> None:
    then = Score(40, "red", None, (Reason("lead_chats_30d", 0.0, -4.0),), "model", "m", AT)
    now = Score(44, "red", None, (Reason("lead_chats_30d", 3.0, 1.0),), "model", "m", AT)
    (part,) = change(then, now).parts
    assert part.sentence("zh") == "近30天聊天互动 3 次（此前：近30天聊天互动 0 次）"
    assert part.sentence("en") == "3 chat interactions in 30 days (before: 0 chat interactions in 30 days)"
    (gone,) = change(then, scored(44)).parts
    assert gone.sentence("zh") == "此前：近30天聊天互动 0 次；现已无明显影响"
    (come,) = change(scored(40), now).parts
    assert come.sentence("en") == "3 chat interactions in 30 days (hardly mattered before)"


@pytest.mark.parametrize(
    ("then", "now", "cause", "words"),
    [
        (scored(50), scored(50), "base", "起点"),
        (scored(50), scored(50, "model-2"), "version", "model-2"),
        (scored(50, "rules:1", "rules"), scored(50), "source", "rules:1"),
    ],
)
def test_the_base_says_who_scores_now(then: Score, now: Score, cause: str, words: str) -> None:
    found = change(then, now)
    assert found.cause == cause
    assert words in found.base_sentence("zh")
    assert found.base_sentence("en")


@pytest.fixture
def world() -> World:
    world = World()
    for days, chats in ((9, 20.0), (5, 40.0), (1, 75.0)):
        at = NOW - timedelta(days=days)
        score = world.model._score({"lead_chats_30d": chats}, at)
        world.records.given.setdefault("lea_001", []).append(PastScore(score, at))
    return world


def ask(world: World, query: str, record: str = "lea_001", **options: Any) -> Any:
    return world.client().get(f"/v1/leads/{record}/change?{query}", **options)


def test_the_scores_compared_are_those_known_at_the_two_moments(world: World) -> None:
    answer = ask(world, "from=2026-02-24T12:00:00Z", headers={"Accept-Language": "en"})
    assert answer.status_code == 200, answer.text
    told = ChangeOut.model_validate(answer.json())
    assert (told.from_.value, told.to.value, told.points) == (40, 75, 35)
    assert told.from_.scored_at == NOW - timedelta(days=5)
    assert sum(part.points for part in told.parts) + told.base.points == pytest.approx(35)
    week = ask(world, "from=2026-02-20T12:00:00Z&to=2026-02-25T00:00:00%2B08:00").json()
    assert (week["from"]["value"], week["to"]["value"]) == (20, 40)


@pytest.mark.parametrize(
    ("query", "record", "status", "code", "field"),
    [
        ("from=2025-01-01T00:00:00Z", "lea_001", 404, "no_score_then", "from"),
        ("from=2026-02-25T00:00:00", "lea_001", 422, "parameter_invalid", "from"),
        ("from=2026-02-25T00:00:00Z&to=2026-02-24T00:00:00Z", "lea_001", 422, "parameter_invalid", "from"),
        ("from=tuesday", "lea_001", 422, "parameter_invalid", "from"),
        ("", "lea_001", 422, "parameter_invalid", "from"),
        ("from=2026-02-25T00:00:00Z&since=1", "lea_001", 422, "parameter_unknown", "since"),
        ("from=2026-02-25T00:00:00Z", "lea_none", 404, "lead_not_found", "id"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    world: World, query: str, record: str, status: int, code: str, field: str
) -> None:
    answer = ask(world, query, record)
    error = ErrorBody.model_validate(answer.json()).error
    assert (answer.status_code, error.code, error.field) == (status, code, field)


def test_a_key_that_may_not_read_sees_no_change(world: World) -> None:
    assert ask(world, "from=2026-02-25T00:00:00Z", key=SCORE_KEY).status_code == 403
    assert ask(world, "from=2026-02-25T00:00:00Z", key=KEY).status_code == 200


def test_a_broken_store_has_its_code(world: World) -> None:
    world.records.broken.add("score_at")
    answer = ask(world, "from=2026-02-25T00:00:00Z")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "store_unavailable")
