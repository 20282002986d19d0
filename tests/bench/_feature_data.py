"""Made-up feature sources of a company's size, in seconds: for the feature bench only."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from crm_store.domain.sources import SOURCES, ColumnType

NOW_US = 1_767_225_600_000_000  # 2026-01-01 00:00 UTC
_DAY_US = 86_400_000_000
_SPAN_DAYS = 540
_ARROW: dict[ColumnType, pa.DataType] = {
    "string": pa.string(),
    "float": pa.float64(),
    "moment": pa.timestamp("us", "UTC"),
}
_TEXTS = ["您好，请发报价单", "今年预算不足", "准备招标", "考虑更换供应商", "竞品对比", None]
_CHANNELS = ["chat", "call", "email", "meeting", "site", "download", "search", "view", "assign"]

Columns = dict[str, Any]


def sources(leads: int, accounts: int, activities: int, seed: int = 7) -> dict[str, pa.Table]:
    """Return every feature source as an Arrow table; a tenth of the rows is recorded late."""
    made = _Maker(np.random.default_rng(seed), leads, accounts)
    columns = {
        "lead_states": made.lead_states(),
        "account_states": made.account_states(),
        "activities": made.activities(activities),
        "orders": made.orders(activities // 5),
        "ticket_events": made.ticket_events(accounts * 12),
        "contract_events": made.contract_events(accounts * 4),
        "lead_flow": made.lead_flow(),
    }
    return {name: _table(name, filled) for name, filled in columns.items()}


class _Maker:
    def __init__(self, random: np.random.Generator, leads: int, accounts: int) -> None:
        self._random = random
        self._leads = np.array([f"lea_{n:06}" for n in range(leads)], dtype=object)
        self._accounts = np.array([f"acc_{n:06}" for n in range(accounts)], dtype=object)
        self._created = self._moments(leads)
        self._campaign = self._words([f"活动{n}" for n in range(60)], leads)
        self._channel = self._words(["web", "展会", "referral", "search_ads", None], leads)

    def lead_states(self) -> Columns:
        which = np.repeat(np.arange(len(self._leads)), 4)
        version = np.tile(np.arange(1, 5), len(self._leads))
        at = self._created[which] + (version - 1) * (self._random.random(len(which)) * 9 * _DAY_US).astype(
            np.int64
        )
        return {
            "lead_id": self._leads[which],
            "version": version.astype(float),
            "occurred_at": at,
            "recorded_at": at,
            "created_at": self._created[which],
            "campaign": self._campaign[which],
            "channel": self._channel[which],
            "market": np.full(len(which), "all", dtype=object),
            **{
                c: self._words(["甲", "乙", "丙", None], len(which))
                for c in ("status", "owner_id", "industry", "region", "city", "need", "title")
            },
            **{
                c: self._random.integers(0, 2, len(which)).astype(float)
                for c in ("has_company", "has_phone", "has_contact_name")
            },
            "expected_volume": self._random.random(len(which)) * 1000,
        }

    def account_states(self) -> Columns:
        which = np.repeat(np.arange(len(self._accounts)), 3)
        at = self._moments(len(which))
        return {
            "account_id": self._accounts[which],
            "version": np.tile(np.arange(1.0, 4.0), len(self._accounts)),
            "occurred_at": at,
            "recorded_at": at,
            "created_at": at,
            "employees": self._random.integers(10, 900, len(which)).astype(float),
            "annual_amount": self._random.random(len(which)) * 1e6,
            **{
                c: self._words(["甲", "乙", "S", "A"], len(which))
                for c in ("industry", "region", "tier", "owner_id")
            },
        }

    def activities(self, rows: int) -> Columns:
        of_lead = self._random.random(rows) < 0.7
        lead = self._random.integers(0, len(self._leads), rows)
        account = self._random.integers(0, len(self._accounts), rows)
        at = np.where(of_lead, self._created[lead] + self._ago(rows) // 6, NOW_US - self._ago(rows))
        return self._dated(at) | {
            "lead_id": np.where(of_lead, self._leads[lead], None),
            "account_id": np.where(of_lead, None, self._accounts[account]),
            "channel": self._words(_CHANNELS, rows),
            "direction": self._words(["in", "out", "internal"], rows),
            "duration_s": self._random.random(rows) * 600,
            "text": self._words(_TEXTS, rows),
        }

    def orders(self, rows: int) -> Columns:
        return self._dated(self._moments(rows)) | {
            "account_id": self._accounts[self._random.integers(0, len(self._accounts), rows)],
            "amount": np.round(self._random.random(rows) * 9000, 2),
            "quantity": self._random.integers(1, 50, rows).astype(float),
            "freight": np.round(self._random.random(rows) * 90, 2),
            "product": self._words([f"产品{n}" for n in range(80)], rows),
        }

    def ticket_events(self, rows: int) -> Columns:
        return self._dated(self._moments(rows)) | {
            "account_id": self._accounts[self._random.integers(0, len(self._accounts), rows)],
            "ticket_id": self._words([f"tic_{n}" for n in range(rows // 3)], rows),
            "event": self._words(["opened", "answered", "resolved", "rated"], rows),
            "response_h": self._random.random(rows) * 48,
            "satisfaction": self._random.integers(1, 6, rows).astype(float),
        }

    def contract_events(self, rows: int) -> Columns:
        at = self._moments(rows)
        return self._dated(at) | {
            "account_id": self._accounts[self._random.integers(0, len(self._accounts), rows)],
            "contract_id": self._words([f"con_{n}" for n in range(rows // 2)], rows),
            "event": self._words(["signed", "signed", "renewed", "lapsed"], rows),
            "amount": np.round(self._random.random(rows) * 1e5, 2),
            "start_at": at,
            "end_at": at + 365 * _DAY_US,
        }

    def lead_flow(self) -> Columns:
        arrived = np.arange(len(self._leads))
        won = np.flatnonzero(self._random.random(len(self._leads)) < 0.15)
        which = np.concatenate([arrived, won])
        took = np.round(self._random.random(len(won)) * 60, 3)
        at = np.concatenate([self._created, self._created[won] + (took * _DAY_US).astype(np.int64)])
        return self._dated(at) | {
            "lead_id": self._leads[which],
            "campaign": self._campaign[which],
            "channel": self._channel[which],
            "market": np.full(len(which), "all", dtype=object),
            "event": np.repeat(np.array(["arrived", "won"], dtype=object), [len(arrived), len(won)]),
            "days_to_win": np.concatenate([np.full(len(arrived), np.nan), took]),
        }

    def _words(self, words: Sequence[str | None], rows: int) -> Any:
        return np.array(words, dtype=object)[self._random.integers(0, len(words), rows)]

    def _ago(self, rows: int) -> Any:
        return (self._random.random(rows) * _SPAN_DAYS * _DAY_US).astype(np.int64)

    def _moments(self, rows: int) -> Any:
        return NOW_US - self._ago(rows)

    def _dated(self, at: Any) -> Columns:
        late = (self._random.random(len(at)) < 0.1) * (self._random.random(len(at)) * 3 * _DAY_US)
        return {"occurred_at": at, "recorded_at": at + late.astype(np.int64)}


def _table(name: str, filled: Columns) -> pa.Table:
    rows = len(filled["occurred_at"])
    filled = {"record_id": [f"{name}-{n:07}" for n in range(rows)]} | filled
    arrays = []
    for column, kind in SOURCES[name].columns.items():
        if column not in filled:
            arrays.append(pa.nulls(rows, _ARROW[kind]))
        elif kind == "moment":
            arrays.append(pa.array(filled[column], pa.int64()).cast(_ARROW[kind]))
        else:
            arrays.append(pa.array(filled[column], _ARROW[kind], from_pandas=True))
    return pa.table(arrays, names=list(SOURCES[name].columns))
