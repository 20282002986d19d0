"""What the search for duplicates and the store that it searches agree on."""

Key = tuple[str, str]
"""The kind of a key, and the key itself."""

MOST_SHARING = 100
"""A key that more records share than this says too little: it is passed over, on arrival and in a scan.

A hundred records behind one key are 4,950 comparisons. In a million leads such keys are front desks,
placeholders, the commonest brands, and single customers with very many leads; those still meet by their
other keys, of which a record has five on average.
"""

READ_FIELDS: dict[str, tuple[str, ...]] = {
    "lead": ("company", "contact_name", "phone", "email", "credit_code", "region", "city"),
    "account": ("name", "phone", "credit_code", "region", "city"),
}
"""The fields that a profile is made of, by the kinds of record that are searched for duplicates."""
