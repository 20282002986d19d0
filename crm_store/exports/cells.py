"""One value as the cell of an export: as people read it, and as our own import reads it back."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from crm_store.imports.headers import Language

# Sheets have no time zones; ours are read in China, and the import takes them so.
ZONE = ZoneInfo("Asia/Shanghai")
_YES_NO = {"zh": ("是", "否"), "en": ("yes", "no")}


def local(moment: datetime) -> datetime:
    """Return a moment as clocks in China show it, without its zone."""
    return moment.astimezone(ZONE).replace(tzinfo=None)


def as_text(value: Any, language: Language) -> str:
    """Return a value as text: empty for none, moments to the microsecond only where they have some."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return _YES_NO[language][0 if value else 1]
    if isinstance(value, datetime):
        return local(value).isoformat(" ")
    if isinstance(value, float) and value.is_integer() and abs(value) < 10**15:
        return str(int(value))
    return str(value)
