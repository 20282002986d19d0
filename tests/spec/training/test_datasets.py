"""Where time is cut: a table of groups in, who learns, stops, calibrates and tests, out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from training.datasets import Dataset, DatasetRefused, Split, build_dataset

DAY_0 = datetime(2024, 1, 1, tzinfo=UTC)
NOWHERE = Path("unused")


def day(number: float) -> datetime:
    return DAY_0 + timedelta(days=number)


@dataclass(frozen=True)
class Listed:
    """An outcome that was written down: (entity, day, label, day it was known, group)."""

    listed: Sequence[tuple[str, float, bool, float, str]]
    entity: str = "lead"

    def rows(self, sources: Path, now: datetime) -> pd.DataFrame:
        table = pd.DataFrame(self.listed, columns=["entity_id", "as_of", "label", "known_at", "group"])
        table["as_of"] = pd.to_datetime([day(at) for at in table.as_of]).as_unit("us")
        table["known_at"] = pd.to_datetime([day(at) for at in table.known_at]).as_unit("us")
        return table[table.known_at <= pd.Timestamp(now)].reset_index(drop=True)

    def learn(self, sources: Path, at: datetime) -> tuple[pd.DataFrame, float]:
        return self.rows(sources, at), 1.0

    def subjects_at(self, sources: Path, now: datetime) -> pd.DataFrame:
        return self.rows(sources, now)[["entity_id", "as_of"]]


def frame_of(entity: str, rows: pd.DataFrame, features: Sequence[str]) -> pd.DataFrame:
    number = rows.entity_id.str.extract(r"(\d+)", expand=False).astype(float)
    return rows.assign(**dict.fromkeys(features, number))


def build(outcome: Listed, split: Split, now: float = 1000) -> Dataset:
    return build_dataset(outcome, NOWHERE, day(now), ["size"], {"size"}, frame_of, split)


def days_of(dataset: Dataset) -> dict[str, list[int]]:
    parts = {
        "fit": dataset.fit,
        "stop": dataset.stop,
        "calibration": dataset.calibration,
        "test": dataset.test,
    }
    return {name: (part.frame.as_of - pd.Timestamp(DAY_0)).dt.days.tolist() for name, part in parts.items()}


# one lead a day for 40 days, won every second day, known ten days later
DAILY = Listed([(f"lead-{k}", k, k % 2 == 0, k + 10, f"lead-{k}") for k in range(40)])


def test_the_latest_quarter_tests_and_what_was_not_yet_known_then_is_left_out() -> None:
    parts = days_of(build(DAILY, Split(stop_share=0.25, calibration_share=0.25)))
    assert parts["test"] == list(range(30, 40))
    assert max(parts["fit"] + parts["stop"] + parts["calibration"]) == 20  # known on day 30
    assert parts["fit"] == list(range(10))
    assert parts["stop"] == list(range(10, 15))
    assert parts["calibration"] == list(range(15, 21))


def test_without_rows_of_its_own_calibration_uses_the_stopping_rows() -> None:
    dataset = build(DAILY, Split(stop_share=0.25, calibration_share=0))
    assert dataset.calibration is dataset.stop
    assert dataset.learned == (dataset.fit, dataset.stop)
    assert days_of(dataset)["stop"] == list(range(15, 21))


def test_a_given_cut_tests_alone_and_later_rows_are_not_used() -> None:
    cut = Split(test_at=day(20), stop_share=0.3, calibration_share=0)
    twice = Listed([*DAILY.listed, *((f"other-{k}", k, k % 2 == 1, k + 10, f"other-{k}") for k in range(40))])
    parts = days_of(build(twice, cut))
    assert parts["test"] == [20, 20]
    assert max(parts["fit"] + parts["stop"]) == 10


def test_rows_of_one_group_stay_together_on_the_side_of_their_first() -> None:
    looks = [
        (f"lead-{k}", k + later, k % 2 == 0, k + 15, f"lead-{k}") for k in range(40) for later in (0, 2, 7)
    ]
    dataset = build(Listed(looks), Split())
    parts = (dataset.fit, dataset.stop, dataset.calibration, dataset.test)
    members = [set(part.frame.entity_id) for part in parts]
    assert sum(map(len, members)) == len(set().union(*members))
    assert all(len(part.frame) == 3 * len(names) for part, names in zip(parts, members, strict=True))


def test_rows_of_one_moment_stay_on_one_side() -> None:
    crowd = [(f"lead-{k}", k // 20, k % 2 == 0, k // 20 + 1, f"lead-{k}") for k in range(200)]
    parts = days_of(build(Listed(crowd), Split(test_share=0.24)))
    sides = [set(moments) for moments in parts.values()]
    assert sum(map(len, sides)) == len(set().union(*sides))


def test_features_and_labels_belong_to_the_same_row_in_whatever_order_they_come() -> None:
    def backwards(entity: str, rows: pd.DataFrame, features: Sequence[str]) -> pd.DataFrame:
        return frame_of(entity, rows, features).iloc[::-1]

    dataset = build_dataset(DAILY, NOWHERE, day(1000), ["size"], {"size"}, backwards, Split())
    for part in (dataset.fit, dataset.test):
        assert (
            part.frame["size"].tolist()
            == part.frame.entity_id.str.removeprefix("lead-").astype(float).tolist()
        )
        assert (part.labels == (part.frame["size"] % 2 == 0)).all()


@pytest.mark.parametrize(
    ("outcome", "split", "field"),
    [
        (Listed([("lead-1", 1, True, 2, "g")]), Split(), "outcome"),
        (
            Listed([(f"lead-{k}", k, k % 2 == 0 and k < 30, k + 10, f"g{k}") for k in range(40)]),
            Split(),
            "test",
        ),
        (Listed([(f"lead-{k}", k, k % 2 == 0, k + 500, f"g{k}") for k in range(40)]), Split(), "fit"),
        (DAILY, Split(test_at=day(99)), "test"),
    ],
    ids=["one kind only", "the test has one kind only", "nothing was known in time", "no such cut"],
)
def test_a_part_without_both_outcomes_is_named(outcome: Listed, split: Split, field: str) -> None:
    with pytest.raises(DatasetRefused) as caught:
        build(outcome, split)
    assert (caught.value.code, caught.value.field) == ("no_outcomes", field)
    assert caught.value.zh
    assert caught.value.en


def test_a_column_outside_the_catalog_is_refused_before_anything_is_read() -> None:
    with pytest.raises(DatasetRefused) as caught:
        build_dataset(DAILY, NOWHERE, day(1000), ["size", "won_date"], {"size"}, frame_of, Split())
    assert (caught.value.code, caught.value.field) == ("leak_column", "won_date")


def test_a_frame_that_repeats_or_loses_rows_is_refused() -> None:
    def twice(entity: str, rows: pd.DataFrame, features: Sequence[str]) -> pd.DataFrame:
        return pd.concat([frame_of(entity, rows, features)] * 2)

    with pytest.raises(DatasetRefused) as caught:
        build_dataset(DAILY, NOWHERE, day(1000), ["size"], {"size"}, twice, Split())
    assert caught.value.code == "frame_rows"
