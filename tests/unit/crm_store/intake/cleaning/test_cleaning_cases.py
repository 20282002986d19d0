"""How often cleaning is right on the written cases (``tests/data/cleaning``).

The cases called ``held_out`` were written when the code was finished, and no code was changed for any of
them: they tell how it does on what it has not seen. Each floor is a little below what was measured.
"""

from collections import Counter

import pytest

from tests.bench.cleaning import cases, wrong_rows

FLOORS = {
    ("phones", "first"): 0.98,
    ("phones", "held_out"): 0.94,
    ("addresses", "first"): 0.98,
    ("addresses", "held_out"): 0.97,
    ("companies", "first"): 0.96,
    ("companies", "held_out"): 0.87,
    ("credit_codes", "first"): 0.96,
    ("credit_codes", "held_out"): 0.85,
    ("industries", "first"): 0.96,
    ("industries", "held_out"): 0.87,
}
WRITTEN = {"phones": 110, "addresses": 120, "companies": 90, "credit_codes": 40, "industries": 60}


@pytest.mark.parametrize(("kind", "of"), FLOORS, ids=" ".join)
def test_accuracy_stays_above_its_floor(kind: str, of: str) -> None:
    count = sum(row["set"] == of for row in cases(kind))
    wrong = wrong_rows(kind, of)

    assert 1 - len(wrong) / count >= FLOORS[kind, of], "\n".join(wrong)


@pytest.mark.parametrize(("kind", "least"), WRITTEN.items(), ids=WRITTEN)
def test_cases_are_many_and_a_third_of_them_unseen(kind: str, least: int) -> None:
    sets = Counter(row["set"] for row in cases(kind))

    assert sum(sets.values()) >= least
    assert sets["held_out"] / sum(sets.values()) >= 1 / 3


@pytest.mark.parametrize("kind", WRITTEN)
def test_no_case_is_written_twice(kind: str) -> None:
    written = [tuple(value for column, value in row.items() if column != "set") for row in cases(kind)]

    assert [row for row, count in Counter(written).items() if count > 1] == []


@pytest.mark.parametrize("kind", ["phones", "addresses", "companies", "credit_codes"])
def test_traps_are_among_the_cases(kind: str) -> None:
    """Cases whose right answer is to refuse, or to ask."""
    refused = [row for row in cases(kind) if row["problem"]]

    assert len(refused) / len(cases(kind)) > 0.15
