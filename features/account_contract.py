"""What is signed with the account and when it ends. A contract is open until it is renewed or lapses."""

from features.declare import ACCOUNT, CONTRACT_EVENTS, Group, count, days_between, smallest, total
from features.declare import NOW as _NOW
from features.expressions import StillAhead

_contract = Group(ACCOUNT, "account_contract", "customer success")

_signed = CONTRACT_EVENTS.where(event="signed")
_open = _signed.unless_closed("contract_id", event=("renewed", "lapsed"))
_live = _open.where(StillAhead("end_at"))

FEATURES = (
    _contract.feature(
        "contracts_live",
        count(_live),
        "count",
        ("有效合同数", "Live contracts"),
        ("有 {value} 份有效合同", "{value} contracts are live"),
    ),
    _contract.feature(
        "contract_amount_live",
        total(_live, "amount"),
        "money",
        ("有效合同金额", "Amount under contract"),
        ("有效合同金额 {value} 元", "{value} is under contract"),
    ),
    _contract.feature(
        "days_to_expiry",
        days_between(_NOW, smallest(_open, "end_at")),
        "days",
        ("距合同到期天数", "Days to expiry"),
        ("最近一份合同还有 {value} 天到期", "The next contract ends in {value} days"),
        absent=("没有生效中的合同", "No contract in force"),
    ),
    _contract.times("renewals", CONTRACT_EVENTS.where(event="renewed"), None, ("续约", "renewals")),
    _contract.times("lapses", CONTRACT_EVENTS.where(event="lapsed"), None, ("到期未续", "contracts lapsed")),
    _contract.feature(
        "contract_tenure_days",
        days_between(smallest(_signed, "start_at")),
        "days",
        ("合作时长", "Time under contract"),
        ("首份合同始于 {value} 天前", "The first contract began {value} days ago"),
        absent=("尚无合同", "No contract yet"),
    ),
)
