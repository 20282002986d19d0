"""Which language a caller reads: Chinese unless English is asked for first."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

Language = Literal["zh", "en"]
_MAX_HEADER = 200


@lru_cache(maxsize=256)
def language_of(header: str | None) -> Language:
    """Return the better liked of Chinese and English in an ``Accept-Language`` header (RFC 9110, 12.5.4)."""
    liked = {"zh": 0.0, "en": 0.0}
    for part in (header or "")[:_MAX_HEADER].split(","):
        name, _, rest = part.partition(";")
        language = name.strip().lower().partition("-")[0]
        if language in liked:
            liked[language] = max(liked[language], _weight(rest))
    return "en" if liked["en"] > liked["zh"] else "zh"


def _weight(parameters: str) -> float:
    name, _, number = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(number)
    except ValueError:
        return 0.0
