"""Headers as people write them: the row that holds them is found, and what each column means.

``presets/names.json`` gives each field its Chinese and English title, which exports use, and other names
that it goes by.
"""

import json
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from crm_store.repositories.fields import FIELDS

LOOKAHEAD = 20
"""Rows in which the header is looked for: reports put a title, a date and filters above it."""

Language = Literal["zh", "en"]


@dataclass(frozen=True)
class Name:
    """What a field is called: its titles, and other headers that mean it."""

    zh: str
    en: str
    also: tuple[str, ...]


def plain(name: str) -> str:
    """Return a header for comparison: one case and width, letters and digits only (``Lead ID``: leadid)."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(character for character in folded if character.isalnum())


def header_place(rows: Sequence[Sequence[str]], wanted: Collection[str]) -> int:
    """Return which of the first rows is the header: the first with more than half of the best row's hits.

    ``wanted`` are plain names. Where nothing hits, the first row that is not empty.
    """
    hits = [len({plain(cell) for cell in row} & set(wanted)) for row in rows]
    best = max(hits, default=0)
    if best == 0:
        return next((place for place, row in enumerate(rows) if any(cell.strip() for cell in row)), 0)
    return next(place for place, count in enumerate(hits) if 2 * count > best)


def preset_file(name: str) -> Any:
    """Return the content of one of the shipped files, by its name without ending."""
    return json.loads(files("crm_store.imports.presets").joinpath(f"{name}.json").read_text("utf-8"))


@cache
def names(entity: str) -> dict[str, Name]:
    """Return what each field of a kind is called."""
    known = preset_file("names")
    given = known["every"] | known.get(entity, {})
    fields = dict.fromkeys([*FIELDS[entity], "recorded_at"])
    return {
        field: Name(given[field]["zh"], given[field]["en"], tuple(given[field]["also"]))
        if field in given
        else Name(field, field, ())
        for field in fields
    }


def title(entity: str, field: str, language: Language) -> str:
    """Return a field's header."""
    name = names(entity)[field]
    return name.zh if language == "zh" else name.en


@cache
def headers_of(entity: str) -> dict[str, str]:
    """Return plain header → field. Titles win over other fields' further names, field names over all."""
    found: dict[str, str] = {}
    for field, name in names(entity).items():
        for further in name.also:
            found.setdefault(plain(further), field)
    for field, name in names(entity).items():
        found |= {plain(name.zh): field, plain(name.en): field}
    return found | {plain(field): field for field in names(entity)}
