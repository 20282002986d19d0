"""Charts as ECharts options: the score history on the three colours, and the weeks ahead. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from crm_store.domain.scores import DEFAULT_BANDS
from serving.when import lost_by
from serving.workbench.formats import SHANGHAI, day

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


def when_options(weekly: Sequence[float], as_of: datetime, names: tuple[str, str]) -> dict[str, Any]:
    """Return the options for the chance of a loss in each coming week (bars) and by its end (line).

    ``names`` are those of the two. Weeks are told by the day on which they end, in Shanghai.
    """
    ends = [day(as_of + timedelta(weeks=week))[5:] for week in range(1, len(weekly) + 1)]
    top = max(5.0, 10 * math.ceil(min(sum(weekly), 1.0) * 10))
    axis = {"type": "value", "min": 0, "splitLine": {"show": False}}
    label = {"color": _QUIET, "formatter": "{value}%"}
    return {
        "animation": False,
        "textStyle": {"fontFamily": "inherit", "color": _QUIET},
        "grid": {"left": 44, "right": 44, "top": 30, "bottom": 24},
        "legend": {"top": 0, "itemGap": 28, "itemHeight": 9, "textStyle": {"color": _QUIET}},
        "tooltip": {"trigger": "axis", "textStyle": {"color": _INK}},
        "xAxis": {
            "type": "category",
            "data": ends,
            "axisLabel": {"color": _QUIET, "hideOverlap": True},
            "axisLine": {"lineStyle": {"color": "#c9d3d1"}},
        },
        "yAxis": [axis | {"axisLabel": label}, axis | {"max": top, "axisLabel": label}],
        "series": [
            {
                "name": names[0],
                "type": "bar",
                "data": [round(100 * chance, 2) for chance in weekly],
                "itemStyle": {"color": "#c0483c"},
            },
            {
                "name": names[1],
                "type": "line",
                "yAxisIndex": 1,
                "showSymbol": False,
                "data": [round(100 * chance, 2) for chance in lost_by(weekly)],
                "lineStyle": {"color": _LINE, "width": 2},
                "itemStyle": {"color": _LINE},
            },
        ],
    }
