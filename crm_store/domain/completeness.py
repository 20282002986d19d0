"""Completeness over key fields: the fields that affect winning, weighted, by record kind and industry.

Which they are is data. A record's completeness is the filled weight over the whole weight of its industry's
key fields, in [0, 1]; a group's is the mean of its records'.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from crm_store.domain.field_definitions import DefinitionRefused

OTHER = "default"
"""The industry of a record whose own is unknown or has no list."""

# They choose the list: were one of them on it, filling it could lower a record's completeness.
_CHOOSES = frozenset({"industry", "industry_code", "account_id"})
# Far above any weight that makes sense, far below where sums of floats lose the small ones.
_HEAVIEST = 1e6


@dataclass(frozen=True)
class Industry:
    """How an industry is told: a word in the record's industry, or the beginning of its GB/T 4754 code."""

    name: str
    words: tuple[str, ...]
    codes: tuple[str, ...]


@dataclass(frozen=True)
class KeyFields:
    """``weights``: record kind → industry → field → weight; the first industry that fits counts."""

    industries: tuple[Industry, ...]
    weights: Mapping[str, Mapping[str, Mapping[str, float]]]

    def of(self, entity: str, industry: str) -> Mapping[str, float]:
        """Return the weights of a record kind's key fields in an industry."""
        lists = self.weights[entity]
        return lists.get(industry, lists[OTHER])

    def counted_of(self, entity: str, industry: str, names: Collection[str]) -> Mapping[str, float]:
        """Return the weights of those key fields that are among ``names``."""
        return {name: weight for name, weight in self.of(entity, industry).items() if name in names}

    def industry_of(self, name: str | None, code: str | None) -> str:
        """Return the industry whose list holds for a record with this industry and GB/T 4754 code."""
        for industry in self.industries:
            if any(word in (name or "") for word in industry.words):
                return industry.name
            if (code or "").startswith(industry.codes):
                return industry.name
        return OTHER

    def all_of(self, entity: str) -> list[str]:
        """Return every field that is key for a record kind in some industry, in a stable order."""
        return list(dict.fromkeys(name for weights in self.weights[entity].values() for name in weights))


@dataclass(frozen=True)
class Counted:
    """Records of one group and industry: how many, how many have each field, how many skipped a gate."""

    group: str | None
    industry: str
    records: int
    filled: Mapping[str, int]
    ungated: int = 0


@dataclass(frozen=True)
class FieldShare:
    """How many of the records for which a field is key have it; ``share`` is that part, in [0, 1]."""

    field: str
    records: int
    filled: int
    share: float


@dataclass(frozen=True)
class Completeness:
    """A group's completeness: the mean over its records, and each key field's own.

    ``ungated`` counts deals whose stage an import brought, past the stage's checklist.
    """

    group: str | None
    records: int
    share: float
    fields: tuple[FieldShare, ...]
    ungated: int
    name: str | None = None


def record_share(filled: Collection[str], weights: Mapping[str, float]) -> float:
    """Return one record's completeness in [0, 1], 1 where no field counts; filling one never lowers it."""
    if not weights:
        return 1.0
    return sum(weight for name, weight in weights.items() if name in filled) / sum(weights.values())


def fold_groups(entity: str, rows: Iterable[Counted], key_fields: KeyFields) -> list[Completeness]:
    """Fold counts into one Completeness per group, in the order in which the groups come first."""
    groups: dict[str | None, list[Counted]] = {}
    for row in rows:
        groups.setdefault(row.group, []).append(row)
    return [_of_group(entity, group, found, key_fields) for group, found in groups.items()]


def field_shares(entity: str, rows: Iterable[Counted], key_fields: KeyFields) -> tuple[FieldShare, ...]:
    """Return each key field's share over records of several industries; each counts where it is key."""
    records: dict[str, int] = {}
    filled: dict[str, int] = {}
    for row in rows:
        for name in key_fields.of(entity, row.industry):
            if name in row.filled:
                records[name] = records.get(name, 0) + row.records
                filled[name] = filled.get(name, 0) + row.filled[name]
    return tuple(
        FieldShare(name, count, filled[name], filled[name] / count)
        for name, count in records.items()
        if count
    )


def _of_group(entity: str, group: str | None, rows: list[Counted], key_fields: KeyFields) -> Completeness:
    records = sum(row.records for row in rows)
    total = sum(_filled_records(row, key_fields.counted_of(entity, row.industry, row.filled)) for row in rows)
    share = min(1.0, total / records)  # a sum of floats may end a hair above
    return Completeness(
        group, records, share, field_shares(entity, rows, key_fields), sum(row.ungated for row in rows)
    )


def _filled_records(row: Counted, weights: Mapping[str, float]) -> float:
    """Return the sum of a row's records' completeness."""
    if not weights:
        return row.records  # the reader may not see any of the fields
    return sum(weight * row.filled[name] for name, weight in weights.items()) / sum(weights.values())


def key_fields_of(content: Mapping[str, Any], fields: Mapping[str, Collection[str]]) -> KeyFields:
    """Return key fields from their JSON form; DefinitionRefused names what does not fit.

    ``fields`` are the fields of every record kind. A kind on the list has an owner, an industry of its own or
    its account's, and a list by default; a weight lies above 0.
    """
    industries = tuple(_industry(name, raw) for name, raw in _mapping(content, "industries").items())
    known = {OTHER, *(industry.name for industry in industries)}
    weights = {}
    for entity, lists in _mapping(content, "key_fields").items():
        place = f"key_fields.{entity}"
        if not _can_have_any(fields.get(entity, ())):
            raise DefinitionRefused(place)
        if not isinstance(lists, Mapping) or OTHER not in lists or not set(lists) <= known:
            raise DefinitionRefused(place)
        weights[entity] = {
            industry: _weights(raw, fields[entity], f"{place}.{industry}") for industry, raw in lists.items()
        }
    return KeyFields(industries, weights)


def _can_have_any(fields: Collection[str]) -> bool:
    return "owner_id" in fields and ("industry" in fields or "account_id" in fields)


def _industry(name: str, raw: Any) -> Industry:
    parts = [raw.get(part, []) if isinstance(raw, Mapping) else None for part in ("words", "codes")]
    if name == OTHER or not all(isinstance(part, list) for part in parts) or not any(parts):
        raise DefinitionRefused(f"industries.{name}")
    if not all(isinstance(word, str) and word.strip() for part in parts for word in part or ()):
        raise DefinitionRefused(f"industries.{name}")
    words, codes = (tuple(part or ()) for part in parts)
    return Industry(name, words, codes)


def _weights(raw: Any, fields: Collection[str], place: str) -> dict[str, float]:
    if not isinstance(raw, Mapping) or not raw:
        raise DefinitionRefused(place)
    for name, weight in raw.items():
        if name not in fields or name in _CHOOSES or not _is_weight(weight):
            raise DefinitionRefused(f"{place}.{name}")
    return {name: float(weight) for name, weight in raw.items()}


def _is_weight(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < _HEAVIEST


def _mapping(content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = content.get(key)
    if not isinstance(value, Mapping) or not value:
        raise DefinitionRefused(key)
    return value
