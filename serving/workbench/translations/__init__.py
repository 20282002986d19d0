"""Every word of the workbench in Chinese and English. A new one is a line in ``interface`` or ``codes``."""

from __future__ import annotations

from typing import Final

from serving.language import Language
from serving.workbench.translations.codes import CODES
from serving.workbench.translations.interface import INTERFACE

TEXTS: Final[dict[str, tuple[str, str]]] = INTERFACE | CODES


def say(key: str, language: Language, **values: object) -> str:
    """Return a text in the reader's language, placeholders filled. Raises KeyError for an unknown key."""
    text = TEXTS[key][_at(language)]
    return text.format(**values) if values else text


def value_word(field: str, value: object, language: Language) -> str | None:
    """Return how a field's coded value is read, None where the value speaks for itself."""
    pair = CODES.get(f"{field}.{value}")
    return None if pair is None else pair[_at(language)]


def field_word(field: str, language: Language) -> str:
    """Return the name of a field, or its code where it has none."""
    pair = CODES.get(f"field.{field}")
    return field if pair is None else pair[_at(language)]


def _at(language: Language) -> int:
    return 0 if language == "zh" else 1
