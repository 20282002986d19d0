"""Numbers and moments as people write them; business time is Asia/Shanghai, here at the edge only."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from serving.language import Language

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")
NOTHING: Final = "—"
_WAN: Final = 10_000
_YI: Final = 100_000_000
_MILLION: Final = 1_000_000


def moment(at: datetime | None) -> str:
    """Return a moment as ``2026-03-05 08:30``, Shanghai time."""
    return NOTHING if at is None else at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")


def day(at: datetime | None) -> str:
    """Return the day of a moment as ``2026-03-05``, Shanghai time."""
    return NOTHING if at is None else at.astimezone(SHANGHAI).strftime("%Y-%m-%d")


def percent(share: float | None) -> str:
    """Return a share of 0–1 as a percentage, finer where it is small."""
    if share is None:
        return NOTHING
    return f"{share:.1%}" if share < 0.995 else f"{share:.0%}"


def money(yuan: float | None, language: Language) -> str:
    """Return an amount as a manager says it: 86.5 万 or ¥865k."""
    if yuan is None:
        return NOTHING
    if language == "zh":
        if abs(yuan) >= _YI:
            return f"¥{yuan / _YI:,.2f} 亿"
        return f"¥{yuan / _WAN:,.1f} 万" if abs(yuan) >= _WAN else f"¥{yuan:,.0f}"
    if abs(yuan) >= _MILLION:
        return f"¥{yuan / _MILLION:,.2f}m"
    return f"¥{yuan / 1_000:,.0f}k" if abs(yuan) >= _WAN else f"¥{yuan:,.0f}"


def signed(points: float) -> str:
    """Return a difference with its sign, with a true minus: +12.3, −4.0."""
    return f"{points:+.1f}".replace("-", "−")


def plain(value: Any) -> str:
    """Return any stored value for a table cell."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, float):
        return f"{value:,.0f}" if value.is_integer() else f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
