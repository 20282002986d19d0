"""Words that tables are full of: for nothing, for yes and no, and names of columns that speak of the end."""

import re

NOTHING = frozenset(
    {"", "?", "？", "-", "--", "—", "/", "na", "n/a", "#n/a", "nan", "null", "none", "nil", "nat", "\\n"}
)
UNKNOWN = frozenset(
    {
        "unknown",
        "unk",
        "not known",
        "missing",
        "undefined",
        "tbd",
        "未知",
        "不详",
        "不明",
        "无",
        "暂无",
        "未填",
        "未填写",
        "待定",
        "空",
    }
)

POSITIVE = {
    *("1", "true", "t", "yes", "y", "won", "win", "success", "successful", "converted", "churned", "churn"),
    *("left", "positive", "closed_won", "closed won", "closed-won", "paid", "是", "对", "有", "赢", "赢单"),
    *("赢得", "成交", "已成交", "成功", "签约", "已签约", "转化", "已转化", "流失", "已流失", "真", "√"),
}
NEGATIVE = {
    *(
        "0",
        "-1",
        "false",
        "f",
        "no",
        "n",
        "lost",
        "lose",
        "failed",
        "failure",
        "stayed",
        "retained",
        "active",
    ),
    *("negative", "closed_lost", "closed lost", "closed-lost", "not converted", "unpaid", "否", "错", "无"),
    *(
        "没有",
        "输",
        "输单",
        "丢单",
        "未成交",
        "失败",
        "未签约",
        "未转化",
        "留存",
        "未流失",
        "活跃",
        "在用",
        "假",
        "×",
    ),
}

AFTERWARDS = re.compile(
    r"clos(e|ed|ing)|(^|[_\s-])(won|win|lost|loss|lose)([_\s-]|$)|outcome|result|final|after|actual|reason"
    r"|paid|payment|invoice|refund|cancel|terminat|churn|updated|modified|convert|signed|post[_-]"
    r"|成交|赢单|丢单|输单|签约|签单|签订|合同额|关闭|结案|结束|结果|原因|回款|付款|开票|退款|流失|取消|终止|事后|最终|之后|后续|更新|修改|实际|转化",
    re.IGNORECASE,
)
PLANNED = re.compile(
    r"expect|plan|forecast|due|estimat|schedul|next|renew|target|deadline|until|expir"
    r"|预计|计划|预期|到期|截止|下次|续|目标|有效期",
    re.IGNORECASE,
)
IDENTIFIER = re.compile(
    r"(^|[_\s-])(id|uuid|guid|key|no|number|code|index|idx|phone|mobile|email)$|id$|编号|单号|序号|号码|工号|主键|手机|电话|邮箱|账号|代码",
    re.IGNORECASE,
)
KNOWN_AT = re.compile(
    r"^(?P<column>.+?)[_\s-]*(known_at|recorded_at|filled_at|entered_at|known at"
    r"|填写时间|录入时间|记录时间|获知时间)$",
    re.IGNORECASE,
)
