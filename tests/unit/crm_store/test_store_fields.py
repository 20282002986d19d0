"""A value fits its field or is refused with a code, the field, and a sentence in both languages."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest

from crm_store.repositories.fields import FACTS, FIELDS, RECORDS, check_changes, check_whole, complete_new
from crm_store.repositories.problems import StoreError

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("entity", "field", "value", "code"),
    [
        ("lead", "colour", "red", "unknown_field"),
        ("lead", "version", 7, "unknown_field"),
        ("lead", "company", 5, "wrong_type"),
        ("lead", "company", "长" * 201, "too_long"),
        ("lead", "company", "a\x00b", "bad_character"),
        ("lead", "company", "a\ud800b", "bad_character"),
        ("lead", "status", "sold", "not_allowed"),
        ("lead", "expected_volume", "12", "wrong_type"),
        ("lead", "expected_volume", True, "wrong_type"),
        ("lead", "expected_volume", float("nan"), "wrong_type"),
        ("lead", "expected_volume", float("inf"), "wrong_type"),
        ("lead", "closed_at", "2026-03-01", "wrong_type"),
        ("lead", "closed_at", datetime(2026, 3, 1), "wrong_type"),  # noqa: DTZ001
        ("lead", "closed_at", pd.NaT, "wrong_type"),
        ("document", "expires_at", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), "out_of_range"),
        ("document", "expires_at", datetime(1, 1, 1, tzinfo=UTC), "out_of_range"),
        ("account", "employees", 1.5, "wrong_type"),
        ("contact", "weight", 101, "out_of_range"),
        ("ticket", "satisfaction", 0, "out_of_range"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(entity: str, field: str, value: Any, code: str) -> None:
    with pytest.raises(StoreError) as caught:
        check_changes(entity, {field: value})
    problem = caught.value.problem
    assert (problem.code, problem.field) == (code, field)
    assert problem.zh.strip()
    assert problem.en.strip()
    assert problem.zh != problem.en


@pytest.mark.parametrize(
    ("entity", "field", "value", "stored"),
    [
        ("lead", "company", "杭州某厂", "杭州某厂"),
        ("lead", "expected_volume", 3, 3.0),
        ("lead", "expected_volume", np.float32(1.5), 1.5),
        ("account", "employees", np.int64(12), 12),
        ("lead", "closed_at", NOON.astimezone(timezone(timedelta(hours=8))), NOON),
        ("lead", "closed_at", pd.Timestamp("2026-03-01 12:00", tz="UTC"), NOON),
        ("lead", "owner_id", None, None),
    ],
)
def test_a_value_that_fits_becomes_plain(entity: str, field: str, value: Any, stored: Any) -> None:
    [(name, found)] = check_changes(entity, {field: value}).items()
    assert (name, found, type(found)) == (field, stored, type(stored))


def test_a_new_record_gets_its_defaults_and_needs_what_is_required() -> None:
    origin = {"source": "s", "external_id": "1", "created_at": NOON}
    assert complete_new("lead", dict(origin))["status"] == "new"
    with pytest.raises(StoreError) as caught:
        complete_new("account", dict(origin))
    assert (caught.value.problem.code, caught.value.problem.field) == ("required", "name")


def test_a_contract_must_end_after_it_starts() -> None:
    check_whole("contract", {"start_at": NOON, "end_at": NOON + timedelta(days=1)})
    with pytest.raises(StoreError, match="bad_term"):
        check_whole("contract", {"start_at": NOON, "end_at": NOON})


@pytest.mark.parametrize("entity", sorted(RECORDS | FACTS))
def test_fields_are_the_columns_except_the_bookkeeping(entity: str) -> None:
    columns = {column.name for column in (RECORDS | FACTS)[entity].__table__.columns}
    own = {"id", "version", "updated_at", "txid"}
    secrets = {"password_hash", "failed_attempts", "locked_until", "totp_secret", "totp_used_step"}
    assert columns - set(FIELDS[entity]) <= own | (secrets if entity == "user" else set())
    assert not (own | secrets) & set(FIELDS[entity])
