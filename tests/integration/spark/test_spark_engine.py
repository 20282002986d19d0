"""The same catalog on a real cluster: the same cells as DuckDB, and a history that Feast reads there."""

from datetime import timedelta
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from features.catalog import names_of
from features.engines import ibis_engine, spark_engine
from features.errors import FeatureError
from features.store import FeatureStore
from tests.parity.growing import Growing
from tests.parity.histories import AS_OFS, ORIGIN, make_history
from tests.sizes import full

pytestmark = [pytest.mark.xdist_group("spark"), pytest.mark.filterwarnings("ignore")]
IDS = {"lead": ("L1", "L2", "nobody"), "account": ("A1", "A2", "nobody")}


def asked(entity: str) -> pd.DataFrame:
    moments = (*AS_OFS, ORIGIN - timedelta(days=13))
    rows = pd.DataFrame([(one, at) for one in IDS[entity] for at in moments], columns=["entity_id", "as_of"])
    return rows.sample(frac=1, random_state=3, ignore_index=True)


def few_of(entity: str) -> tuple[str, ...]:
    """Return a sixth of the features, with one shared flow of three: each step costs Spark seconds."""
    return tuple(name for name in names_of(entity)[::6] if "campaign" not in name and "channel" not in name)


@pytest.mark.parametrize("entity", ["lead", "account"])
def test_every_cell_is_the_one_that_duckdb_gives(spark_store: FeatureStore, entity: str) -> None:
    rows, names = asked(entity), full(few_of(entity), names_of(entity))
    expected = ibis_engine.compute(entity, rows, spark_store.sources, names)

    found = spark_store.compute(entity, rows, names)

    pd.testing.assert_frame_equal(found, expected, rtol=1e-12, atol=0)


def test_any_number_of_rows_goes_from_file_to_file(spark_store: FeatureStore, tmp_path: Path) -> None:
    rows, names = asked("account"), names_of("account")[:12]
    pq.write_table(ibis_engine.asked_table(rows), tmp_path / "asked.parquet")
    session = spark_engine.session_at("ignored: the process has one")

    spark_engine.compute_parquet(
        "account", tmp_path / "asked.parquet", spark_store.sources, names, tmp_path / "found", session
    )

    assert session.sparkContext._jsc.getPersistentRDDs().isEmpty()  # what was kept on the way is let go
    keys = ["entity_id", "as_of"]
    found = pd.read_parquet(tmp_path / "found").assign(
        as_of=lambda f: f.as_of.dt.tz_convert("UTC").dt.as_unit("us")
    )
    expected = ibis_engine.compute("account", rows, spark_store.sources, names)
    pd.testing.assert_frame_equal(
        found.sort_values(keys, ignore_index=True)[expected.columns],
        expected.sort_values(keys, ignore_index=True),
        rtol=1e-12,
        check_dtype=False,
    )


def test_a_frame_comes_back_through_feasts_spark_offline_store(spark_store: FeatureStore) -> None:
    rows = asked("account")
    settings = (spark_store.folder / "feature_store.yaml").read_text("utf-8")
    assert "type: spark" in settings

    computed = ibis_engine.compute("account", rows, spark_store.sources)
    spark_store.publish("account", computed, online=False)

    frame = spark_store.frame("account", rows, fresh=False)

    pd.testing.assert_frame_equal(frame, computed, rtol=1e-12)


def test_a_source_that_is_missing_is_named(spark_store: FeatureStore, tmp_path: Path) -> None:
    session = spark_engine.session_at("ignored: the process has one")
    with pytest.raises(FeatureError) as caught:
        spark_engine.compute("account", asked("account"), tmp_path, None, session)
    assert caught.value.code == "source_missing"


@pytest.mark.usefixtures("master")
def test_of_a_log_only_rows_that_still_stand_count(tmp_path: Path) -> None:
    growing, told = Growing(tmp_path), make_history(seed=3, size=60)
    growing.tell({name: rows[::2] for name, rows in told.items()})
    for row in told["fit_events"][::4]:
        row["known_until"] = ORIGIN - timedelta(days=1)
    growing.tell(told)
    rows = pd.DataFrame({"entity_id": ["R1|need|甲", "R2|lead|L1"], "as_of": [ORIGIN] * 2})
    rows = rows.assign(as_of=rows.as_of.dt.as_unit("us"))
    session = spark_engine.session_at("ignored: the process has one")

    found = spark_engine.compute("fit", rows, growing.folder, None, session)

    pd.testing.assert_frame_equal(found, ibis_engine.compute("fit", rows, growing.folder))
