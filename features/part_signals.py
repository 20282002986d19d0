"""Signals of the part scores that no model reads: declared like features, but outside the catalog.

They are worked out in plain Python for one lead at a time, when its part scores are asked for, so a change
here asks for no new training.
"""

from __future__ import annotations

from collections.abc import Mapping

from features.catalog import CATALOG, collect
from features.declare import ACTIVITIES, CONVERSATIONS, LEAD, Feature, Group
from features.expressions import Mentions

# How people write about the technical side of a purchase, and that they ask for a price.
TECHNICAL_WORDS = (
    *("技术交流", "技术方案", "技术参数", "选型", "试用", "试样", "打样", "演示", "对接工程师"),
    *("technical", "specification", "demo", "trial"),
)
ENQUIRY_WORDS = (*("报价", "询价", "价格", "多少钱", "单价", "报个价"), *("quote", "quotation", "price"))

_fit = Group(LEAD, "lead_fit", "sales operations")
_talks = ACTIVITIES.where(channel=CONVERSATIONS)

PART_SIGNALS: Mapping[str, Feature] = collect(
    (
        _fit.times(
            "technical_exchanges",
            _talks.where(Mentions("text", TECHNICAL_WORDS)),
            90,
            ("技术交流", "technical exchanges"),
        ),
        _fit.times(
            "enquiries",
            ACTIVITIES.where(Mentions("text", ENQUIRY_WORDS), channel=CONVERSATIONS, direction="in"),
            90,
            ("询价", "enquiries"),
        ),
    )
)


def declared(name: str) -> Feature | None:
    """Return a feature of the catalog or a part signal by name, None where there is none."""
    return CATALOG.get(name) or PART_SIGNALS.get(name)
