"""A model in a data folder: gates, promotion by hand, rollback, schedule, drift and what is told of it."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from crm_store.database import open_engine, session_factory
from crm_store.domain.scores import Score, band_of
from crm_store.repositories.scores import log as scores
from crm_store.repositories.scores.shadows import KeptPair, append_pairs, kept_id, pairs_of
from features.catalog import catalog_hash
from pipelines import lifecycle
from pipelines.lifecycle import ModelRefused
from pipelines.runtime import Runtime
from pipelines.settings import Settings
from serving.champions import Champion
from serving.workers import Worker
from tests.unit.training.training_fakes import NOW, Company
from training.alerts import alerts
from training.bundle import SHADOW, Bundle, BundleBroken, load_champion
from training.bundle.standing import Standing, write_standing
from training.outcomes import LeadWon, days
from training.policy import ModelPolicy
from training.shadowing import compare_shadow

MODEL = "lead_health"


class Aliases:
    """A registry that remembers what was promoted, and may be out of reach."""

    def __init__(self) -> None:
        self.promoted: list[str] = []
        self.away = False

    def promote_bundle(self, model: str, version: str) -> bool:
        if self.away:
            raise ConnectionError
        self.promoted.append(version)
        return True


@pytest.fixture
def aliases() -> Aliases:
    return Aliases()


@pytest.fixture
def runtime(two_bundles: tuple[Bundle, Bundle], tmp_path: Path, aliases: Aliases) -> Runtime:
    """Two versions of today's catalog: the first passed every gate, a gate refused the second."""
    made = Runtime(Settings(home=tmp_path))
    made.__dict__["tracking"] = aliases
    place = made.settings.models_folder / MODEL
    for name, bundle, shut in zip(("good", "poor"), two_bundles, ("", "calibrated"), strict=True):
        replace(bundle, version=name, catalog_hash=catalog_hash()).save(place / name)
        gates = [{"name": gate, "passed": gate != shut} for gate in ("calibrated", "fair")]
        report = {"gates": gates, "trained_at": NOW.isoformat()}
        (place / f"{name}.report.json").write_text(json.dumps(report), "utf-8")
    return made


def champion(runtime: Runtime) -> str:
    return load_champion(runtime.settings.models_folder, MODEL).version


def test_what_passed_every_gate_is_promoted_by_hand_and_taken_back(
    runtime: Runtime, aliases: Aliases
) -> None:
    lifecycle.promote_version(runtime, MODEL, "good")
    lifecycle.promote_version(runtime, MODEL, "poor", "the gate is wrong about a holiday week")
    assert champion(runtime) == "poor"
    lifecycle.roll_back_model(runtime, MODEL)
    assert champion(runtime) == "good"
    assert aliases.promoted == ["good", "poor", "good"]
    told = [(event["what"], event["version"]) for event in lifecycle.events(runtime, MODEL)]
    assert told == [("promoted", "good"), ("promoted", "poor"), ("rolled_back", "good")]
    assert lifecycle.events(runtime, MODEL)[1]["why"] == "the gate is wrong about a holiday week"


def test_a_registry_out_of_reach_holds_no_rollback_up(runtime: Runtime, aliases: Aliases) -> None:
    aliases.away = True
    lifecycle.promote_version(runtime, MODEL, "good")
    assert champion(runtime) == "good"


@pytest.mark.parametrize(
    ("version", "code"), [("poor", "gates_refused"), ("../good", "unknown_version"), ("x", "unknown_version")]
)
def test_a_promotion_by_hand_is_refused_with_a_code(runtime: Runtime, version: str, code: str) -> None:
    with pytest.raises(ModelRefused) as caught:
        lifecycle.promote_version(runtime, MODEL, version)
    assert caught.value.code == code
    assert caught.value.zh


def test_a_version_of_another_catalog_is_never_promoted(
    runtime: Runtime, two_bundles: tuple[Bundle, Bundle]
) -> None:
    two_bundles[0].save(runtime.settings.models_folder / MODEL / "old")
    with pytest.raises(ModelRefused, match="other_catalog"):
        lifecycle.promote_version(runtime, MODEL, "old", "by force")


def test_without_an_earlier_champion_there_is_nothing_to_return_to(runtime: Runtime) -> None:
    lifecycle.promote_version(runtime, MODEL, "good")
    with pytest.raises(BundleBroken, match="no_earlier_champion"):
        lifecycle.roll_back_model(runtime, MODEL)


@pytest.mark.parametrize(
    ("later", "drifted", "why"),
    [(0.5, True, None), (2, False, None), (2, True, "drift"), (27, False, None), (28, False, "schedule")],
)
def test_a_champion_is_trained_again_by_schedule_and_by_drift(
    runtime: Runtime, later: float, drifted: bool, why: str | None
) -> None:
    lifecycle.promote_version(runtime, MODEL, "good")
    level = "act" if drifted else "warn"
    write_standing(
        runtime.settings.models_folder,
        MODEL,
        Standing("good", NOW.isoformat(), level),  # type: ignore[arg-type]
    )
    assert lifecycle.due(runtime, MODEL, NOW + timedelta(days=later), ModelPolicy.of()) == why


def test_where_nobody_is_champion_one_is_sought_once_a_day(runtime: Runtime) -> None:
    policy = ModelPolicy.of()
    assert lifecycle.due(runtime, MODEL, NOW + timedelta(hours=3), policy) is None
    assert lifecycle.due(runtime, MODEL, NOW + timedelta(days=1), policy) == "first"


def test_every_model_of_a_company_is_kept_up(runtime: Runtime) -> None:
    assert runtime.models() == ("lead_health", "account_churn", "lead_match", "account_renewal")
    for model in runtime.models():
        assert lifecycle.due(runtime, model, NOW + timedelta(days=1), ModelPolicy.of()) == "first"


@pytest.mark.parametrize("model", ["lead_match", "account_renewal"])
def test_what_gives_no_score_of_its_own_is_tried_in_the_shadow_too(
    runtime: Runtime, two_bundles: tuple[Bundle, Bundle], model: str
) -> None:
    place = runtime.settings.models_folder / model
    replace(two_bundles[0], model=model, version="new").save(place / "new")
    lifecycle.shadow_version(runtime, model, "new")
    loading = Worker("loading")
    shadow = runtime.shadow(loading)
    shadow._challengers.current(model)
    loading.submit(lambda: None).result()
    standing = shadow._challengers.current(model)
    assert isinstance(standing, Champion)
    assert standing.version == "new"
    shadow.close()
    loading.close()
    lifecycle.shadow_version(runtime, model, None)
    assert not (place / SHADOW).exists()


def test_a_company_too_young_to_learn_from_is_not_tried_every_hour(runtime: Runtime) -> None:
    at = NOW + timedelta(days=2)
    assert lifecycle.due(runtime, MODEL, at, ModelPolicy.of()) == "first"
    lifecycle.note(runtime, MODEL, lifecycle.REFUSED, "-", "no_outcomes")
    assert lifecycle.due(runtime, MODEL, at, ModelPolicy.of()) is None


def test_drift_is_told_until_a_person_accepts_it(runtime: Runtime) -> None:
    lifecycle.promote_version(runtime, MODEL, "good")
    finding = {"kind": "score", "level": "act", "zh": "评分分布改变", "en": "scores moved"}
    found = Standing("good", NOW.isoformat(), "act", ("score",), findings=[finding])
    write_standing(runtime.settings.models_folder, MODEL, found)
    folder = runtime.settings.models_folder
    ((zh, en),) = alerts(folder, [MODEL, "account_churn"])
    assert "已改由规则评分" in zh
    assert "rules answer instead" in en
    assert lifecycle.accept_drift(runtime, MODEL, "a campaign, as planned").down is None
    assert alerts(folder, [MODEL]) == []
    with pytest.raises(ModelRefused, match="no_drift"):
        lifecycle.accept_drift(runtime, MODEL, "again")


def test_a_challenger_is_compared_on_outcomes_known_since_and_shown_nowhere(
    sqlite_url: str, tmp_path: Path
) -> None:
    company = Company(leads=300)
    sources, outcome = company.export(tmp_path / "sources"), LeadWon(within=days(30))
    labels = outcome.rows(sources, NOW)
    at = datetime(2024, 12, 1, tzinfo=UTC)

    def score(value: float, version: str, as_of: datetime) -> Score:
        return Score(value, band_of(value), value / 100, (), "model", version, as_of)

    pairs = [
        (
            row.entity_id,
            score(50.0, "old", row.as_of.to_pydatetime()),
            score(90.0 if row.label else 10.0, "new", row.as_of.to_pydatetime()),
        )
        for row in labels.itertuples()
    ]
    engine = open_engine(sqlite_url)
    with session_factory(engine)() as session:
        append_pairs(session, MODEL, pairs, at)
        append_pairs(session, MODEL, pairs, at)
        weekly = replace(pairs[0][1], weekly=(0.25, 0.5))
        append_pairs(session, "account_renewal", [("acc_1" * 20, weekly, weekly)], at)
        session.commit()
        (of_weeks,) = pairs_of(session, "account_renewal", "old")
        assert (of_weeks.live_weekly, of_weeks.entity_id) == ([0.25, 0.5], kept_id("acc_1" * 20))
        kept = pairs_of(session, MODEL, "new")
        assert pairs_of(session, MODEL, "another") == []
        assert scores.latest(session, MODEL, [kept[0].entity_id]) == {}
        assert scores.ranked(session, MODEL).items == []
    engine.dispose()
    duel = compare_shadow(outcome, "chance", sources, pd.DataFrame(kept, columns=list(KeptPair._fields)), NOW)
    assert duel.pairs == len(labels)
    assert duel.live is not None
    assert duel.shadow is not None
    assert (duel.live.auc, duel.shadow.auc, duel.shadow.n) == (0.5, 1.0, len(labels))
    early = compare_shadow(
        outcome, "chance", sources, pd.DataFrame(kept, columns=list(KeptPair._fields)), labels.as_of.min()
    )
    assert (early.live, early.shadow) == (None, None)
