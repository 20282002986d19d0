"""What fields mean in business words: names, definitions, units, examples, who fills them, in two languages.

The words are data: those that ship, and versions that people save over them, field by field.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, Literal

Language = Literal["zh", "en"]
Words = tuple[str, str]
"""Chinese, English."""

_LANGUAGE: Mapping[Language, int] = {"zh": 0, "en": 1}
FILLED_BY_STORE = "store"
"""Stands among the roles of ``filled_by`` for what the store sets itself."""


class DefinitionRefused(ValueError):
    """A definition cannot be used: ``place`` says where, as ``fields.tier.name``."""

    def __init__(self, place: str) -> None:
        super().__init__(place)
        self.place = place


@dataclass(frozen=True)
class Meaning:
    """What one field means. ``values`` explains each word of a field with a fixed list."""

    name: Words
    meaning: Words
    unit: Words | None
    example: str | float | int | bool | None
    filled_by: tuple[str, ...]
    values: Mapping[str, Words]


@dataclass(frozen=True)
class FieldDefinition:
    """A field's meaning in one language, ready for a page or a client."""

    entity: str
    field: str
    name: str
    meaning: str
    unit: str | None
    example: str | float | int | bool | None
    filled_by: tuple[str, ...]
    values: Mapping[str, str]
    required: bool


Tiers = tuple[tuple[str, float | None], ...]
"""Tier and the lowest expected margin (yuan) that gives it, highest first; the last one has no floor."""


def shipped_meanings(content: Mapping[str, Any]) -> dict[str, dict[str, Meaning]]:
    """Return record kind → field → meaning; every kind has the common fields unless it tells its own."""
    return {
        entity: {name: meaning_of(raw) for name, raw in {**content["common"], **part["fields"]}.items()}
        for entity, part in content["entities"].items()
    }


def meaning_of(raw: Mapping[str, Any]) -> Meaning:
    """Return a field's meaning from its JSON form."""
    return Meaning(
        name=_words(raw["name"]),
        meaning=_words(raw["meaning"]),
        unit=None if raw["unit"] is None else _words(raw["unit"]),
        example=raw["example"],
        filled_by=tuple(raw["filled_by"]),
        values={value: _words(words) for value, words in raw.get("values", {}).items()},
    )


def overridden(meaning: Meaning, edit: Mapping[str, Any]) -> Meaning:
    """Return a meaning with the parts that an edit names, which passed ``check_edit``, put in place."""
    old: dict[str, Any] = {part.name: getattr(meaning, part.name) for part in fields(Meaning)}
    values = {**meaning.values, **edit.get("values", {})}
    return meaning_of({**old, **edit, "values": values})


def check_edit(content: Mapping[str, Any], known: Mapping[str, Meaning], roles: Collection[str]) -> None:
    """Raise DefinitionRefused unless stored content fits: {"fields": {field: parts}, "tiers": […]}.

    ``known`` are the record kind's fields, ``roles`` who may fill one.
    """
    if not isinstance(content.get("fields", {}), Mapping) or set(content) - {"fields", "tiers"}:
        raise DefinitionRefused("fields")
    for name, edit in content.get("fields", {}).items():
        place = f"fields.{name}"
        if name not in known or not isinstance(edit, Mapping):
            raise DefinitionRefused(place)
        for part, value in edit.items():
            if not _fits(part, value, known[name], roles):
                raise DefinitionRefused(f"{place}.{part}")
    if "tiers" in content:
        words = {tier for tier, _ in tiers_of(content["tiers"])}
        if "tier" not in known or words != set(known["tier"].values):
            raise DefinitionRefused("tiers")


def in_language(
    entity: str, field: str, meaning: Meaning, required: bool, language: Language
) -> FieldDefinition:
    """Return one field's definition in one language."""
    at = _LANGUAGE[language]
    return FieldDefinition(
        entity,
        field,
        meaning.name[at],
        meaning.meaning[at],
        None if meaning.unit is None else meaning.unit[at],
        meaning.example,
        meaning.filled_by,
        {value: words[at] for value, words in meaning.values.items()},
        required,
    )


def tiers_of(raw: Any) -> Tiers:
    """Return tiers from [[tier, floor], …]; DefinitionRefused unless floors fall and the last has none."""
    try:
        tiers = tuple((str(tier), None if floor is None else float(floor)) for tier, floor in raw)
    except (TypeError, ValueError):
        raise DefinitionRefused("tiers") from None
    floors = [floor for _, floor in tiers]
    if len({tier for tier, _ in tiers}) < len(tiers) or not floors or floors[-1] is not None:
        raise DefinitionRefused("tiers")
    numbers = [floor for floor in floors[:-1] if floor is not None]
    if len(numbers) < len(floors) - 1 or any(a <= b for a, b in pairwise(numbers)):
        raise DefinitionRefused("tiers")
    return tiers


def tier_of(expected_margin: float | None, tiers: Tiers) -> str | None:
    """Return the customer tier of a gross margin expected in the next 12 months (yuan); None when unknown.

    A margin on a floor has the better tier (product A7: S ≥ 500k, A 100–490k, B < 100k).
    """
    if expected_margin is None:
        return None
    return next(tier for tier, floor in tiers if floor is None or expected_margin >= floor)


def _words(raw: Sequence[str]) -> Words:
    zh, en = raw
    return zh, en


def _fits(part: str, value: Any, known: Meaning, roles: Collection[str]) -> bool:
    if part in ("name", "meaning"):
        return _are_words(value)
    if part == "unit":
        return value is None or _are_words(value)
    if part == "example":
        return value is None or isinstance(value, str | float | int)
    if part == "filled_by":
        return isinstance(value, list) and bool(value) and set(value) <= {*roles, FILLED_BY_STORE}
    if part == "values":
        return (
            isinstance(value, Mapping)
            and set(value) <= set(known.values)
            and all(_are_words(words) for words in value.values())
        )
    return False


def _are_words(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) == len(_LANGUAGE)
        and all(isinstance(word, str) and word.strip() for word in value)
    )
