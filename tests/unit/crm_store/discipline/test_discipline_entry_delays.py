"""One cell of the heat map: how many entries, how late they usually are, and how many are too late."""

import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_store.domain.entry_delays import delay_cell

HOUR_US = 3_600_000_000


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 90 * 24 * HOUR_US), min_size=2, max_size=60))
def test_the_median_and_the_ninth_decile_are_those_of_the_whole_list(delays):
    cell = delay_cell("rep_1", 9, sorted(delays))
    assert cell.median_s == pytest.approx(statistics.median(delays) / 1e6, abs=1e-5)
    p90 = statistics.quantiles(delays, n=10, method="inclusive")[8]
    assert cell.p90_s == pytest.approx(p90 / 1e6, abs=1e-5)
    assert cell.late_share == sum(delay > 24 * HOUR_US for delay in delays) / len(delays)


def test_one_entry_is_its_own_percentiles():
    cell = delay_cell("rep_1", 9, [HOUR_US])
    assert (cell.entries, cell.median_s, cell.p90_s, cell.late_share) == (1, 3_600.0, 3_600.0, 0.0)


def test_a_day_exactly_is_not_late():
    assert delay_cell("rep_1", 9, [24 * HOUR_US, 24 * HOUR_US + 1]).late_share == 0.5
