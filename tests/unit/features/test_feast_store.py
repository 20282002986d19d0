"""Features through Feast: as-of frames offline, published values online, and ``feast apply`` itself.

In one group, so that one worker imports Feast once.
"""

import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from features.catalog import names_of
from features.errors import FeatureError
from features.feast_repo.repository import online_settings, write_repository
from features.published import offline_folder
from features.store import FeatureStore
from tests.parity.histories import ORIGIN, make_history
from tests.unit.features.conftest import asked, write_sources

pytestmark = pytest.mark.xdist_group("feast")
LATER = ORIGIN + timedelta(days=2)


@pytest.fixture(scope="module")
def applied(tmp_path_factory) -> FeatureStore:
    folder = tmp_path_factory.mktemp("features")
    write_sources(folder / "sources", make_history(seed=11, size=200))
    store = FeatureStore(folder)
    store.apply()
    return store


@pytest.fixture
def store(applied) -> FeatureStore:
    """The applied store with nothing published yet."""
    for file in (applied.folder / "offline").glob("*/*.parquet"):
        file.unlink()
    applied.apply()
    return applied


@pytest.mark.parametrize("entity", ["lead", "account"])
def test_a_frame_through_feast_is_what_is_computed(store, entity):
    ids = ("L2", "L1") if entity == "lead" else ("A2", "A1")
    rows = asked((ids[0], ORIGIN), (ids[1], ORIGIN), ("nobody", ORIGIN), (ids[0], LATER), (ids[0], ORIGIN))

    frame = store.frame(entity, rows)

    pd.testing.assert_frame_equal(frame, store.compute(entity, rows))
    assert frame.attrs["units"][names_of(entity)[-1]]


def test_a_frame_of_chosen_features_has_those(store, lead_rows):
    names = ["lead_channel", "lead_chats_90d"]

    frame = store.frame("lead", lead_rows, names)

    pd.testing.assert_frame_equal(frame, store.compute("lead", lead_rows, names))


def test_what_was_published_holds_until_its_time_to_live_ends(store):
    published = store.compute("lead", asked(("L1", ORIGIN)))
    store.publish("lead", published, online=False)

    moments = [ORIGIN - timedelta(days=1), ORIGIN, ORIGIN + timedelta(days=29), ORIGIN + timedelta(days=31)]
    frame = store.frame("lead", asked(*(("L1", moment) for moment in moments)), fresh=False)

    assert frame["lead_updates_all"].isna().tolist() == [True, False, False, True]
    assert frame["lead_updates_all"].iloc[2] == published["lead_updates_all"].iloc[0]


def test_a_row_that_was_added_later_stays_out_of_the_past(store):
    rows = asked(("L1", ORIGIN))
    truth = store.frame("lead", rows)
    (file,) = offline_folder(store.folder, "lead").iterdir()
    table = pq.read_table(file).to_pandas()
    leak = table.assign(created_timestamp=LATER, lead_updates_all=999.0)
    schema = pq.read_schema(file)
    pd.concat([table, leak]).to_parquet(file, schema=schema, index=False)

    pd.testing.assert_frame_equal(store.frame("lead", rows, fresh=False), truth)


def test_publishing_again_replaces_a_row_and_keeps_the_others(store):
    frame = store.compute("lead", asked(("L1", ORIGIN), ("L2", ORIGIN)))
    store.publish("lead", frame, online=False)
    corrected = frame[frame["entity_id"] == "L1"].assign(lead_updates_all=7.0)
    assert store.publish("lead", corrected, online=False) == 1

    stored = pq.read_table(offline_folder(store.folder, "lead")).to_pandas().set_index("lead_id")
    assert sorted(stored.index) == ["L1", "L2"]
    assert stored.loc["L1", "lead_updates_all"] == 7.0


def test_a_later_build_leaves_the_files_of_earlier_ones_alone(store):
    first = store.compute("lead", asked(("L1", ORIGIN), ("L2", ORIGIN)))
    store.publish("lead", first, online=False)
    (file,) = offline_folder(store.folder, "lead").iterdir()
    before = file.stat()

    store.publish("lead", store.compute("lead", asked(("L1", LATER))), online=False)

    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_each_row_is_kept_once_in_whatever_frames_it_comes(store):
    many = store.compute("lead", asked(("L1", ORIGIN), ("L2", ORIGIN), ("L1", LATER), ("L2", LATER)))
    one = many[:2].assign(lead_updates_all=7.0)
    for frame in (many, one[:1], many.assign(lead_updates_all=8.0)[2:], one[1:], one):
        store.publish("lead", frame, online=False)

    stored = pq.read_table(offline_folder(store.folder, "lead")).to_pandas()
    assert stored.set_index(["lead_id", "event_timestamp"]).lead_updates_all.sort_index().to_dict() == {
        ("L1", ORIGIN): 7.0,
        ("L1", LATER): 8.0,
        ("L2", ORIGIN): 7.0,
        ("L2", LATER): 8.0,
    }
    found = store.frame("lead", many[["entity_id", "as_of"]], ["lead_updates_all"], fresh=False)
    assert found.lead_updates_all.tolist() == [7.0, 7.0, 8.0, 8.0]


def test_what_another_catalog_said_is_given_up(store):
    other = store.folder / "offline" / "lead-0123456789abcdef"
    other.mkdir()
    neighbour = store.folder / "offline" / "account-0123456789abcdef"
    neighbour.mkdir()

    store.publish("lead", store.compute("lead", asked(("L1", ORIGIN))), online=False)

    assert (other.exists(), neighbour.exists()) == (False, True)


def test_a_frame_with_a_gap_is_not_published(store):
    frame = store.compute("lead", asked(("L1", ORIGIN)), ["lead_status"])

    with pytest.raises(FeatureError, match="wrong_rows"):
        store.publish("lead", frame)


@pytest.mark.parametrize("entity", ["lead", "account"])
def test_online_values_are_what_was_computed(store, entity):
    ids = ["L1", "L2"] if entity == "lead" else ["A1", "A2"]
    frame = store.compute(entity, asked(*((entity_id, LATER) for entity_id in ids)))
    store.publish(entity, frame)

    online = store.online(entity, [ids[1], "nobody", ids[0]])

    assert online.as_of == [LATER, None, LATER]
    assert online.values[1] is None
    for values, row in ((online.values[0], frame.iloc[1]), (online.values[2], frame.iloc[0])):
        assert list(values) == list(names_of(entity))
        assert values == {name: None if pd.isna(row[name]) else row[name] for name in values}


def test_an_older_value_never_overwrites_a_newer_one(store):
    newer = store.compute("lead", asked(("L1", LATER + timedelta(days=1))))
    older = store.compute("lead", asked(("L1", ORIGIN)))
    store.publish("lead", newer)
    store.publish("lead", older)

    assert store.online("lead", ["L1"]).as_of == [LATER + timedelta(days=1)]
    again = newer.assign(lead_updates_all=41.0)
    store.publish("lead", pd.concat([again, older]))
    assert store.online("lead", ["L1"], ["lead_updates_all"]).values == [{"lead_updates_all": 41.0}]


def test_values_older_than_their_time_to_live_are_not_served(store):
    at = LATER + timedelta(days=2)
    store.publish("lead", store.compute("lead", asked(("L2", at))))

    fresh = store.online("lead", ["L2"], ["lead_status"], now=at + timedelta(days=30))
    stale = store.online("lead", ["L2"], ["lead_status"], now=at + timedelta(days=30, seconds=1))

    assert fresh.values[0] is not None
    assert (stale.values, stale.as_of) == ([None], [at])


@pytest.mark.parametrize("wrong", [7, None, b"L1", 1.5])
def test_an_id_that_is_no_text_is_refused(store, wrong):
    with pytest.raises(FeatureError) as refused:
        store.online("lead", ["L1", wrong])
    assert (refused.value.code, refused.value.field) == ("wrong_id_type", "ids")


def test_unknown_features_are_refused_and_no_ids_give_no_rows(store):
    with pytest.raises(FeatureError, match="unknown_feature"):
        store.online("lead", ["L1"], ["account_chats_30d"])
    assert store.online("lead", []).values == []


def test_a_folder_that_was_never_applied_says_so(tmp_path):
    with pytest.raises(FeatureError, match="not_applied"):
        FeatureStore(tmp_path).online("lead", ["L1"])


def test_several_threads_get_the_same_answers(store, lead_rows):
    expected = store.frame("lead", lead_rows)
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(store.frame("lead", lead_rows))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)

    assert len(found) == 4
    assert all(frame.equals(expected) for frame in found)


def through_feast(store, ids, monkeypatch, now):
    """Ask as any user of Feast would, at a moment of our choosing."""
    monkeypatch.setattr("features.feast_repo.online_store.utc_now", lambda: now)
    refs = [f"lead_features:{name}" for name in names_of("lead")]
    rows = [{"lead_id": entity_id} for entity_id in ids]
    return store._feast().get_online_features(features=refs, entity_rows=rows).to_dict()


def test_feast_reads_what_the_direct_way_wrote(store, monkeypatch):
    at = LATER + timedelta(days=9, microseconds=7)
    store.publish("lead", store.compute("lead", asked(("L1", at), ("L2", at))))

    found = through_feast(store, ["L2", "nobody", "L1"], monkeypatch, at)

    direct = store.online("lead", ["L2", "nobody", "L1"])
    assert direct.as_of == [at, None, at]  # to the microsecond
    for name in names_of("lead"):
        assert found[name] == [None if values is None else values[name] for values in direct.values]
    late = through_feast(store, ["L1"], monkeypatch, at + timedelta(days=31))
    assert {values[0] for name, values in late.items() if name != "lead_id"} == {None}


def test_the_direct_way_reads_what_feast_wrote(store):
    frame = store.compute("lead", asked(("L1", LATER + timedelta(days=99))))
    renamed = frame.rename(columns={"entity_id": "lead_id", "as_of": "event_timestamp"})
    store._feast().write_to_online_store(
        "lead_features", renamed.assign(created_timestamp=renamed.event_timestamp)
    )

    (values,) = store.online("lead", ["L1"]).values

    row = frame.iloc[0]
    assert values == {name: None if pd.isna(row[name]) else row[name] for name in names_of("lead")}


def test_a_matrix_has_the_order_asked_for_and_words_beside_it(tmp_path):
    write_sources(tmp_path / "sources", make_history(seed=11, size=200))
    store = FeatureStore(tmp_path)
    store.apply()
    at = LATER + timedelta(days=11)
    frame = store.compute("lead", asked(("L1", at), ("L2", at)))
    store.publish("lead", frame)
    names = ["lead_updates_all", "lead_status", "lead_chats_30d"]

    found = store.online_matrix("lead", ["L2", "nobody", "L1"], names)

    assert found.names == tuple(names)
    assert found.as_of == [at, None, at]
    assert found.words["lead_status"] == [frame.lead_status[1], None, frame.lead_status[0]]
    for place, name in enumerate(names):
        if name != "lead_status":
            expected = [frame[name][1], float("nan"), frame[name][0]]
            assert found.numbers[:, place] == pytest.approx(expected, nan_ok=True)
    stale = store.online_matrix("lead", ["L1"], names, now=at + timedelta(days=31))
    assert pd.isna(stale.numbers).all()
    assert stale.words["lead_status"] == [None]


def test_feast_apply_works_from_the_command_line(tmp_path):
    write_repository(tmp_path)
    feast = Path(sys.executable).parent / "feast"
    command = [str(feast), "-c", str(tmp_path), "apply"]

    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path.parent)

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "registry.db").is_file()
    assert "lead_features" in done.stdout
    assert FeatureStore(tmp_path).online("lead", ["L1"]).values == [None]


@pytest.mark.redis
def test_online_values_live_in_redis_when_there_is_one(require, tmp_path):
    url = require("redis")
    write_sources(tmp_path / "sources", make_history(seed=11, size=200))
    store = FeatureStore(tmp_path, online=url)
    store.apply()
    newer = store.compute("lead", asked(("L1", LATER), ("L2", LATER)))
    store.publish("lead", newer)
    store.publish("lead", store.compute("lead", asked(("L1", ORIGIN))))
    try:
        found = store.online("lead", ["L2", "nobody", "L1"])
        assert found.as_of == [LATER, None, LATER]
        row = newer.iloc[1]
        assert found.values[0] == {n: None if pd.isna(row[n]) else row[n] for n in names_of("lead")}
    finally:
        store._feast().teardown()
        store.rows.close()


@pytest.mark.parametrize(
    "url", ["redis://cache", "redis://:s%40fe,$@10.0.0.1:7000/3", "rediss://a:b@cache/1"]
)
def test_a_redis_url_is_taken_as_it_is(url):
    assert online_settings(url)["url"] == url


@pytest.mark.parametrize("url", ["postgres://x", "redis://", "file"])
def test_other_online_stores_are_refused(url):
    with pytest.raises(ValueError):
        online_settings(url)
