"""What is told about models, and which segment answered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crm_store.domain.scores import SegmentFacts
from serving.champions import Champion
from serving.examples import models_example
from serving.schemas import LeadResults
from serving.schemas_explained import ModelsOut
from tests.unit.serving.fakes import SCORE_KEY, FakeScorer, World

FACTS = SegmentFacts("lead_channel", "转介绍", 4210, 612, 1403, 201, 0.021, 0.008)


class SegmentScorer(FakeScorer):
    def score(self, signals, as_of):  # type: ignore[no-untyped-def]
        scores = super().score(signals, as_of)
        return [replace(scores[0], segment=FACTS, version=f"{self.version}/{FACTS.name}"), *scores[1:]]


def test_models_tell_their_map_samples_and_segments() -> None:
    world = World()
    about = models_example()["models"][0]["about"]
    world.champions.standing["lead_health"] = Champion(world.model, "model-1", about=about)
    world.champions.standing["account_churn"] = world.champions.standing["account_churn"]
    answer = world.client().get("/v1/models")
    assert answer.status_code == 200, answer.text
    told = ModelsOut.model_validate(answer.json())
    lead, match, account, renewal = told.models
    assert (told.bands.green, told.bands.yellow) == (90, 60)
    assert lead.about is not None
    assert [corner.value for corner in lead.about.map] == [0, 60, 90, 100]
    assert lead.about.segments[0].rows == 4210
    assert (account.state, account.version, account.about) == ("champion", "model-1", None)
    assert [(one.model, one.entity, one.state) for one in (match, renewal)] == [
        ("lead_match", "lead", "champion"),
        ("account_renewal", "account", "no_champion"),
    ]


@pytest.mark.parametrize("code", ["bundle_broken", "drift_score"])
def test_a_model_without_champion_says_why(code: str) -> None:
    world = World()
    world.absent(code)
    models = ModelsOut.model_validate(world.client().get("/v1/models").json()).models
    assert [(model.state, model.version) for model in models] == [(code, None)] * 4


def test_models_are_for_who_may_read() -> None:
    assert World().client().get("/v1/models", key=SCORE_KEY).status_code == 403
    assert World().client().get("/v1/models?all=1").json()["error"]["code"] == "parameter_unknown"


def test_an_answer_of_a_segment_names_its_rung_the_segment_and_its_sample_sizes() -> None:
    world = World()
    model = SegmentScorer("model", "model-1")
    world.champions.standing["lead_health"] = Champion(model, "model-1")
    answer = world.client()("POST", "/v1/leads/score", json={"ids": ["lea_001", "lea_002"]})
    first, second = (result.score for result in LeadResults.model_validate(answer.json()).results)
    assert first is not None
    assert first.segment is not None
    assert (first.rung, first.version) == ("segment", "model-1/lead_channel=转介绍")
    assert (first.segment.value, first.segment.rows, first.segment.tested) == ("转介绍", 4210, 1403)
    assert second is not None
    assert (second.rung, second.segment) == ("model", None)
