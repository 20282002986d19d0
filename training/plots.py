"""The calibration plot as a small SVG, so that logging a run needs no plotting library."""

from collections.abc import Mapping, Sequence
from html import escape

_SIZE, _EDGE = 360, 40
_COLOURS = ("#1f6feb", "#bf8700", "#57606a", "#8250df")


def calibration_svg(title: str, curves: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    """Draw forecast (x) against frequency (y) for each scorer's reliability rows; the diagonal is perfect."""
    heights = (row[name] for rows in curves.values() for row in rows for name in ("forecast", "frequency"))
    top = max(heights, default=0.0) or 1.0
    room = _SIZE - 2 * _EDGE

    def at(forecast: float, frequency: float) -> str:
        return f"{_EDGE + forecast / top * room:.1f},{_SIZE - _EDGE - frequency / top * room:.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_SIZE} {_SIZE}" font-size="11">',
        f'<rect width="{_SIZE}" height="{_SIZE}" fill="#fff"/>',
        f'<text x="{_EDGE}" y="20">{escape(title)}</text>',
        f'<polyline points="{at(0, 0)} {at(top, top)}" stroke="#ccc" fill="none"/>',
        f'<text x="{_EDGE}" y="{_SIZE - 12}">0 … {top:.2f} 预测概率 · forecast</text>',
    ]
    for row, ((name, rows), colour) in enumerate(zip(curves.items(), _COLOURS, strict=False)):
        points = [at(point["forecast"], point["frequency"]) for point in rows]
        parts.append(
            f'<polyline points="{" ".join(points)}" stroke="{colour}" fill="none" stroke-width="2"/>'
        )
        for (x, _, y), point in zip((place.partition(",") for place in points), rows, strict=True):
            radius = 2 + 8 * point["share"] ** 0.5
            parts.append(f'<circle cx="{x}" cy="{y}" r="{radius:.1f}" fill="{colour}" fill-opacity="0.4"/>')
        parts.append(f'<text x="{_EDGE + 8}" y="{40 + 14 * row}" fill="{colour}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>\n"])


def bars_svg(shares: Mapping[str, float]) -> str:
    """Draw shares of one by name as bars, in the order given."""
    most, height, left = max(shares.values(), default=1.0) or 1.0, 20, 180
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + 260} {height * len(shares) + 8}" '
        'font-size="11">'
    ]
    for row, (name, share) in enumerate(shares.items()):
        top, width = row * height + 4, share / most * 200
        parts.append(f'<text x="{left - 6}" y="{top + 12}" text-anchor="end">{escape(name)}</text>')
        parts.append(f'<rect x="{left}" y="{top}" width="{width:.1f}" height="15" fill="{_COLOURS[0]}"/>')
        parts.append(f'<text x="{left + width + 5:.1f}" y="{top + 12}">{share:.1%}</text>')
    return "\n".join([*parts, "</svg>\n"])
