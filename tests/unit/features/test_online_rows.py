"""Packed rows: what goes in comes out, the newest wins in any order of arrival, on SQLite and on Redis."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.online_rows.keepers import rows_at
from features.online_rows.layout import Layout, event_us, text_key
from features.online_rows.redis_rows import RedisRows
from features.online_rows.rows import Rows
from features.online_rows.sqlite_rows import SqliteRows

LAYOUT = Layout.of(["age", "chats"], ["status"], ["vector"])
NUMBERS = st.none() | st.floats(allow_nan=False)
VALUES = st.fixed_dictionaries(
    {"age": NUMBERS, "chats": NUMBERS, "status": st.none() | st.text(), "vector": st.none() | st.binary()}
)
MOMENTS = st.integers(-(2**40), 2**52)


@given(VALUES, MOMENTS)
def test_a_row_keeps_its_values_and_its_moment(values, at):
    row = LAYOUT.pack(values, at, at)
    assert LAYOUT.unpack(row) == values
    assert event_us(row) == at


def test_a_layout_survives_as_text_and_is_named_by_what_it_holds():
    assert Layout.from_json(LAYOUT.to_json()) == LAYOUT
    assert LAYOUT.digest == Layout.of(["age", "chats"], ["status"], ["vector"]).digest
    assert LAYOUT.digest != Layout.of(["chats", "age"], ["status"], ["vector"]).digest


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(events=st.lists(st.tuples(st.sampled_from("abc"), MOMENTS), min_size=1, max_size=12))
def test_the_newest_wins_whatever_the_order_of_arrival(rows, events):
    view = f"test.{uuid.uuid4().hex}"
    for number, (key, at) in enumerate(events):
        put(rows, view, {key: at}, age=float(number))
    keys = sorted({key for key, _ in events})

    found = rows.get(view, [text_key(key) for key in keys])

    for key, row in zip(keys, found, strict=True):
        latest = max((at, number) for number, (name, at) in enumerate(events) if name == key)
        assert (event_us(row), LAYOUT.unpack(row)["age"]) == (latest[0], float(latest[1]))
    rows.drop(view)


def test_rows_come_in_the_order_of_the_keys_and_views_do_not_mix(rows):
    put(rows, "test.mine", {str(number): number for number in range(2_500)})
    put(rows, "test.other", {"7": 999})
    keys = [text_key(str(number)) for number in (2_499, 7, 100_000, 0, 7)]

    found = rows.get("test.mine", keys)

    assert [None if row is None else event_us(row) for row in found] == [2_499, 7, None, 0, 7]
    assert len(rows.get("test.mine", [text_key(str(n)) for n in range(2_500)])) == 2_500
    rows.drop("test.mine")
    assert rows.get("test.mine", keys[:2]) == [None, None]
    assert event_us(rows.get("test.other", [text_key("7")])[0]) == 999
    rows.drop("test.other")


def test_another_process_finds_the_layout_with_the_rows(make_rows):
    writer, reader = make_rows(), make_rows()
    put(writer, "test.shared", {"a": 1})
    assert reader.layout(LAYOUT.digest) == LAYOUT
    assert reader.layout(b"unknown!") is None
    writer.drop("test.shared")


def test_a_failed_batch_leaves_nothing(tmp_path):
    rows = SqliteRows(tmp_path / "online.db")

    def items():
        yield text_key("a"), LAYOUT.pack(blank(), 1, 1)
        raise RuntimeError("the source broke off")

    with pytest.raises(RuntimeError):
        rows.put("test.v", LAYOUT, items())
    assert rows.get("test.v", [text_key("a")]) == [None]
    rows.close()


def test_only_sqlite_and_redis_keep_rows(tmp_path):
    with pytest.raises(ValueError, match="redis://"):
        rows_at(tmp_path, "postgres://x")


def blank(**known):
    return {"age": None, "chats": None, "status": None, "vector": None} | known


def put(rows: Rows, view: str, moments: dict[str, int], **known: float) -> None:
    items = [(text_key(key), LAYOUT.pack(blank(**known), at, at)) for key, at in moments.items()]
    rows.put(view, LAYOUT, items)


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=pytest.mark.redis)])
def make_rows(
    request: pytest.FixtureRequest, tmp_path: Path, require: Callable[[str], str]
) -> Iterator[Callable[[], Rows]]:
    opened: list[Rows] = []

    def make() -> Rows:
        sqlite = request.param == "sqlite"
        opened.append(SqliteRows(tmp_path / "online.db") if sqlite else RedisRows(require("redis")))
        return opened[-1]

    yield make
    for rows in opened:
        rows.close()


@pytest.fixture
def rows(make_rows: Callable[[], Rows]) -> Rows:
    return make_rows()
