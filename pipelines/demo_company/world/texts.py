"""What people wrote and said: short sentences made from templates, grouped by situation.

Only sentences of ``ACCOUNT_WORRIED`` (and a few of ordinary life) hold the words that announce trouble:
预算, 招标, 更换供应商. ``{line}`` is a product line, ``{rival}`` an invented competitor.
"""

import numpy as np

from pipelines.demo_company.world.arrays import Flags, Ints, Rng, Words, words
from pipelines.demo_company.world.market import LINES
from pipelines.demo_company.world.names import RIVALS

LEAD_KEEN = (
    "请发一份{line}的报价单，我们下周讨论",
    "{line}能不能先寄样品到科室试用？",
    "想约个时间看看{line}的实物",
    "{line}的注册证和授权书能提供吗？",
    "我们这边预算已经批了，{line}最快多久到货？",
    "{line}的首批数量按两百件算，价格还能谈吗？",
    "把{line}的合同模板发我，我给领导看一下",
    "上次说的{line}参数，麻烦再确认一下型号",
    "院里要{line}的三家比价，贵司资料请尽快",
)
LEAD_COOL = (
    "先了解一下{line}，暂时不急",
    "{line}的资料发个电子版就行",
    "我只是帮同事问问{line}",
    "{line}我们还有库存，年底再说",
    "今年没有{line}的预算，明年看情况",
    "价格比{rival}高不少，再考虑考虑",
    "最近忙，{line}的事过一阵再联系",
    "还在比较{rival}的{line}",
)
REP_FIRST = (
    "您好，看到您咨询{line}，方便介绍一下使用科室吗？",
    "您好，我是负责{line}的顾问，资料已发您",
    "首次电话：确认对{line}有兴趣，约定再联系",
    "首次电话：对方在开会，简短说明{line}来意",
)
REP_FOLLOW = (
    "跟进{line}报价，对方说内部讨论中",
    "发送{line}技术参数和案例",
    "提醒{line}样品试用反馈",
    "沟通{line}交付周期和付款方式",
    "再次联系，确认{line}采购时间",
    "邮件补充{line}注册证和检测报告",
)
REP_NOTE = ("无人接听，改日再打", "已加微信，后续发资料", "对方让月底再联系")
PAGES = ("{line}产品页", "{line}案例页", "{line}参数对比页", "{line}常见问题")
PAPERS = ("{line}白皮书", "{line}产品手册", "{line}临床应用指南")
SEARCHES = ("{rival} {line} 对比 价格", "{line} 替代 {rival}", "{line} 厂家对比")
ASSIGNED = ("系统按区域分配", "系统按产品线分配")
REASSIGNED = ("负责人休假，改派同组同事", "主管调整负责人")

ACCOUNT_CALM = (
    "{line}这周的货收到了，数量没问题",
    "下个月{line}照常订，型号不变",
    "{line}的使用培训安排得不错",
    "麻烦补一份{line}的检测报告",
    "{line}的发票已经收到",
    "新来的同事想学一下{line}的操作",
    "{line}还能加急一批吗？",
    "上次的{line}问题解决了，谢谢",
    "节后{line}先按老规矩备货",
)
ACCOUNT_WORRIED = (
    "今年{line}预算压得紧，要减量",
    "院里通知{line}要重新招标",
    "领导问是否更换供应商，{line}也在内",
    "{line}下半年预算还没批下来",
    "招标文件在写了，{line}要多家比选",
    "{rival}给的{line}价格更低，科室想更换供应商",
    "售后太慢，已经有人提更换供应商",
    "{line}降价空间不大的话，只能走招标",
)
REP_CARE = (
    "例行回访：{line}使用情况",
    "提醒{line}库存和补货时间",
    "节日问候，顺便确认{line}计划",
    "上门回访，和科室聊{line}使用反馈",
    "同步{line}新批次和有效期",
)
ONBOARDING = (
    "新客户启动：确认{line}首批订货和收货人",
    "新客户启动：{line}操作培训",
    "新客户启动：建立{line}对接群",
    "新客户启动：核对开票和付款信息",
)
CORRECTION = "更正："


# What a sentence is about, by the first of these words in it.
_SCENES = (
    ("payment_terms", ("付款", "发票", "开票")),
    ("delivery_delay", ("到货", "交付", "加急", "这周的货")),
    ("tender", ("招标", "比选", "三家比价")),
    ("price_objection", ("价格", "报价", "降价")),
    ("contract_terms", ("合同",)),
    ("technical_exchange", ("参数", "注册证", "检测报告", "试用", "样品", "实物")),
    ("after_sales", ("售后", "培训", "操作", "问题")),
    ("care", ("回访", "问候", "同步", "补货", "备货")),
    ("need_confirmation", ("预算", "数量", "采购时间", "确认", "资料", "咨询")),
)


def scene_of(sentence: str) -> str:
    """Return the scene of a communication, as ``crm_store.models.choices.SCENES`` names it."""
    for scene, marks in _SCENES:
        if any(mark in sentence for mark in marks):
            return scene
    return "other"


def pool(templates: tuple[str, ...]) -> Words:
    """Return every sentence as an array (product line, variant)."""
    rows = [
        words([t.format(line=line, rival=rival) for t in templates for rival in RIVALS]) for line in LINES
    ]
    return np.stack(rows)


def say(rng: Rng, sentences: Words, line: Ints) -> Words:
    """Return for each event a sentence about its product line."""
    return np.asarray(sentences[line, rng.integers(0, sentences.shape[1], len(line))])


def say_either(rng: Rng, yes: Flags, if_yes: Words, if_no: Words, line: Ints) -> Words:
    """Return for each event a sentence of the first pool where ``yes``, of the second elsewhere."""
    return np.where(yes, say(rng, if_yes, line), say(rng, if_no, line))
