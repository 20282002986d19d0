"""A tiny company for training tests: leads whose chats make wins likelier, exported as source files."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from crm_store.domain.sources import SOURCES
from training.registry import RunRecord
from training.train import Catalog

START = datetime(2024, 1, 1, tzinfo=UTC)
NOW = datetime(2024, 9, 1, tzinfo=UTC)
FEATURES = ("lead_chats_30d", "lead_channel", "lead_noise")
CATALOG = Catalog(FEATURES, "hash-of-the-catalog")
_DTYPES = {"moment": "datetime64[us, UTC]", "float": "float64", "string": "object"}


def write_source(folder: Path, name: str, rows: Sequence[Mapping[str, object]]) -> None:
    """Write a source file from rows that give only the columns that matter; the rest is missing."""
    columns = SOURCES[name].columns
    table = {
        column: pd.Series([row.get(column) for row in rows], dtype=object).astype(_DTYPES[kind])
        for column, kind in columns.items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(table).to_parquet(folder / f"{name}.parquet", index=False)


def lead_state(
    lead_id: str, created: datetime, status: str = "new", at: datetime | None = None
) -> dict[str, object]:
    moment = at or created
    return {
        "record_id": lead_id,
        "lead_id": lead_id,
        "status": status,
        "created_at": created,
        "occurred_at": moment,
        "recorded_at": moment,
    }


class Company:
    """1,500 leads over 7 months; ``frame_of`` is the feature store's part, without a feature store."""

    def __init__(self, seed: int = 3, leads: int = 1500) -> None:
        generator = np.random.default_rng(seed)
        created = [START + timedelta(hours=float(h)) for h in np.sort(generator.uniform(0, 210 * 24, leads))]
        chats = generator.poisson(2, leads).astype(float)
        channel = generator.choice(["展会", "官网", "转介绍"], leads)
        log_odds = -3 + 0.7 * chats + 0.8 * (channel == "转介绍")
        won = generator.random(leads) < 1 / (1 + np.exp(-log_odds))
        self.ids = [f"lead-{k:05d}" for k in range(leads)]
        missing = generator.random(leads) < 0.05
        self.features = pd.DataFrame(
            {
                "entity_id": self.ids,
                "lead_chats_30d": np.where(missing, np.nan, chats),
                "lead_channel": channel,
                "lead_noise": generator.normal(size=leads),
            }
        )
        days = generator.uniform(0.1, 20, leads)
        self.states = [lead_state(i, moment) for i, moment in zip(self.ids, created, strict=True)]
        self.states += [
            lead_state(self.ids[k], created[k], "won", created[k] + timedelta(days=float(days[k])))
            for k in range(leads)
            if won[k]
        ]

    def export(self, folder: Path) -> Path:
        write_source(folder, "lead_states", self.states)
        return folder

    def frame_of(self, entity: str, rows: pd.DataFrame, features: Sequence[str]) -> pd.DataFrame:
        assert entity == "lead"
        found = rows.merge(self.features, on="entity_id", how="left")
        # the order of the answer is the store's own business
        return found[["entity_id", "as_of", *features]].iloc[::-1].reset_index(drop=True)


class FakeRules:
    """Rules that look at chats only, and take no side on a lead whose chats nobody knows."""

    def probabilities(self, signals: Sequence[Mapping[str, object]]) -> list[float | None]:
        return [
            None if row["lead_chats_30d"] is None else (0.95 if row["lead_chats_30d"] > 3 else 0.3)
            for row in signals
        ]


class FakeTracking:
    """A registry that remembers."""

    def __init__(self) -> None:
        self.runs: list[RunRecord] = []
        self.promoted: list[tuple[str, str]] = []

    def record(self, run: RunRecord) -> str:
        self.runs.append(run)
        return str(len(self.runs))

    def promote(self, model: str, registered: str) -> None:
        self.promoted.append((model, registered))
