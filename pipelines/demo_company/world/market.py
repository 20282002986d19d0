"""The market: product lines, kinds of customers, provinces, channels and campaigns.

Places are real; what is sold there is not. The ``effect`` columns are log-odds on a lead's intent.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.demo_company.world.arrays import Floats, Ints, Rng, Words, pick_each, words
from pipelines.demo_company.world.clock import WINDOW_DAYS

# name, share of enquiries, effect on intent, yuan per piece
PRODUCT_LINES = (
    ("骨科耗材", 0.20, 0.35, 620.0),
    ("检验试剂", 0.19, 0.20, 85.0),
    ("手术器械", 0.15, 0.05, 310.0),
    ("影像设备", 0.10, -0.40, 9800.0),
    ("监护设备", 0.11, -0.10, 2600.0),
    ("口腔耗材", 0.10, 0.10, 140.0),
    ("康复器械", 0.08, -0.20, 430.0),
    ("消毒灭菌", 0.07, 0.0, 60.0),
)
LINES = words([row[0] for row in PRODUCT_LINES])
LINE_SHARE = [row[1] for row in PRODUCT_LINES]
LINE_EFFECT = np.array([row[2] for row in PRODUCT_LINES])
LINE_PRICE = np.array([row[3] for row in PRODUCT_LINES])

# name, share, effect on intent, log of size against the middle, endings of its (invented) names
CUSTOMER_KINDS: tuple[tuple[str, float, float, float, tuple[str, ...]], ...] = (
    ("三级医院", 0.12, 0.30, 1.1, ("综合医院", "中心医院")),
    ("二级医院", 0.20, 0.15, 0.4, ("医院", "人民路医院")),
    ("民营专科医院", 0.18, 0.20, 0.0, ("骨科医院", "口腔医院", "康复医院", "眼科医院")),
    ("社区诊所", 0.19, -0.40, -1.0, ("社区门诊部", "诊所", "卫生服务站")),
    ("医疗器械经销商", 0.17, 0.0, 0.3, ("医疗器械有限公司", "医疗科技有限公司", "贸易有限公司")),
    ("第三方检验所", 0.07, 0.25, 0.5, ("医学检验所", "检验实验室")),
    ("体检中心", 0.07, -0.15, -0.3, ("健康体检中心", "健康管理中心")),
)
KINDS = words([row[0] for row in CUSTOMER_KINDS])
KIND_SHARE = [row[1] for row in CUSTOMER_KINDS]
KIND_EFFECT = np.array([row[2] for row in CUSTOMER_KINDS])
KIND_SIZE = np.array([row[3] for row in CUSTOMER_KINDS])
DEALER = 4

TEAM_REGIONS = ("华东", "华南", "华北", "华中", "西南", "西北")
# province, team, share, cities
PROVINCES: tuple[tuple[str, int, float, tuple[str, ...]], ...] = (
    ("浙江", 0, 0.11, ("杭州", "宁波", "温州", "嘉兴")),
    ("上海", 0, 0.06, ("上海",)),
    ("江苏", 0, 0.09, ("南京", "苏州", "无锡", "南通")),
    ("广东", 1, 0.13, ("广州", "深圳", "佛山", "东莞")),
    ("福建", 1, 0.05, ("福州", "厦门", "泉州")),
    ("广西", 1, 0.03, ("南宁", "柳州")),
    ("北京", 2, 0.05, ("北京",)),
    ("山东", 2, 0.08, ("济南", "青岛", "烟台")),
    ("河北", 2, 0.04, ("石家庄", "保定", "唐山")),
    ("湖北", 3, 0.06, ("武汉", "宜昌", "襄阳")),
    ("湖南", 3, 0.05, ("长沙", "株洲", "衡阳")),
    ("河南", 3, 0.05, ("郑州", "洛阳", "新乡")),
    ("四川", 4, 0.07, ("成都", "绵阳", "德阳")),
    ("重庆", 4, 0.04, ("重庆",)),
    ("云南", 4, 0.03, ("昆明", "曲靖")),
    ("陕西", 5, 0.04, ("西安", "宝鸡", "咸阳")),
    ("甘肃", 5, 0.02, ("兰州", "天水")),
)
_TOWNS = [(p, city, row[2] / len(row[3])) for p, row in enumerate(PROVINCES) for city in row[3]]
CITIES = words([city for _, city, _ in _TOWNS])
CITY_SHARE = [share for _, _, share in _TOWNS]
CITY_PROVINCE = np.array([province for province, _, _ in _TOWNS])
PROVINCE_NAMES = words([row[0] for row in PROVINCES])
PROVINCE_TEAM = np.array([row[1] for row in PROVINCES])

# name, share, effect on intent, campaigns beside the standing one
_CHANNELS = (
    ("官网", 0.24, 0.20, 4),
    ("搜索推广", 0.27, -0.20, 8),
    ("微信公众号", 0.17, 0.0, 7),
    ("展会", 0.11, -0.05, 6),
    ("老客户转介绍", 0.06, 0.80, 1),
    ("电话来访", 0.08, 0.25, 1),
    ("行业平台", 0.07, -0.35, 5),
)
CHANNELS = words([row[0] for row in _CHANNELS])
CHANNEL_SHARE = [row[1] for row in _CHANNELS]
CHANNEL_EFFECT = np.array([row[2] for row in _CHANNELS])
TRADE_FAIR = 3

# title of the person who asks, share, effect on intent
_TITLES = (
    ("采购经理", 0.24, 0.15),
    ("设备科主任", 0.17, 0.30),
    ("科室主任", 0.15, 0.15),
    ("采购员", 0.20, -0.25),
    ("院长", 0.05, 0.45),
    ("检验科主任", 0.07, 0.15),
    ("护士长", 0.07, -0.30),
    ("总经理", 0.05, 0.20),
)
TITLES = words([row[0] for row in _TITLES])
TITLE_SHARE = [row[1] for row in _TITLES]
TITLE_EFFECT = np.array([row[2] for row in _TITLES])

_THEMES = ("线上研讨会", "新品推介", "以旧换新", "科室试用", "集采配套", "秋季回访", "技术沙龙", "样品申领")


@dataclass(frozen=True)
class Campaigns:
    """Campaigns, one element each: when they ran and how good the leads are that they bring."""

    name: Words
    channel: Ints
    line: Ints
    start: Floats
    end: Floats
    quality: Floats
    pull: Floats


def plan_campaigns(rng: Rng) -> Campaigns:
    """Return one standing campaign per channel and some that run for 5 to 14 weeks."""
    channel = np.concatenate([np.full(row[3] + 1, index) for index, row in enumerate(_CHANNELS)])
    count = len(channel)
    standing = np.concatenate([np.arange(row[3] + 1) == 0 for row in _CHANNELS])
    line = rng.integers(0, len(LINES), count)
    start = np.where(standing, -1.0, rng.uniform(-40, WINDOW_DAYS - 10, count))
    end = np.where(standing, WINDOW_DAYS + 2.0, start + rng.uniform(35, 100, count))
    theme = rng.integers(0, len(_THEMES), count)
    names = [
        f"{CHANNELS[c]}·常态" if s else f"{CHANNELS[c]}·{LINES[ln]}{_THEMES[t]}第{k:02d}期"
        for k, (c, s, ln, t) in enumerate(zip(channel, standing, line, theme, strict=True), 1)
    ]
    quality = np.where(standing, 0.0, 0.4 * rng.standard_normal(count))
    pull = np.where(standing, 0.0, rng.normal(0.3, 0.4, count))
    return Campaigns(words(names), channel, line, start, end, quality, pull)


def campaign_of(rng: Rng, plan: Campaigns, channel: Ints, when: Floats) -> Ints:
    """Return the campaign that brought each enquiry: one of its channel that was running then."""
    out = np.zeros(len(when), dtype=np.int64)
    for index in range(len(CHANNELS)):
        mine = np.flatnonzero(channel == index)
        own = np.flatnonzero(plan.channel == index)
        at = when[mine][:, None]
        running = (plan.start[own] <= at) & (at < plan.end[own])
        out[mine] = own[pick_each(rng, np.where(running, plan.pull[own], -np.inf))]
    return out
