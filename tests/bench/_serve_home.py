"""A data folder for the serve bench: leads, their online features, a champion and a key."""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from crm_store.database import migrate, open_engine, session_factory, transaction
from crm_store.repositories.writes.bulk import load_history
from crm_store.services.access import create_api_key
from features.catalog import catalog_hash, features_of
from pipelines.state import HomeState
from training.bundle import Bundle, promote
from training.calibration import Calibrator
from training.lightgbm_model import BoostingParams, refit_lightgbm
from training.score_map import score_map

NOW = datetime(2026, 3, 1, tzinfo=UTC)
MODEL = "lead_health"
LEADS = 2_000
# Trees as in a trained lead health model: some hundreds of shallow ones.
ROUNDS = 300
WORDS = ("华东", "华南", "华北", "西南", "东北")


def build_home(folder: Path, leads: int = LEADS, rounds: int = ROUNDS) -> None:
    """Fill a new folder; ``bench.json`` names the leads and the key."""
    url = f"sqlite:///{folder / 'crm.db'}"
    migrate(url)
    engine = open_engine(url)
    ids = [f"lea_{n:024x}" for n in range(leads)]
    born = NOW - timedelta(days=10)
    versions = [
        {
            "id": i,
            "source": "bench",
            "external_id": i,
            "recorded_at": born,
            "fields": {"company": f"公司 {i[-6:]}"},
        }
        for i in ids
    ]
    load_history(engine, "lead", versions, actor="import:bench", reason=None, now=NOW)
    with transaction(session_factory(engine)) as session:
        key = create_api_key(session, "bench", ["score", "read"], NOW)
    engine.dispose()
    frame = random_features(ids)
    publish(folder, frame)
    promote_champion(folder / "models", frame, rounds)
    HomeState(data_as_of=NOW.isoformat()).write(folder)
    (folder / "bench.json").write_text(json.dumps({"ids": ids, "key": key}))


def random_features(ids: list[str]) -> pd.DataFrame:
    """Return every lead feature with made-up values, a fifth of them missing."""
    random = np.random.default_rng(7)
    columns: dict[str, object] = {"entity_id": ids}
    for feature in features_of("lead"):
        known = random.random(len(ids)) > 0.2
        if feature.dtype == "string":
            columns[feature.name] = np.where(known, random.choice(WORDS, len(ids)), None)
        else:
            columns[feature.name] = np.where(known, random.poisson(3, len(ids)).astype(float), np.nan)
    frame = pd.DataFrame(columns)
    frame["as_of"] = pd.Series([NOW] * len(ids), dtype="datetime64[us, UTC]")
    return frame


def promote_champion(models: Path, frame: pd.DataFrame, rounds: int) -> None:
    """Train on labels that depend on a few of the features, and make it champion."""
    names = tuple(feature.name for feature in features_of("lead"))
    random = np.random.default_rng(11)
    pull = frame[["lead_chats_30d", "lead_downloads_30d", "lead_visits_30d"]].fillna(0).sum(axis=1)
    labels = (pull + random.normal(0, 3, len(frame)) > 10).to_numpy()
    fitted = refit_lightgbm(frame, labels, names, rounds, BoostingParams(rows_per_leaf=20))
    bundle = Bundle(
        model=MODEL,
        version="bench-1",
        entity="lead",
        meaning="chance",
        trained_at=NOW,
        base_rate=0.2,
        catalog_hash=catalog_hash(),
        encoding=fitted.encoding,
        calibrator=Calibrator("platt", (1.0, 0.0)),
        points=score_map(0.2, "chance"),
        booster=fitted.text,
        facts={},
    )
    bundle.save(models / MODEL / "bench-1")
    promote(models, MODEL, "bench-1")


def publish(folder: Path, frame: pd.DataFrame) -> None:
    """Write the features to the online store."""
    from features.store import FeatureStore

    store = FeatureStore(folder / "features")
    store.apply()
    store.publish("lead", frame)


if __name__ == "__main__":
    build_home(Path(sys.argv[1]), *map(int, sys.argv[2:]))
