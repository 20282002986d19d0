"""Each build says how fresh and how usual its inputs are; a broken source stops its groups, and no others."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.catalog import CATALOG, features_of
from features.errors import FeatureError
from features.quality import build, history
from features.source_quality import Fault, groups_held, inspect
from features.store import FeatureStore
from features.value_quality import measure
from tests.parity.growing import Growing
from tests.parity.histories import ORIGIN, make_history
from tests.unit.features.conftest import write_sources

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ACCOUNTS = pd.DataFrame({"entity_id": ["A1", "A2"], "as_of": [ORIGIN, ORIGIN]})


@pytest.fixture
def store(tmp_path: Path) -> FeatureStore:
    store = FeatureStore(tmp_path / "features")
    write_sources(store.sources, make_history(seed=11, size=200))
    (store.folder / "registry.db").touch()  # publishing asks only whether Feast's folder was set up
    return store


def rows_at(now: datetime) -> pd.DataFrame:
    return ACCOUNTS.assign(as_of=now)


def change(store: FeatureStore, name: str, by: Callable[[pa.Table], pa.Table]) -> None:
    file = store.sources / f"{name}.parquet"
    pq.write_table(by(pq.read_table(file)), file)


BREAK: dict[Fault, Callable[[FeatureStore], object]] = {
    "missing": lambda store: (store.sources / "orders.parquet").unlink(),
    "unreadable": lambda store: (store.sources / "orders.parquet").write_bytes(b"PAR1 no more"),
    "columns": lambda store: change(store, "orders", lambda table: table.drop_columns("amount")),
    "shrunk": lambda store: change(store, "orders", lambda table: table.slice(0, len(table) // 2)),
}


@pytest.mark.parametrize("fault", BREAK)
def test_a_broken_source_keeps_its_groups_as_published_and_the_rest_goes_on(
    store: FeatureStore, fault: Fault
) -> None:
    first = build(store, "account", rows_at(ORIGIN), ORIGIN)
    BREAK[fault](store)
    later = ORIGIN + 24 * HOUR

    second = build(store, "account", rows_at(later), later)

    assert first.record.held == {}
    assert second.record.sources["orders"].fault == fault
    assert set(second.record.held) == {"account_commerce"}
    assert any("account_commerce" in zh and "暂停发布" in zh for zh, _ in second.record.told())
    online = store.online("account", ["A1"])
    assert online.as_of == [later]
    for feature in features_of("account"):
        source = first if feature.group in second.record.held else second
        value = source.frame.set_index("entity_id").loc["A1", feature.name]
        assert online.values[0] is not None
        assert online.values[0][feature.name] == value or pd.isna(value)
    assert list(second.frame.columns) == list(first.frame.columns)


def test_a_source_that_recovers_is_published_again(store: FeatureStore) -> None:
    good = (store.sources / "orders.parquet").read_bytes()
    build(store, "account", rows_at(ORIGIN), ORIGIN)
    BREAK["shrunk"](store)
    for day in (1, 2):  # what is broken twice is still measured against what it was
        assert build(store, "account", rows_at(at := ORIGIN + day * 24 * HOUR), at).record.held
    (store.sources / "orders.parquet").write_bytes(good)
    at = ORIGIN + 72 * HOUR
    assert build(store, "account", rows_at(at), at).record.held == {}


def test_without_any_source_nothing_is_published_and_that_is_said(store: FeatureStore) -> None:
    build(store, "account", rows_at(ORIGIN), ORIGIN)
    for file in store.sources.glob("*.parquet"):
        file.unlink()
    with pytest.raises(FeatureError) as caught:
        build(store, "account", rows_at(ORIGIN + HOUR), ORIGIN + HOUR)
    assert caught.value.code == "sources_broken"
    assert store.online("account", ["A1"]).as_of == [ORIGIN]
    assert len(history(store.folder, "account")) == 2


def test_a_source_is_stale_by_its_own_rhythm(tmp_path: Path) -> None:
    write_sources(tmp_path, make_history(seed=11, size=5))
    moments = [ORIGIN - timedelta(days=day) for day in range(0, 60, 2)]
    file = tmp_path / "orders.parquet"
    table = pq.read_table(file)
    empty = {
        name: pa.nulls(len(moments), kind)
        for name, kind in zip(table.schema.names, table.schema.types, strict=True)
    }
    known = pa.array(moments, pa.timestamp("us", tz="UTC"))
    pq.write_table(pa.table(empty | {"recorded_at": known, "occurred_at": known}), file, row_group_size=7)

    def fault(days: float) -> Fault | None:
        return inspect(tmp_path, ORIGIN + timedelta(days=days), {})["orders"].fault

    assert fault(4.9) is None
    assert fault(5.1) == "stale"


def test_a_shared_group_depends_on_the_leads_own_state_too() -> None:
    states = inspect(Path("/nowhere"), ORIGIN, {})
    whole = {name: type(state)(name, 10) for name, state in states.items()}
    held = groups_held(CATALOG.values(), whole | {"lead_states": states["lead_states"]})
    assert {"lead_profile", "lead_context"} <= set(held)
    assert not {"account_commerce", "lead_engagement"} & set(held)


def test_a_build_is_recorded_once_and_compared_with_the_one_of_a_month_ago(store: FeatureStore) -> None:
    moments = [ORIGIN, ORIGIN, ORIGIN + timedelta(days=30), ORIGIN + timedelta(days=60)]
    for at in moments:
        build(store, "account", rows_at(at), at)
    records = history(store.folder, "account")
    assert [record.as_of for record in records] == moments[1:]
    assert records[0].features["account_orders_90d"].psi is None
    assert records[-1].features["account_orders_90d"].psi is not None


SHIFTS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], str]] = {
    "far fewer are known": (lambda x: np.where(np.arange(len(x)) % 2 == 0, np.nan, x), "unknown"),
    "one is out of all proportion": (lambda x: np.append(x[:-1], 1e9), "range"),
    "they have moved": (lambda x: x + 1.0, "drift"),
}


@pytest.mark.parametrize("shift", SHIFTS)
def test_what_has_changed_about_a_feature_is_told(shift: str) -> None:
    change_values, alert = SHIFTS[shift]
    [feature] = features_of("account", ["account_order_interval_days"])
    values = np.random.default_rng(3).normal(30.0, 1.0, 2_000)
    before = measure(pd.DataFrame({feature.name: values}), [feature], {})
    after = measure(pd.DataFrame({feature.name: change_values(values)}), [feature], before)
    assert after[feature.name].alerts == (alert,)


@pytest.mark.parametrize("rows", [5, 50, 2_000])
def test_samples_of_one_population_raise_no_alarm(rows: int) -> None:
    number, word = features_of("lead", ["lead_chats_30d", "lead_channel"])
    alarms = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        frames = [
            pd.DataFrame(
                {
                    number.name: rng.poisson(1.5, rows).astype(float),
                    word.name: rng.choice(["a", "b", "c"], rows),
                }
            )
            for _ in range(2)
        ]
        before = measure(frames[0], [number, word], {})
        alarms += sum("drift" in one.alerts for one in measure(frames[1], [number, word], before).values())
    assert alarms <= 6  # of 200


def test_words_that_are_new_are_drift() -> None:
    [feature] = features_of("lead", ["lead_channel"])
    before = measure(pd.DataFrame({feature.name: ["chat", "site"] * 500}), [feature], {})
    after = measure(pd.DataFrame({feature.name: ["chat", "抖音"] * 500}), [feature], before)
    assert after[feature.name].alerts == ("drift",)


def test_an_empty_build_alarms_nobody() -> None:
    [feature] = features_of("lead", ["lead_chats_30d"])
    before = measure(pd.DataFrame({feature.name: [1.0, 2.0]}), [feature], {})
    assert (
        measure(pd.DataFrame({feature.name: []}, dtype=float), [feature], before)[feature.name].alerts == ()
    )


def test_of_a_log_only_rows_that_still_stand_are_counted(tmp_path: Path) -> None:
    growing, told = Growing(tmp_path), make_history(seed=11, size=200)
    growing.tell(told)
    for row in told["orders"][:50]:
        row["known_until"] = ORIGIN
    told["orders"].append(told["orders"][0] | {"record_id": "one more", "recorded_at": ORIGIN + 900 * DAY})
    growing.tell(told)

    found = inspect(growing.folder, ORIGIN, {})["orders"]

    assert (found.rows, found.newest, found.fault) == (len(told["orders"]), ORIGIN + 900 * DAY, None)
