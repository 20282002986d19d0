"""Phones are shown in part."""

import pytest

from crm_store.repositories.sight.masking import mask_changes, mask_phone


@pytest.mark.parametrize(
    ("phone", "shown"),
    [
        ("13812341234", "138****1234"),
        ("+8613812341234", "+86*******1234"),
        ("0571-88881234", "057******1234"),
        ("8888123", "*******"),
        ("110", "***"),
        ("", ""),
        (None, None),
    ],
)
def test_the_middle_of_a_phone_is_hidden(phone: str | None, shown: str | None) -> None:
    assert mask_phone(phone) == shown


def test_only_phones_are_masked_in_a_change() -> None:
    changes = {"phone": [None, "13812341234"], "city": ["杭州", "13812341234"]}
    assert mask_changes(changes) == {"phone": [None, "138****1234"], "city": ["杭州", "13812341234"]}
