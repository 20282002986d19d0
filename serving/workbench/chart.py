"""The score history as ECharts options: a line over time on the three colours. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from crm_store.domain.scores import DEFAULT_BANDS
from serving.workbench.formats import SHANGHAI

_INK, _QUIET, _LINE = "#17302e", "#5b6b69", "#0f766e"
_FILL: Final = {
    "red": "rgba(190,58,43,.10)",
    "yellow": "rgba(201,138,18,.10)",
    "green": "rgba(31,122,77,.10)",
}
_FILL_BOUNDS: Final = (
    ("red", 0.0, DEFAULT_BANDS.yellow),
    ("yellow", DEFAULT_BANDS.yellow, DEFAULT_BANDS.green),
    ("green", DEFAULT_BANDS.green, 100.0),
)


def history_options(points: Sequence[tuple[datetime, float]], name: str) -> dict[str, Any]:
    """Return the options for points (moment, score 0–100) in order of time, shown in Shanghai time."""
    return {
        # The chart writes times as if they were UTC: it is given Shanghai's wall clock as UTC.
        "useUTC": True,
        "animation": False,
        "textStyle": {"fontFamily": "inherit", "color": _QUIET},
        "grid": {"left": 34, "right": 14, "top": 12, "bottom": 24},
        "tooltip": {"trigger": "axis", "textStyle": {"color": _INK}},
        "xAxis": {
            "type": "time",
            "axisLabel": {"color": _QUIET, "hideOverlap": True, "formatter": "{MM}-{dd}"},
            "axisLine": {"lineStyle": {"color": "#c9d3d1"}},
            "splitLine": {"show": False},
        },
        "yAxis": {"type": "value", "min": 0, "max": 100, "interval": 20, "splitLine": {"show": False}},
        "series": [
            {
                "name": name,
                "type": "line",
                "step": "end",
                "symbolSize": 7,
                "data": [[_wall_clock_ms(at), round(value, 1)] for at, value in points],
                "lineStyle": {"color": _LINE, "width": 2},
                "itemStyle": {"color": _LINE},
                "markArea": {"silent": True, "data": [_area(*bound) for bound in _FILL_BOUNDS]},
            }
        ],
    }


def _area(band: str, low: float, high: float) -> list[dict[str, Any]]:
    return [{"yAxis": low, "itemStyle": {"color": _FILL[band]}}, {"yAxis": high}]


def _wall_clock_ms(at: datetime) -> int:
    offset = at.astimezone(SHANGHAI).utcoffset() or timedelta()
    return round((at + offset).timestamp() * 1000)
