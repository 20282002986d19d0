"""Ids of demo records: the outside id is a letter and a number, the id follows from it."""

from crm_store.domain.ids import stable_id
from pipelines.demo_company import SOURCE
from pipelines.demo_company.world.arrays import Words, words


def outside_id(kind: str, index: int) -> str:
    """Return the outside system's id of the record with this index."""
    return f"{kind}-{index + 1:07d}"


def record_id(kind: str, index: int) -> str:
    """Return the id of the record with this index, e.g. of the lead number 0."""
    return stable_id(kind, SOURCE, outside_id(kind, index))


def record_ids(kind: str, count: int) -> Words:
    """Return the ids of the first ``count`` records, with None at the end so that index −1 means nobody."""
    return words([*(record_id(kind, index) for index in range(count)), None])
