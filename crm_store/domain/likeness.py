"""What the search for duplicates and the store that it searches agree on."""

Key = tuple[str, str]
"""The kind of a key, and the key itself."""

MOST_SHARING = 100
"""A key that more records share than this says too little: it is passed over, on arrival and in a scan.

A hundred records behind one key are 4,950 comparisons. In a million leads such keys are front desks,
placeholders, the commonest brands, and single customers with very many leads; those still meet by their
other keys, of which a record has five on average.
"""
MOST_NAMESAKES = 4
"""The same for the name of a person within a province, which says the less the more people bear it.

Among 300,000 made-up leads, pairs with nothing else in common were one customer in 29% of the cases where up
to four leads shared the name, and in 8% where more did.
"""


def most_sharing(kind: str) -> int:
    """Return how many records may share a key of this kind for it to say something."""
    return MOST_NAMESAKES if kind == "person" else MOST_SHARING


READ_FIELDS: dict[str, tuple[str, ...]] = {
    "lead": ("company", "contact_name", "phone", "email", "credit_code", "region", "city"),
    "account": ("name", "phone", "credit_code", "region", "city"),
}
"""The fields that a profile is made of, by the kinds of record that are searched for duplicates."""
