"""What the account says: words that come before a change of supplier (product.md C4)."""

from features.declare import ACCOUNT, ACTIVITIES, CONVERSATIONS, Group, count
from features.expressions import Mentions, Present

_voice = Group(ACCOUNT, "account_voice", "customer success")

BUDGET_WORDS = ("预算", "经费", "资金紧张", "budget")
TENDER_WORDS = ("招标", "投标", "竞价", "tender")
SWITCH_WORDS = ("更换供应商", "换供应商", "其他供应商", "新供应商", "换一家", "other supplier")
COMPETITOR_WORDS = (*SWITCH_WORDS, "竞品", "竞争对手", "友商", "competitor")
RISK_WORDS = (*BUDGET_WORDS, *TENDER_WORDS, *SWITCH_WORDS)

_said = ACTIVITIES.where(Present("text"), channel=CONVERSATIONS)
_risk = _said.where(Mentions("text", RISK_WORDS))

FEATURES = (
    _voice.times(
        "risk_words", _risk, 30, ("提到预算、招标或更换供应商", "mentions of budget, tender or switching")
    ),
    _voice.times(
        "risk_words", _risk, 90, ("提到预算、招标或更换供应商", "mentions of budget, tender or switching")
    ),
    _voice.feature(
        "risk_words_last3",
        count(_said.last(3).where(Mentions("text", RISK_WORDS))),
        "count",
        ("最近三次沟通中的风险词", "Risk words in the last three exchanges"),
        (
            "最近三次沟通有 {value} 次提到预算、招标或更换供应商",
            "{value} of the last three exchanges mention budget, tender or switching",
        ),
    ),
    _voice.times(
        "budget_words", _said.where(Mentions("text", BUDGET_WORDS)), 90, ("提到预算", "mentions of budget")
    ),
    _voice.times(
        "tender_words", _said.where(Mentions("text", TENDER_WORDS)), 90, ("提到招标", "mentions of a tender")
    ),
    _voice.times(
        "switch_words",
        _said.where(Mentions("text", SWITCH_WORDS)),
        90,
        ("提到更换供应商", "mentions of switching supplier"),
    ),
    _voice.since("risk_word", _risk, ("提到风险词", "risk word")),
)
