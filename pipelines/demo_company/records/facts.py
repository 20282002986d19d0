"""Fact tables: activities with the time they were entered, and order snapshots, as Arrow tables."""

from typing import Any

import numpy as np
import pyarrow as pa

from crm_store.domain.ids import stable_id
from crm_store.models.choices import COMMUNICATION_CHANNELS
from pipelines.demo_company import SOURCE
from pipelines.demo_company.account_life.orders import Orders
from pipelines.demo_company.records.keys import outside_id
from pipelines.demo_company.world.arrays import NOBODY, Flags, Floats, Ints, Rng, Words, words
from pipelines.demo_company.world.batch import Batch
from pipelines.demo_company.world.clock import HOUR, MINUTE, SECOND, Clock
from pipelines.demo_company.world.market import LINES
from pipelines.demo_company.world.texts import CORRECTION, scene_of

_MOMENT = pa.timestamp("us", tz="UTC")
# share of entries that a rep makes hours to days later, by channel; machines record at once
_LATE = {"call": 0.16, "meeting": 0.35, "email": 0.08, "chat": 0.05}
_CORRECTED = 0.006
_MAKING, _WAITING = 2.0, 5.0


def activity_table(
    rng: Rng,
    clock: Clock,
    batches: list[Batch],
    written: Floats,
    ids: tuple[Words, Words, Words],
) -> pa.Table:
    """Return the activities known by ``now``, in order of time, with every column of the model.

    ``written`` (leads,) is when each lead was put on record: before, nothing can point at it. ``ids`` are
    those of leads, accounts and reps.
    """
    at = np.concatenate([item.at for item in batches])
    entered = np.concatenate([_entered(rng, item) for item in batches])
    order = np.argsort(at, kind="stable")
    about = np.concatenate([item.lead for item in batches])
    on_record = (about == NOBODY) | (written[about] <= clock.now_day)
    order = order[(entered[order] <= clock.now_day) & on_record[order]]
    columns: dict[str, Any] = {
        "lead": about[order],
        "account": np.concatenate([item.account for item in batches])[order],
        "rep": np.concatenate([item.rep for item in batches])[order],
        "channel": words([item.channel for item in batches for _ in item.at])[order],
        "direction": words([item.direction for item in batches for _ in item.at])[order],
        "duration": np.concatenate([item.duration for item in batches])[order],
        "text": np.concatenate([item.text for item in batches])[order],
    }
    corrects = np.full(len(order), NOBODY, dtype=np.int64)
    return _activities(
        *_with_corrections(rng, clock, columns, at[order], entered[order], corrects),
        clock,
        ids,
    )


def order_table(clock: Clock, orders: Orders, account_ids: Words) -> pa.Table:
    """Return the order snapshots, with every column of the model."""
    order = np.argsort(orders.at, kind="stable")
    age = clock.now_day - orders.at[order]
    state = np.where(age < _MAKING, "to_schedule", np.where(age < _WAITING, "in_production", "shipped"))
    at, recorded = orders.at[order], orders.recorded[order]
    return pa.table(
        _head("order_snapshot", clock, at, recorded)
        | {
            "account_id": pa.array(account_ids[orders.account[order]], pa.string()),
            "amount": pa.array(orders.amount[order]),
            "quantity": pa.array(orders.quantity[order]),
            "freight": pa.array(orders.freight[order]),
            "product": pa.array(LINES[orders.line[order]], pa.string()),
            "delivery_state": pa.array(state.astype(object), pa.string()),
        }
    )


def _entered(rng: Rng, item: Batch) -> Floats:
    size = len(item.at)
    if item.channel not in _LATE:
        return item.at + rng.exponential(20 * SECOND, size)
    soon = rng.exponential((4 if item.channel == "chat" else 12) * MINUTE, size)
    late = 3 * HOUR + rng.exponential(1.0, size)
    return item.at + np.where(rng.random(size) < _LATE[item.channel], late, soon)


def _with_corrections(
    rng: Rng, clock: Clock, columns: dict[str, Any], at: Floats, entered: Floats, corrects: Ints
) -> tuple[dict[str, Any], Floats, Floats, Ints]:
    """Return the activities with some entered again, at the end, because the first entry was wrong."""
    spoken: Flags = np.isin(columns["channel"].astype(str), ("call", "meeting"))
    wrong = np.flatnonzero(spoken & (rng.random(len(at)) < _CORRECTED))
    again = entered[wrong] + rng.uniform(0.3, 5.0, len(wrong))
    wrong, again = wrong[again <= clock.now_day], again[again <= clock.now_day]
    copies = {name: values[wrong] for name, values in columns.items()}
    copies["text"] = words([CORRECTION + text for text in copies["text"]])
    copies["duration"] = np.round(copies["duration"] * rng.uniform(0.5, 2.0, len(wrong)))
    merged = {name: np.concatenate([values, copies[name]]) for name, values in columns.items()}
    return (
        merged,
        np.concatenate([at, at[wrong]]),
        np.concatenate([entered, again]),
        np.concatenate([corrects, wrong]),
    )


def _activities(
    columns: dict[str, Any],
    at: Floats,
    entered: Floats,
    corrects: Ints,
    clock: Clock,
    ids: tuple[Words, Words, Words],
) -> pa.Table:
    head = _head("activity", clock, at, entered)
    own = words([*head["id"].to_pylist(), None])
    lead_ids, account_ids, rep_ids = ids
    return pa.table(
        head
        | {
            "lead_id": pa.array(lead_ids[columns["lead"]], pa.string()),
            "account_id": pa.array(account_ids[columns["account"]], pa.string()),
            "rep_id": pa.array(rep_ids[columns["rep"]], pa.string()),
            "channel": pa.array(columns["channel"], pa.string()),
            "direction": pa.array(columns["direction"], pa.string()),
            "duration_s": pa.array(columns["duration"], pa.float64(), from_pandas=True),
            "text": pa.array(columns["text"], pa.string()),
            "corrects_id": pa.array(own[corrects], pa.string()),
            "scene": pa.array(_scenes(columns["channel"], columns["text"]), pa.string()),
            "entered_by": pa.array([f"import:{SOURCE}"] * len(at), pa.string()),
        }
    )


def _scenes(channels: Words, texts: Words) -> list[str | None]:
    """Return what each communication was about; other activities have no scene."""
    known = {text: scene_of(text) for text in set(texts.tolist()) if text is not None}
    spoken = np.isin(channels.astype(str), COMMUNICATION_CHANNELS).tolist()
    return [known.get(text) if yes else None for yes, text in zip(spoken, texts.tolist(), strict=True)]


def _head(kind: str, clock: Clock, at: Floats, recorded: Floats) -> dict[str, pa.Array]:
    """Return the columns that every fact has."""
    outside = [outside_id(kind, index) for index in range(len(at))]
    return {
        "id": pa.array([stable_id(kind, SOURCE, name) for name in outside], pa.string()),
        "source": pa.array([SOURCE] * len(at), pa.string()),
        "external_id": pa.array(outside, pa.string()),
        "occurred_at": pa.array(clock.micros(at), pa.int64()).cast(_MOMENT),
        "recorded_at": pa.array(clock.micros(recorded), pa.int64()).cast(_MOMENT),
    }
