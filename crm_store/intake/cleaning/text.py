"""The first step of all cleaning: one writing of the same characters."""

import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opencc import OpenCC

_INVISIBLE = re.compile(r"[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\x00-\x08\x0e-\x1f\x7f]")
_SPACES = re.compile(r"\s+")
# Dashes that NFKC leaves alone: hyphen, figure dash, en and em dash, horizontal bar, minus.
_DASHES = re.compile(r"[\u2010-\u2015\u2212\uff0d]")


# No phone number, name or place is longer; what is longer was sent to keep us busy.
LONGEST = 300


def tidy(text: str | None) -> str:
    """Return text in NFKC (full-width forms become ordinary ones) and simplified characters.

    Invisible characters go, dashes become ``-``, and any white space becomes one space. What lies behind
    ``LONGEST`` characters is cut off. None gives "".
    """
    if not text:
        return ""
    # Twice: one character may become eighteen.
    plain = unicodedata.normalize("NFKC", text[: 4 * LONGEST])
    plain = _SPACES.sub(" ", _DASHES.sub("-", _INVISIBLE.sub("", plain))).strip()
    simplified: str = _simplifier().convert(plain[:LONGEST])
    return simplified


@cache
def _simplifier() -> "OpenCC":
    from opencc import OpenCC

    return OpenCC("t2s")
