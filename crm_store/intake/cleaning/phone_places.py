"""Where China's numbers were given out. Only ``phones`` enters.

The table is the one that ``phonenumbers`` ships. Its own reader loads all countries (0.5 to 6 s and 95 MB in
every process); here the rows of China are read from the same files as text (0.3 s and 15 MB).
"""

import re
from functools import cache
from importlib.resources import files
from sys import intern

# One row: '861508212':{'en': 'Ziyang, Sichuan', 'zh': u('\u56db\u5ddd...')},
_ROW = re.compile(r"^ '86(\d+)':\{.*?'zh': u\('([^']*)'\)", re.M)
_LONGEST, _SHORTEST = 8, 2


def place_of(national_digits: str) -> str | None:
    """Return the place as the table writes it (浙江省杭州市) for digits without +86 and 0; None if unknown.

    Raises RuntimeError when the library's files are not as they were: better than no place for anyone.
    """
    table = _table()
    for length in range(_LONGEST, _SHORTEST - 1, -1):
        place = table.get(national_digits[:length])
        if place is not None:
            return place
    return None


@cache
def _table() -> dict[str, str]:
    table: dict[str, str] = {}
    for file in files("phonenumbers").joinpath("geodata").iterdir():
        if re.fullmatch(r"data\d+\.py", file.name):
            for digits, escaped in _ROW.findall(file.read_text("utf-8")):
                table[digits] = intern(escaped.encode("ascii").decode("unicode_escape"))
    if not table:
        raise RuntimeError("phonenumbers has its places in another form: adapt phone_places")
    return table
