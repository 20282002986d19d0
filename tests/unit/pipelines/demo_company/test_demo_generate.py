"""The same arguments give the same company; a later now gives the same company, later."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipelines.demo_company import SOURCE, SYNTHETIC_NOTICE, DemoCompany, generate

NOW = datetime(2025, 6, 18, 9, 30, tzinfo=UTC)
SCALE = 0.02


def test_same_seed_and_now_give_the_same_company(small_company: DemoCompany) -> None:
    again = generate(seed=11, now=NOW, scale=SCALE)

    assert again.histories == small_company.histories
    assert all(again.facts[name].equals(table) for name, table in small_company.facts.items())


def test_another_seed_gives_another_company(small_company: DemoCompany) -> None:
    other = generate(seed=12, now=NOW, scale=SCALE)

    assert other.histories["lead"] != small_company.histories["lead"]


@pytest.mark.parametrize("days", [1, 3, 40])
def test_moving_now_by_days_moves_every_moment(small_company: DemoCompany, days: int) -> None:
    later = generate(seed=11, now=NOW + timedelta(days=days), scale=SCALE)

    for entity, rows in small_company.histories.items():
        assert later.histories[entity] == [_moved(row, timedelta(days=days)) for row in rows]
    for name, table in small_company.facts.items():
        moved = later.facts[name]
        assert moved.drop(["occurred_at", "recorded_at"]).equals(table.drop(["occurred_at", "recorded_at"]))
        for column in ("occurred_at", "recorded_at"):
            shift = {b - a for a, b in zip(table[column].to_pylist(), moved[column].to_pylist(), strict=True)}
            assert shift == {timedelta(days=days)}


def test_now_in_another_time_zone_is_the_same_now(small_company: DemoCompany) -> None:
    from datetime import timezone

    shanghai = NOW.astimezone(timezone(timedelta(hours=8)))

    assert generate(seed=11, now=shanghai, scale=SCALE).histories == small_company.histories


@pytest.mark.parametrize("hour", [0, 15, 16, 23])
def test_any_hour_of_the_day_will_do(hour: int) -> None:
    now = NOW.replace(hour=hour, minute=0)

    company = generate(seed=5, now=now, scale=0.005)

    latest = max(row["recorded_at"] for rows in company.histories.values() for row in rows)
    assert now - timedelta(days=3) < latest <= now


def test_progress_runs_up_to_its_total() -> None:
    seen: list[tuple[int, int]] = []

    generate(seed=1, now=NOW, scale=0.005, progress=lambda done, total: seen.append((done, total)))

    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == seen[-1][1]


@pytest.mark.parametrize(
    ("now", "scale"),
    [(datetime(2025, 6, 18), 1.0), (NOW, 0.0), (NOW, -1.0)],  # noqa: DTZ001
)
def test_a_naive_now_or_an_empty_company_is_refused(now: datetime, scale: float) -> None:
    with pytest.raises(ValueError):
        generate(seed=1, now=now, scale=scale)


def test_everything_says_that_it_is_synthetic(small_company: DemoCompany) -> None:
    for rows in small_company.histories.values():
        assert {row["source"] for row in rows} == {SOURCE}
    for table in small_company.facts.values():
        assert set(table["source"].to_pylist()) == {SOURCE}
    assert "虚构" in SYNTHETIC_NOTICE[0]
    assert "made up" in SYNTHETIC_NOTICE[1]


def _moved(row: dict[str, Any], by: timedelta) -> dict[str, Any]:
    fields = {k: v + by if isinstance(v, datetime) else v for k, v in row["fields"].items()}
    return row | {"recorded_at": row["recorded_at"] + by, "fields": fields}
