"""What company names are made of: legal forms, branches, and what people add. Only ``companies`` enters."""

import re

# A registered company; the longer form first.
COMPANY_FORMS = (
    "股份有限公司",
    "有限责任公司",
    "有限公司",
    "合伙企业(特殊普通合伙)",
    "合伙企业(有限合伙)",
    "合伙企业(普通合伙)",
    "(特殊普通合伙)",
    "(有限合伙)",
    "(普通合伙)",
    "合伙企业",
    "专业合作社联合社",
    "专业合作社",
)
# Works, shops and offices. Their registered names begin with their place.
LOCAL_FORMS = (
    "总公司",
    "集团公司",
    "公司",
    "分公司",
    "合作社",
    "加工厂",
    "厂",
    "商行",
    "经营部",
    "门市部",
    "服务部",
    "工作室",
    "超市",
    "便利店",
    "商店",
    "店",
    "中心",
    "事务所",
    "设计所",
    "研究所",
    "诊所",
    "农场",
    "养殖场",
    "批发部",
    "维修部",
    "酒楼",
    "饭庄",
    "会所",
    "馆",
    "坊",
)
INSTITUTION_FORMS = (
    "大学",
    "学院",
    "医院",
    "学校",
    "中学",
    "小学",
    "幼儿园",
    "银行",
    "研究院",
    "设计院",
    "人民政府",
    "委员会",
    "法院",
    "检察院",
    "局",
    "厅",
    "协会",
    "商会",
    "基金会",
    "电视台",
    "出版社",
    "报社",
)
_FOREIGN_FORM = re.compile(
    r"(?P<before>\S.*?)[\s,]+(?P<form>co\.?,? ?ltd|pte\.? ltd|pty\.? ltd|ltd|limited|inc|incorporated|corp|"
    r"corporation|llc|llp|plc|gmbh|ag|s\.?a|s\.?p\.?a|b\.?v|n\.?v|ab|oy|kk)\.?",
    re.I,
)
_JAPANESE_FORM = re.compile(r"(?P<before>.+?)(?P<form>株式会社)|(?P<form2>株式会社)(?P<before2>.+)")

_LABEL = re.compile(
    r"^(?:(?:公司|单位|企业|客户|甲方|乙方|采购方)?(?:全称|名称|名字)?\s*[:]\s*|公司(?:全称|名称)\s*)"
)
_EDGES = " \t,;:。.、!*'\"“”‘’《》<>-_/\\|~#"
_REMARK = re.compile(
    r"\((?:[^()]*(?:原名?|曾用名|更名|盖章|公章|个体|吊销|注销|在业|存续|筹|简称|以下)[^()]*)\)$|"
    r"\s*(?:的)?(?:采购部?|销售部?|市场部|财务部|人事部|工程部|技术部|设备部|生产部|行政部|总经办|研发部)$"
)
_PERSON = re.compile(
    r"(?<=[司厂店社所)])[\s,;/-]+(?!\S*(?:公司|处|厂|店|部|行)$)[\u4e00-\u9fff]{2,3}(?:总|经理|先生|女士|工|老师|主任)?$"
)
_BRANCH = re.compile(
    r"(?P<branch>[^,;\s]{0,20}?(?:分公司|办事处|代表处|分厂|分店|营业部|项目部|项目经理部|支行|分行|分部|分院|子公司))$"
)
_NOBODY = re.compile(
    r"(?:还|暂|尚)?(?:无|没有?|未)(?:有|注册|成立)?(?:公司|单位|企业)?|(?:自己|个人|私人|本人|我)(?:用|做|使用|经营|开的|买)?|"
    r"(?:个体户?|自由职业|保密|未知|不(?:知道|详|清楚|方便).*|散户|客户|同上|公司|本公司|"
    r"(?:测试|test).*|某.*|.*(?:某某|xx|\?\?|\*\*).*|[\W\d_]+|n/?a|none|null|[a-z]{1,3}|asdf.*|(.)\1+|"
    r"(?:有限|股份|责任|公司|集团)+)",
    re.I,
)
_TWO = re.compile(r"有限(?:责任)?公司\s*(?:[、,;/&和及与]|\s)\s*\S*?公司")


def without_remarks(text: str) -> str:
    """Return a tidy text without label, punctuation at its ends, departments, people and remarks."""
    name = _LABEL.sub("", text).strip(_EDGES)
    for _ in range(3):
        shorter = _REMARK.sub("", name).rstrip(_EDGES)
        if any(form in shorter for form in COMPANY_FORMS):
            shorter = _PERSON.sub("", shorter).rstrip(_EDGES)
        if shorter == name or not shorter:
            break
        name = shorter
    # Spaces between Chinese characters mean nothing, those between Latin words do.
    return re.sub(r"(?<=[^\x00-\x7f]) +| +(?=[^\x00-\x7f])", "", name)


def names_nobody(name: str) -> bool:
    """Tell whether the text stands for no company at all: 无, 个人, 测试, XX有限公司."""
    return bool(_NOBODY.fullmatch(name))


def names_two(name: str) -> bool:
    """Tell whether the text names two companies."""
    return bool(_TWO.search(name))


def split_branch(name: str) -> tuple[str, str | None]:
    """Return the parent's name and the branch: 甲有限公司 and 杭州分公司."""
    for form in COMPANY_FORMS:
        head, found, tail = name.partition(form)
        match = _BRANCH.fullmatch(tail) if found and head else None
        if match:
            return head + form, match["branch"]
    return name, None


def split_form(name: str) -> tuple[str, str | None]:
    """Return the name before its legal form, and the form; None when it has none."""
    for form in (*COMPANY_FORMS, *LOCAL_FORMS, *INSTITUTION_FORMS):
        if name.endswith(form) and len(name) > len(form):
            return name.removesuffix(form), form
    foreign = _FOREIGN_FORM.fullmatch(name) or _JAPANESE_FORM.fullmatch(name)
    if foreign:
        groups = {key.rstrip("2"): value for key, value in foreign.groupdict().items() if value}
        return groups["before"].strip(" ,"), groups["form"]
    return name, None


def is_foreign(form: str) -> bool:
    """Tell whether the form is one of another country: Ltd, GmbH, 株式会社."""
    return form.isascii() or form == "株式会社"
