"""A mapping is JSON that is checked before any row is read."""

from typing import Any

import pytest
from pydantic import ValidationError

from crm_store.imports.mapping import ColumnMapping

GOOD: dict[str, Any] = {
    "entity": "lead",
    "source": "crm",
    "columns": [{"column": "编号", "field": "external_id"}, {"column": "公司", "field": "company"}],
}


def test_a_mapping_goes_to_json_and_back() -> None:
    mapping = ColumnMapping.model_validate(GOOD)
    assert ColumnMapping.model_validate_json(mapping.model_dump_json()) == mapping


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"columns": [{"column": "a", "field": "colour"}]}, "no field colour"),
        ({"columns": [{"column": "a", "field": "company"}]}, "external_id"),
        ({"columns": [*GOOD["columns"], {"column": "b", "field": "company"}]}, "filled twice"),
        ({"constants": {"company": "x"}}, "filled twice"),
        ({"constants": {"status": "sold"}}, "not_allowed"),
        ({"columns": [*GOOD["columns"], {"column": "b", "field": "source"}]}, "no field source"),
        ({"columns": [*GOOD["columns"], {"column": "b", "field": "version"}]}, "no field version"),
        ({"timezone": "Mars/Olympus"}, "time zone"),
        ({"timezone": "../etc/passwd"}, "time zone"),
        ({"columns": [*GOOD["columns"], {"column": "b", "field": "merged_into"}]}, "no field merged_into"),
        ({"columns": [*GOOD["columns"], {"column": "b", "field": "phone", "by_name": True}]}, "by name"),
        ({"entity": "user"}, "entity"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_mapping_that_cannot_work_is_refused(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        ColumnMapping.model_validate(GOOD | change)
