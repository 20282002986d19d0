"""The report as one HTML file: figures, plots, what drives the model, what was refused and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

import numpy as np

from training.arrays import Bools, Floats
from training.flat.pipeline import Answer
from training.flat.prepare import Question
from training.plots import calibration_svg

_SIZE, _EDGE = 360, 40
_COLOURS = {"bayes": "#bf8700", "lightgbm": "#1f6feb"}
_FIGURES = {
    "auc": "AUC 排序",
    "ap": "AP 平均精度",
    "logloss": "Log loss 对数损失",
    "ece": "ECE 校准误差",
    "lift": "Lift 前 10% 提升",
}
_LEFT_OUT = {
    "time": "时间列 · the time column",
    "group": "分组列 · the group column",
    "id": "编号 · an identifier",
    "subject": "跨期主体编号 · the key of a subject seen at several moments",
    "constant": "只有一个值 · one value only",
    "known_at": "记录获知时间 · says when another column became known",
}
_BY = {"time": "按时间 · by time", "group": "按组 · by group", "chance": "随机 · by a seeded draw"}
_STYLE = (
    "body{font:15px/1.6 system-ui,'PingFang SC','Microsoft YaHei',sans-serif;margin:2rem auto;"
    "max-width:960px;padding:0 1rem;color:#1f2328}table{border-collapse:collapse;margin:1rem 0;width:100%}"
    "th,td{border-bottom:1px solid #d0d7de;padding:.4rem .6rem;text-align:left;vertical-align:top}"
    "td.n{text-align:right;font-variant-numeric:tabular-nums}.plots{display:flex;flex-wrap:wrap;gap:1rem}"
    "svg{width:300px;border:1px solid #d0d7de}h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}"
    "small{color:#57606a}"
)


def report_html(name: str, question: Question, answer: Answer) -> str:
    """Return the report of a training on the table called ``name``."""
    rows = answer.rows
    facts = [
        ("目标 Target", f"{question.target} = {answer.target.positive} ({answer.target.negative})"),
        ("行数 Rows", f"{rows['table']:,}: {rows['learned']:,} 学习 learned · {rows['test']:,} 测试 held"),
        ("切分 Split", _BY[answer.by] + (f", {answer.split_at}" if answer.split_at else "")),
        ("测试集正例率 Base rate of the test", f"{answer.metrics['lightgbm'].base_rate:.1%}"),
        ("调参 Tuning", f"{answer.trials} trials, {question.budget:g} s, seed {question.seed}"),
    ]
    refused = [(column, refusal.zh, refusal.en) for column, refusal in answer.refused.items()]
    left_out = [(column, _LEFT_OUT.get(why, why)) for column, why in answer.ignored.items()]
    parts = [
        '<!doctype html><html lang="zh"><head><meta charset="utf-8">',
        f"<title>{escape(name)} · LeadPulse</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(name)}：训练报告 · Training report</h1>",
        _table((), facts),
        "<h2>测试集表现 · On the held rows</h2>",
        _table(
            ("", *_FIGURES.values()),
            [
                (scorer, *(_shown(getattr(metrics, figure)) for figure in _FIGURES))
                for scorer, metrics in answer.metrics.items()
            ],
        ),
        '<div class="plots">',
        calibration_svg("校准 · Calibration", answer.curves),
        _lines(
            "ROC", {n: _roc(answer.labels, p) for n, p in answer.forecasts.items()}, "误报率 · false alarms"
        ),
        _lines(
            "累计增益 · Gains",
            {n: _gains(answer.labels, p) for n, p in answer.forecasts.items()},
            "行 · rows",
        ),
        "</div>",
        "<h2>拒绝的列 · Refused columns</h2>",
        _table(("列 Column", "原因", "Reason"), refused) if refused else "<p>无 · none</p>",
        "<h2>主要因素 · What drives the model</h2>",
        _table(
            ("特征 Feature", "占比 Share"), [(n, f"{share:.1%}") for n, share in answer.importance.items()]
        ),
        "<h2>未使用的列 · Columns left out</h2>",
        _table(("列 Column", "原因 Reason"), left_out) if left_out else "<p>无 · none</p>",
        "</body></html>\n",
    ]
    return "\n".join(parts)


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _table(heads: Iterable[str], rows: Iterable[tuple[str, ...]]) -> str:
    head = "".join(f"<th>{escape(one)}</th>" for one in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table>{f'<tr>{head}</tr>' if head else ''}{body}</table>"


def _roc(labels: Bools, forecast: Floats) -> tuple[Floats, Floats]:
    order = np.argsort(-forecast, kind="stable")
    hits = np.append(0, np.cumsum(labels[order])) / labels.sum()
    misses = np.append(0, np.cumsum(~labels[order])) / (~labels).sum()
    return misses, hits


def _gains(labels: Bools, forecast: Floats) -> tuple[Floats, Floats]:
    hits = np.append(0, np.cumsum(labels[np.argsort(-forecast, kind="stable")])) / labels.sum()
    return np.linspace(0, 1, len(hits)), hits


def _lines(title: str, curves: Mapping[str, tuple[Floats, Floats]], below: str) -> str:
    """Draw curves from (0, 0) to (1, 1), thinned to 100 points each."""
    room = _SIZE - 2 * _EDGE
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_SIZE} {_SIZE}" font-size="11">',
        f'<rect width="{_SIZE}" height="{_SIZE}" fill="#fff"/>',
        f'<text x="{_EDGE}" y="20">{escape(title)}</text>',
        f'<polyline points="{_EDGE},{_SIZE - _EDGE} {_SIZE - _EDGE},{_EDGE}" stroke="#ccc" fill="none"/>',
        f'<text x="{_EDGE}" y="{_SIZE - 12}">{escape(below)}</text>',
    ]
    for row, (name, (xs, ys)) in enumerate(curves.items()):
        some = np.unique(np.linspace(0, len(xs) - 1, 100).astype(int))
        points = " ".join(
            f"{_EDGE + x * room:.1f},{_SIZE - _EDGE - y * room:.1f}"
            for x, y in zip(xs[some], ys[some], strict=True)
        )
        colour = _COLOURS.get(name, "#57606a")
        parts.append(f'<polyline points="{points}" stroke="{colour}" fill="none" stroke-width="2"/>')
        parts.append(f'<text x="{_EDGE + 8}" y="{40 + 14 * row}" fill="{colour}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>"])
