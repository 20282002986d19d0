"""Activity, pool and fit of a lead, the tier of an account: reasons that add up and open their records."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from serving.schemas import TraceOut
from serving.schemas_explained import PartScoresOut
from tests.unit.serving.fakes import NOW, SCORE_KEY, FakeRecords, World, chat, history_of


class Busy(FakeRecords):
    """Chats that ask for prices and speak of the technical side, and downloads; a margin of 180,000 yuan."""

    def history(self, entity: str, entity_id: str, sources: Any) -> dict[str, list[dict[str, Any]]]:
        told = history_of(entity_id)
        rows = told["activities"]
        rows.append(chat("act_4", entity_id, 2) | {"text": "请做一次技术交流"})
        rows += [chat(f"act_d{k}", entity_id, 4) | {"channel": "download", "text": None} for k in range(4)]
        return {name: rows for name, rows in told.items() if name in sources}

    def record(self, entity: str, record_id: str) -> dict[str, Any] | None:
        found = super().record(entity, record_id)
        return None if found is None else found | {"expected_margin": self.margin}

    margin: object = 180_000.0


@pytest.fixture
def world() -> World:
    return World(records=Busy())


def parts(world: World, path: str, **options: Any) -> dict[str, Any]:
    answer = world.client().get(path, **options)
    assert answer.status_code == 200, answer.text
    told = PartScoresOut.model_validate(answer.json())
    return {score.name: score for score in told.scores}


def test_a_lead_has_an_activity_score_with_its_pool_and_a_fit(world: World) -> None:
    found = parts(world, "/v1/leads/lea_001/scores")
    activity, fit = found["activity_pool"], found["lead_fit"]
    assert (activity.value, activity.label, activity.version) == (5.7, "direct", "activity_pool@1")
    assert activity.base + sum(reason.points for reason in activity.reasons) == pytest.approx(5.7)
    assert (fit.value, fit.label, fit.label_title.zh) == (3, "verify", "待验证")
    assert [reason.sentence for reason in fit.reasons] == ["近90天询价 2 次", "近90天技术交流 1 次"]


def test_each_reason_opens_its_records(world: World) -> None:
    for score in parts(world, "/v1/leads/lea_001/scores").values():
        for reason in score.reasons:
            answer = world.client().get(reason.trace)
            assert answer.status_code == 200, answer.text
            told = TraceOut.model_validate(answer.json())
            assert told.value == reason.value == len(told.records)


def test_part_scores_are_as_of_a_moment(world: World) -> None:
    before = (NOW - timedelta(days=3, hours=12)).strftime("%Y-%m-%dT%H:%M:%SZ")
    found = parts(world, f"/v1/leads/lea_001/scores?as_of={before}", headers={"Accept-Language": "en"})
    assert found["activity_pool"].label == "queue"
    assert found["lead_fit"].reasons == []


@pytest.mark.parametrize(
    ("margin", "tier"), [(180_000.0, "A"), (500_000, "S"), (0, "B"), (None, "unknown"), ("***", "unknown")]
)
def test_the_tier_is_read_from_the_margin_that_the_caller_may_see(
    world: World, margin: object, tier: str
) -> None:
    assert isinstance(world.records, Busy)
    world.records.margin = margin
    found = parts(world, "/v1/accounts/acc_001/scores")["customer_tier"]
    assert found.label == tier
    assert [reason.trace for reason in found.reasons] == [None] * (tier != "unknown")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/leads/lea_none/scores", 404, "lead_not_found"),
        ("/v1/leads/lea_001/scores?as_of=2026-01-01T00:00:00", 422, "parameter_invalid"),
        ("/v1/leads/lea_001/scores?since=1", 422, "parameter_unknown"),
    ],
)
def test_what_cannot_be_scored_is_refused(world: World, path: str, status: int, code: str) -> None:
    answer = world.client().get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_part_scores_are_for_who_may_read(world: World) -> None:
    assert world.client().get("/v1/leads/lea_001/scores", key=SCORE_KEY).status_code == 403
    world.records.broken.add("all")
    assert world.client().get("/v1/leads/lea_001/scores").status_code == 503
