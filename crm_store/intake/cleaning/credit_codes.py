"""Unified social credit codes (统一社会信用代码, GB 32100-2015): normalised and checked."""

import re
from dataclasses import dataclass

from crm_store.intake.cleaning.divisions import gazetteer
from crm_store.intake.cleaning.text import tidy

LENGTH = 18
# The code has no I, O, S, V and Z, because people take them for these digits. V resembles none.
_MISREAD = str.maketrans("OIZS", "0125")
# Registering authorities of the standard: 1 to 9, and A, N, Y for what was added later.
_AUTHORITIES = "123456789ANY"
_NATIONAL = "100000"
_LABEL = re.compile(r"^.*?(?:信用代码|税号|识别号|代码|号码)\s*[:\s]*|[\s\-_.。,;:()]")
_OLD_NUMBER = re.compile(r"\d{15}|\d{13}|[0-9A-Za-z]{8}[0-9Xx]")


@dataclass(frozen=True)
class CreditCode:
    """A credit code. ``code`` is None unless the check character is right.

    ``repaired`` tells that letters were read as the digits they resemble. ``region`` is the province's name
    where the code was given out, None for national bodies. ``problem``: ``credit_code_empty``,
    ``credit_code_length``, ``credit_code_old`` (a number from before 2015), ``credit_code_invalid`` or
    ``credit_code_checksum``.
    """

    code: str | None
    repaired: bool = False
    region: str | None = None
    problem: str | None = None


def parse_credit_code(text: str | None) -> CreditCode:
    """Return the code if it is right as written, or with letters that it cannot contain read as digits."""
    typed = _LABEL.sub("", tidy(text))
    if not typed:
        return CreditCode(None, problem="credit_code_empty")
    if len(typed) != LENGTH:
        old = _OLD_NUMBER.fullmatch(typed)
        return CreditCode(None, problem="credit_code_old" if old else "credit_code_length")
    # A small l may be an L, which the code may contain, or a 1.
    readings = [reading.upper().translate(_MISREAD) for reading in (typed, typed.replace("l", "1"))]
    for code in readings:
        if _problem(code) is None:
            province = gazetteer().by_code.get(f"{code[2:4]}0000")
            return CreditCode(code, code != typed.upper(), province.name if province else None)
    return CreditCode(None, problem=_problem(readings[0]))


def _problem(code: str) -> str | None:
    from stdnum.cn import uscc
    from stdnum.exceptions import InvalidChecksum, ValidationError

    area = code[2:8]
    known_area = f"{area[:2]}0000" in gazetteer().by_code or area == _NATIONAL
    if code[0] not in _AUTHORITIES or not area.isdigit() or not known_area:
        return "credit_code_invalid"
    try:
        # The library takes digits only at the start, and the check does not depend on it; the standard
        # has letters there too (N for collectives in the country).
        if code[:2].isdigit():
            uscc.validate(code)
        elif uscc.calc_check_digit(code[:-1]) != code[-1]:
            return "credit_code_checksum"
    except InvalidChecksum:
        return "credit_code_checksum"
    except (ValidationError, ValueError):
        return "credit_code_invalid"
    return None
