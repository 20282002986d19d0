"""Both engines say the same of any history: the Python one is the oracle of the other."""

import math

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings

from features.catalog import features_of
from features.engines import ibis_engine, python_engine
from tests.parity.histories import AS_OFS, arrow_tables, histories
from tests.sizes import full

IDS = {"lead": ("L1", "L2", "nobody"), "account": ("A1", "A2", "nobody")}
IDS |= {"rep": ("R1", "R2", "nobody"), "fit": ("R1|need|甲", "R2|lead|L1", "nobody")}


@pytest.mark.parametrize("entity", list(IDS))
@settings(
    max_examples=full(20, 1000),
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(history=histories)
def test_a_set_and_a_single_entity_get_the_same_values(entity, history):
    asked = [(entity_id, as_of) for entity_id in IDS[entity] for as_of in AS_OFS]
    rows = pd.DataFrame(asked, columns=["entity_id", "as_of"])
    frame = ibis_engine.compute(entity, rows, arrow_tables(history))

    for (entity_id, as_of), found in zip(asked, frame.to_dict("records"), strict=True):
        expected = python_engine.evaluate(entity, history, entity_id, as_of)
        differing = {
            name: (value, found[name]) for name, value in expected.items() if not _same(value, found[name])
        }
        assert not differing, (entity_id, as_of)
        assert (found["entity_id"], found["as_of"]) == (entity_id, as_of)
    assert list(frame.columns) == ["entity_id", "as_of", *(f.name for f in features_of(entity))]


def _same(expected, found):
    if expected is None or found is None:
        return expected is None and (found is None or found != found)
    if isinstance(expected, str):
        return found == expected
    return math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-9)
