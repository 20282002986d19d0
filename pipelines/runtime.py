"""Builds the parts of the product from settings, each when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.settings import Settings
from pipelines.state import HomeState

if TYPE_CHECKING:
    from fastapi import FastAPI
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session, sessionmaker

    from crm_store.rules.engine import RuleBook
    from crm_store.services.vault import Vault
    from features.store import FeatureStore, OnlineRows
    from serving.champions import FileChampions
    from serving.crm.deps import CrmDeps
    from serving.deps import ServingDeps
    from serving.ladder import RuleSource
    from serving.metrics import Feed
    from serving.online import OnlineReader
    from serving.shadow import Pair, Shadow
    from serving.workbench.deps import WorkbenchDeps
    from serving.workers import Worker
    from training.registry import MlflowTracking
    from training.specs import ModelSpec
    from training.survival.specs import HazardSpec

# The rule document that answers where a model can't.
RULE_DOCUMENTS = {"lead_health": "lead_health", "account_churn": "account_risk", "lead_match": "lead_match"}


def utc_now() -> datetime:
    """Return real time: sessions and keys end by it, whatever moment the data speaks of."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Runtime:
    """One data folder and what works on it."""

    settings: Settings

    @classmethod
    def at(cls, home: Path | None = None) -> Runtime:
        """Return the runtime of a data folder; None means the one that the environment names."""
        return cls(Settings(home=home) if home else Settings())

    @cached_property
    def state(self) -> HomeState:
        """What the data folder holds."""
        return HomeState.read(self.settings.folder) or HomeState()

    @cached_property
    def engine(self) -> Engine:
        """The record store."""
        from crm_store.database import open_engine

        return open_engine(self.settings.store_url)

    @cached_property
    def sessions(self) -> sessionmaker[Session]:
        """Sessions of the record store."""
        from crm_store.database import session_factory

        return session_factory(self.engine)

    @cached_property
    def features(self) -> FeatureStore:
        """The feature store."""
        from features.store import FeatureStore

        spark = self.settings.spark_master if self.settings.features_engine == "spark" else None
        return FeatureStore(self.settings.features_folder, self.settings.online_url or "sqlite", spark)

    @cached_property
    def vault(self) -> Vault:
        """What seals the secrets that must be read again."""
        from pipelines.access_settings import AccessSettings

        return AccessSettings().vault(self.settings.folder)

    @cached_property
    def rules(self) -> RuleBook:
        """The published rule documents."""
        from crm_store.rules.engine import RuleBook

        return RuleBook.shipped()

    @cached_property
    def tracking(self) -> MlflowTracking:
        """The MLflow registry."""
        from training.registry import MlflowTracking

        folder = self.settings.mlflow_folder
        folder.mkdir(parents=True, exist_ok=True)
        return MlflowTracking(self.settings.tracking, (folder / "artifacts").as_uri())

    def specs(self) -> dict[str, ModelSpec]:
        """Return the models of this company; own data is declared as the demo company is."""
        from training.specs import SPECS

        return dict(SPECS["olist" if self.state.company == "olist" else "demo"])

    def models(self) -> tuple[str, ...]:
        """Return the names of every model of this company, the hazard last."""
        return (*self.specs(), self.hazard().model)

    def hazard(self) -> HazardSpec:
        """Return the model that says when accounts of this company are lost."""
        from training.survival.specs import HAZARDS

        return HAZARDS["olist" if self.state.company == "olist" else "demo"]

    def now(self) -> datetime:
        """Return the business's now: the clock, or the end of a history that has ended."""
        return self.state.clock(utc_now())

    def rule_sources(self) -> dict[str, RuleSource]:
        """Return the rules of each model as the ladder wants them."""
        from serving.ladder import RuleSource

        scorers = {model: self.rules.scorer(name) for model, name in RULE_DOCUMENTS.items()}
        return {model: RuleSource(scorer, scorer.document.signals) for model, scorer in scorers.items()}

    def champions(self, loading: Worker) -> FileChampions:
        """Return the champions that the pointer files name, and will name."""
        from serving.champions import FileChampions, bundle_loader

        folder = self.settings.models_folder
        horizons = {name: spec.horizon for name, spec in self.specs().items() if spec.horizon is not None}
        return FileChampions(folder, bundle_loader(folder, horizons), _served_models(), loading)

    def shadow(self, loading: Worker) -> Shadow:
        """Return the challengers that the shadow pointers name, beside the champions."""
        from serving.champions import FileChampions, bundle_loader
        from serving.shadow import Shadow
        from training.bundle import SHADOW

        folder = self.settings.models_folder
        load = bundle_loader(folder, {}, SHADOW)
        challengers = FileChampions(folder, load, _served_models(), loading, pointer=SHADOW)
        return Shadow(challengers, self._keep_pairs)

    def _keep_pairs(self, model: str, pairs: Sequence[Pair]) -> None:
        from crm_store.database import transaction
        from crm_store.repositories.scores.shadows import append_pairs

        with transaction(self.sessions) as session:
            append_pairs(session, model, [(one.entity_id, one.live, one.shadow) for one in pairs], utc_now())

    def serving_deps(
        self, champions: FileChampions, online: Callable[[], OnlineReader | None]
    ) -> ServingDeps:
        """Return the parts of the scoring API; batch scoring climbs the same ladder."""
        from serving.deps import ServingDeps
        from serving.records import StoreRecords

        return ServingDeps(
            records=StoreRecords(self.sessions),
            champions=champions,
            online=online,
            rules=self.rule_sources(),
            clock=self.now,
            rule_book=lambda: self.rules,
            wall=utc_now,
            crm=self.crm_deps(),
            feed=self.feed,
        )

    def feed(self) -> Feed | None:
        """Return how far behind the feed the fresh scores are, None while the store does not answer."""
        from sqlalchemy.exc import DBAPIError

        from crm_store.repositories.history.consumers import FRESH, standing
        from serving.metrics import Feed

        try:
            with self.sessions() as session:
                found = standing(session, FRESH)
        except DBAPIError:
            return None
        if found is None or found.reached_at is None:
            return Feed(None, 0)
        return Feed(max((utc_now() - found.reached_at).total_seconds(), 0.0), found.events)

    def crm_deps(self) -> CrmDeps:
        """Return the parts of the CRM interface."""
        from serving.crm.deps import CrmDeps

        return CrmDeps(self.engine, self.sessions, self.vault, self.settings.uploads_folder, utc_now)

    def online_reader(self) -> OnlineReader:
        """Return the online features; on SQLite, rows are remembered until the file changes."""
        from serving.online_memory import RememberingReader, sqlite_revision

        reader = OnlineFeatures(self.features, self.now)
        if self.settings.online_url:
            return reader
        return RememberingReader(reader, sqlite_revision(self.settings.features_folder / "online.db"))

    def workbench_deps(self) -> WorkbenchDeps:
        """Return the parts of the workbench."""
        from pipelines.access_settings import AccessSettings
        from serving.workbench.deps import WorkbenchDeps
        from training.alerts import alerts as model_alerts
        from training.report import champion_card

        notice = None
        if self.state.company == "demo":
            from pipelines.demo_company import SYNTHETIC_NOTICE

            notice = SYNTHETIC_NOTICE
        port, public = self.settings.workbench_port, self.settings.public_workbench_url
        local = tuple(f"http://{host}:{port}" for host in dict.fromkeys((self.settings.host, "localhost")))
        origins = (public,) if public else local
        sso = AccessSettings().single_sign_on(origins[0], self.vault)
        return WorkbenchDeps(
            self.sessions,
            utc_now,
            origins,
            notice,
            self.vault,
            sso,
            rule_book=lambda: self.rules,
            alerts=partial(model_alerts, self.settings.models_folder, self.models()),
            cards=partial(champion_card, self.settings.models_folder),
        )


def _served_models() -> tuple[str, ...]:
    """Every model that may answer a live request, and be tried in the shadow of the one that does."""
    from serving.kinds import KINDS

    return tuple(model for kind in KINDS for model in kind.models)


@dataclass(frozen=True)
class OnlineFeatures:
    """The feature store's online values as serving reads them: what is too old comes back as missing."""

    store: FeatureStore
    clock: Callable[[], datetime]

    def online(self, entity: str, ids: Sequence[str]) -> OnlineRows:
        """Return the rows of ``ids``, in order."""
        return self.store.online(entity, ids, now=self.clock())


def serving_app() -> FastAPI:
    """Build the scoring API of the data folder that the environment names; what is slow loads behind it."""
    from serving.app import create_app
    from serving.online import LazyReader
    from serving.workers import Worker

    runtime, loading = Runtime.at(), Worker("loading")
    online = LazyReader(runtime.online_reader, loading)
    deps = runtime.serving_deps(runtime.champions(loading), online)
    return create_app(replace(deps, observe=runtime.shadow(loading)))
