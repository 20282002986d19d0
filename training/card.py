"""The model card of a version: one HTML file, Chinese first and English below, with nothing to load.

What the model learned from and when, how good it is (against rules, for every region and channel), which
gates it passed, what it is not for, and how a person contests a score. After Mitchell et al. 2019, "Model
Cards for Model Reporting".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, Literal

from features.catalog import CATALOG
from features.composed import COMPOSED
from training.plots import bars_svg, calibration_svg
from training.report import CURVE_MEASURES, TrainingReport, measures_of

Language = Literal["zh", "en"]
_MOST = 15
_STYLE = """
body{font:15px/1.6 system-ui,"Noto Sans SC",sans-serif;color:#17302e}
body{margin:2rem auto;max-width:60rem;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem;border-bottom:1px solid #cdd8d6}
table{border-collapse:collapse;width:100%}
td,th{padding:.25rem .6rem;text-align:left;border-bottom:1px solid #e4eae9}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}.no{color:#b3362a;font-weight:600}
svg{max-width:26rem;width:100%;height:auto}nav a{margin-right:1rem}section{margin-bottom:4rem}
"""
_WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("模型卡", "Model card"),
    "purpose": ("用途", "What it is for"),
    "lead_health": (
        "预测一条线索在预测期内赢单的概率，换算为 0–100 的健康度，用于排列跟进顺序。",
        "Forecasts the probability that a lead is won within the horizon, as health of 0–100, to rank work.",
    ),
    "account_churn": (
        "预测一个客户在预测期内流失或不续约的概率，换算为 0–100 的健康度，用于安排回访。",
        "Forecasts the probability that an account is lost, as health of 0–100, to decide whom to visit.",
    ),
    "lead_match": (
        "预测一条线索交给某位销售后在预测期内赢单的概率，用于推荐分配给谁。",
        "Forecasts the probability that a lead is won in a rep's hands within the horizon, to advise whom to "
        "give it to.",
    ),
    "account_renewal": (
        "预测一个客户在未来 26 周内每一周流失的概率，告诉经理何时，而不只是是否。",
        "Forecasts the probability of a loss in each of the next 26 weeks: when, not only whether.",
    ),
    "data": ("数据与时段", "Data and period"),
    "weeks": (
        "拟合与校准的条数是客户周，测试的条数是一个客户在一个时点的观察。测试之后按同样方法、截止到全部数据重新拟合，"
        "上线的是重新拟合的模型。",
        "Rows of fit and calibration are account-weeks; a test row is a look at an account. What serves was "
        "fitted anew after the test, in the same way, with every cut moved to the end of the data.",
    ),
    "part": ("部分", "Part"),
    "rows": ("条数", "Rows"),
    "positives": ("发生", "Happened"),
    "from": ("起", "From"),
    "to": ("止", "To"),
    "fit": ("拟合", "fit"),
    "stop": ("早停", "stopping"),
    "calibration": ("校准", "calibration"),
    "test": ("测试", "test"),
    "digest": ("数据摘要", "Digest of the data"),
    "catalog": ("特征目录", "Feature catalog"),
    "code": ("代码版本", "Code"),
    "base": ("基准发生率", "Base rate"),
    "quality": ("测试集上的质量", "Quality on the test rows"),
    "scorer": ("评分方式", "Scorer"),
    "warning": ("预警：红色比流失早多少", "Warnings: how long before a loss red comes"),
    "losses": ("流失", "Losses"),
    "recall": ("召回率", "Recall"),
    "lead_days": ("提前天数（中位数）", "Days ahead (median)"),
    "lead_days_low": ("下四分位", "lower quartile"),
    "lead_days_high": ("上四分位", "upper quartile"),
    "false_alarms_per_account_year": ("每客户年误报", "False alarms per account-year"),
    "segments": ("分组的质量", "Quality by segment"),
    "quarter": (
        "平均预测、实际频率与第一个 AUC 针对 90 天内的流失。",
        "Mean forecast, frequency and the first AUC are of losses within 90 days.",
    ),
    "week_ahead": ("往后第几周", "Week ahead"),
    "expiry_gap_days": ("该周距合同到期天数", "Days to expiry in that week"),
    "silent_days": ("到该周未下单天数", "Days without an order by that week"),
    "silent_intervals": ("到该周未下单的平常间隔数", "Usual intervals without an order by that week"),
    "segment": ("分组", "Segment"),
    "forecast": ("平均预测", "Mean forecast"),
    "frequency": ("实际频率", "Frequency"),
    "no_segments": ("没有足够大的分组。", "No segment is large enough."),
    "gates": ("验收关卡", "Gates"),
    "gate": ("关卡", "Gate"),
    "measured": ("实测", "Measured"),
    "limit": ("限值", "Limit"),
    "passed": ("通过", "passed"),
    "refused": ("未通过", "refused"),
    "features": ("特征与权重", "Features and their weight"),
    "limits": ("局限", "Limits"),
    "contest": ("如何对评分提出异议", "How to contest a score"),
}
_LIMITS: Mapping[Language, tuple[str, ...]] = {
    "zh": (
        "只学到过去：市场、渠道或流程改变后，漂移监测会提示，超过限值时改由规则作答。",
        "概率针对一组相似对象成立，不能断定单个客户的结果。",
        "训练中少于 20 次的类别视为缺失；没有历史的新渠道、新地区要谨慎使用。",
        "不得用于对个人作出不利决定；自动决定可要求人工复核。",
    ),
    "en": (
        "It knows the past only: when markets change, drift is told, and past a limit rules answer.",
        "A probability holds for a group of alike subjects; it settles nothing about a single one.",
        "Categories with fewer than 20 training rows count as missing; be wary with a new channel or region.",
        "It must not decide against a person; whoever is concerned may ask that a human decides.",
    ),
}
_OWN_LIMITS: Mapping[str, Mapping[Language, tuple[str, ...]]] = {
    "account_renewal": {
        "zh": (
            "概率按今天所知推算：往后各周假定没有新的订单与往来，因此每次有新记录都会改变。",
            "只说往后 26 周；更远的流失不在其中。尚未流失的客户按“至今仍在”计入，而非“不会流失”。",
            "红色的阈值按每客户年半次误报选定；流失次数少的分组，其提前天数与召回率只供参考。",
        ),
        "en": (
            "Chances are worked out from what is known today, as if no order or contact came in the weeks "
            "ahead; every new record moves them.",
            "It speaks of 26 weeks and of no loss beyond. Who is not lost yet counts as seen so far.",
            "Red is set for half a false alarm per account and year; where losses are few, lead time and "
            "recall are a hint only.",
        ),
    },
    "lead_match": {
        "zh": (
            "过去的分配不是随机的：拟合时按倾向得分加权抵消，只及于当时可能接手的销售。",
            "推荐只比较候选人；是否接手、负荷与公平由主管决定，不得用于考核个人。",
        ),
        "en": (
            "Past assignments were no experiment: rows are weighed by their propensities, which undoes the "
            "selection among those who could have had the lead, and no further.",
            "It compares candidates; load and fairness are a manager's to decide, and it rates nobody.",
        ),
    },
}
_CONTEST: Mapping[Language, tuple[str, ...]] = {
    "zh": (
        "在线索或客户页面打开评分，每条理由都能点开，看到当时的原始记录。",
        "记录有误：更正记录，评分会在片刻后重新计算，旧评分仍留在历史中。",
        "记录无误而结论不对：告诉您的主管，写明评分的版本与时间；主管可改派或改变处理顺序。",
        "模型整体有误：数据科学家用一条命令回退到上一个版本（leadpulse model rollback）。",
    ),
    "en": (
        "Open the score on the lead's or account's page: every reason opens the records that it was made of.",
        "A record is wrong: correct it; the score is worked out anew, and the old one stays in the history.",
        "The records are right, the score is not: tell your manager its version and time; they can overrule.",
        "The model is wrong as a whole: a data scientist returns to the last (leadpulse model rollback).",
    ),
}
_WARNED = ("losses", "recall", "lead_days", "false_alarms_per_account_year")
_TOLD_WARNED = ("losses", "recall", "lead_days", "lead_days_low", "lead_days_high", *_WARNED[3:])


def card_page(report: TrainingReport) -> str:
    """Return the card of a training as a whole HTML page."""
    curves = calibration_svg(f"{report.model} · {report.version}", report.curves)
    page = _Card(report)
    return (
        '<!doctype html>\n<html lang="zh"><head><meta charset="utf-8">'
        f"<title>{escape(report.version)}</title>"
        f"<style>{_STYLE}</style></head><body>"
        '<nav><a href="#zh">中文</a><a href="#en">English</a></nav>'
        f'<section id="zh" lang="zh">{page.told("zh", curves)}</section>'
        f'<section id="en" lang="en">{page.told("en", curves)}</section></body></html>\n'
    )


class _Card:
    def __init__(self, report: TrainingReport) -> None:
        self._report = report

    def told(self, language: Language, curves: str) -> str:
        """Return everything in one language."""
        one, place = self._report, 0 if language == "zh" else 1

        def word(key: str) -> str:
            return _WORDS[key][place] if key in _WORDS else key

        own = _OWN_LIMITS[one.model][language] if one.model in _OWN_LIMITS else ()
        parts = [
            f"<h1>{word('title')} · {escape(one.version)}</h1>",
            _section(word("purpose"), f"<p>{escape(word(one.model))}</p>"),
            _section(word("data"), self._data(word)),
            _section(word("quality"), self._quality(word) + curves),
            *([_section(word("warning"), self._warning(word))] if one.warning else []),
            _section(word("segments"), self._groups(word)),
            _section(word("gates"), self._gates(word, language)),
            _section(word("features"), self._features(language)),
            _section(word("limits"), _listed((*own, *_LIMITS[language]))),
            _section(word("contest"), _listed(_CONTEST[language])),
        ]
        return "\n".join(parts)

    def _data(self, word: Any) -> str:
        one = self._report
        rows = [
            (word(name), size["rows"], size["positives"], one.dates[f"{name}_from"], one.dates[f"{name}_to"])
            for name, size in one.rows.items()
        ]
        head = [word(name) for name in ("part", "rows", "positives", "from", "to")]
        facts = {
            word("base"): f"{one.base_rate:.2%}",
            word("digest"): one.dataset_digest,
            word("catalog"): one.catalog_hash,
            word("code"): one.code_version,
        }
        told = "".join(
            f"<li>{escape(name)}: <code>{escape(value)}</code></li>" for name, value in facts.items()
        )
        weeks = f"<p>{word('weeks')}</p>" if one.warning else ""
        return _table(head, rows) + weeks + f"<ul>{told}</ul>"

    def _quality(self, word: Any) -> str:
        measures = measures_of(self._report.metrics)
        rows = [
            (name, *(_number(metrics[measure]) for measure in measures), metrics["n"], metrics["positives"])
            for name, metrics in self._report.metrics.items()
        ]
        return _table([word("scorer"), *measures.values(), word("rows"), word("positives")], rows)

    def _warning(self, word: Any) -> str:
        rows = [
            (scorer, *(_number(warned[name]) for name in _TOLD_WARNED))
            for scorer, warned in self._report.warning.items()
        ]
        return _table([word("scorer"), *map(word, _TOLD_WARNED)], rows)

    def _groups(self, word: Any) -> str:
        more = [*CURVE_MEASURES, *_WARNED] if self._report.warning else []
        rows = [
            (
                f"{part['field']} = {part['value']}",
                part["n"],
                part["positives"],
                f"{part['forecast']:.1%}",
                f"{part['frequency']:.1%}",
                _number(part["auc"]),
                *(_number(part[name]) for name in more),
            )
            for part in self._report.groups
        ]
        if not rows:
            return f"<p>{word('no_segments')}</p>"
        head = [word(name) for name in ("segment", "rows", "positives", "forecast", "frequency")]
        told = [CURVE_MEASURES.get(name) or word(name) for name in more]
        return _table([*head, "AUC", *told], rows) + (f"<p>{word('quarter')}</p>" if more else "")

    def _gates(self, word: Any, language: Language) -> str:
        rows = [
            (
                gate[language],
                _number(gate["measured"]),
                _number(gate["limit"]),
                word("passed") if gate["passed"] else word("refused"),
            )
            for gate in self._report.gates
        ]
        return _table([word("gate"), word("measured"), word("limit"), ""], rows)

    def _features(self, language: Language) -> str:
        place = 0 if language == "zh" else 1

        def title(name: str) -> str:
            feature = CATALOG.get(name) or COMPOSED.get(name)
            return feature.title[place] if feature else _WORDS.get(name, (name, name))[place]

        most = sorted(self._report.gains.items(), key=lambda pair: -pair[1])[:_MOST]
        named = {title(name): gain for name, gain in most}
        every = ", ".join(map(title, self._report.features))
        return bars_svg(named) + f"<p>{escape(every)}</p>"


def _section(title: str, content: str) -> str:
    return f"<h2>{escape(title)}</h2>\n{content}"


def _listed(sentences: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(one)}</li>" for one in sentences) + "</ul>"


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    def line(cells: Sequence[object], tag: str) -> str:
        told = (f'<{tag} class="n">' if place else f"<{tag}>" for place in range(len(cells)))
        return (
            "<tr>"
            + "".join(f"{start}{escape(str(cell))}</{tag}>" for start, cell in zip(told, cells, strict=True))
            + "</tr>"
        )

    return f"<table>{line(head, 'th')}{''.join(line(row, 'td') for row in rows)}</table>"


def _number(value: object) -> str:
    if value is None:
        return "—"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
