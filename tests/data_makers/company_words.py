"""The words that made-up Chinese companies and people are put together from, and how typists get them wrong.

Written apart from the product's own tables: the look-alikes, homophones and traditional forms here are what
a search has to see through without knowing this list.
"""


def _list(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# Province and city.
_PLACES = _list(
    """
    江苏:南京 江苏:苏州 江苏:无锡 江苏:常州 江苏:徐州 浙江:杭州 浙江:宁波 浙江:温州
    浙江:嘉兴 广东:广州 广东:深圳 广东:东莞 广东:佛山 广东:珠海 山东:济南 山东:青岛
    山东:烟台 山东:潍坊 四川:成都 四川:绵阳 湖北:武汉 湖北:宜昌 湖南:长沙 湖南:株洲
    河南:郑州 河南:洛阳 河北:石家庄 河北:唐山 福建:福州 福建:厦门 安徽:合肥 安徽:芜湖
    陕西:西安 辽宁:沈阳 辽宁:大连 吉林:长春 云南:昆明 江西:南昌 广西:南宁 山西:太原
    北京:北京 上海:上海 天津:天津 重庆:重庆
    """
)
PLACES = tuple((place.split(":")[0], place.split(":")[1]) for place in _PLACES)

HOMOPHONES = _list(
    """
    瑞锐睿 恒衡珩 华桦 泰太 信欣鑫馨新 嘉佳家 宏弘鸿洪红 盛胜圣晟 博伯勃 奥澳 德得
    利力立丽 源元原圆 明铭鸣 杰捷洁 凯铠 维威薇 诚成承程 百佰 联莲 宇禹雨羽 晨辰宸 方芳
    通同 正政 丰峰锋 亿益易逸怡毅 邦帮 金锦晋 龙隆 福富 生升 思斯 智志致 汇惠慧 光广
    仁人 和禾合 航行 勤琴
    """
)
LOOK_ALIKES = _list(
    """
    瑞端 恒桓 泰秦 康唐 博搏 鑫森 晨震 嘉喜 盛威 诚城 迪油 凯剀 维惟 达送 旭旬 宇字
    天夫 安案 润闰 科料 海悔 顺须 强弦 济齐 尚向 创仓 东车 中巾
    """
)
_OTHER_BRAND_CHARACTERS = (
    "康安达美迪科天东海顺伟强润创旭尚济中卓远鼎一飞云大国民长江南北山川河林森木石田园春秋夏冬日月星阳雪风雷电火水土"
    "青蓝白黑紫碧翠玉珠宝银铜铁钢兴旺发财运祥吉庆喜乐康健泽恩惠善真诚朴实朗清澄静宁平和谐圣贤哲文武英雄豪俊秀雅颂"
    "启开拓展腾跃奔驰骏驹鹏鹤鹰燕凤麒麟虎熊象鲸帆舟桥路港湾岛屿峡谷原野草花果稻麦米谷梅兰竹菊松柏桂枫"
)
BRAND_CHARACTERS = "".join(dict.fromkeys("".join(HOMOPHONES) + _OTHER_BRAND_CHARACTERS))

TECHNICAL = _list(
    """
    医疗器械 医疗科技 生物科技 生物技术 医药科技 电子科技 信息技术 软件技术 智能科技
    机械设备 自动化设备 精密机械 新材料科技 环保科技 检测技术 光电科技 半导体 仪器仪表
    医用材料 生物医药 诊断技术 健康科技 网络科技 新能源科技 化工 包装材料 汽车零部件
    """
)
GENERAL = _list(
    """
    贸易 商贸 物流 投资管理 企业管理咨询 文化传媒 建筑工程 装饰工程 食品 服饰 实业
    国际贸易 供应链管理 房地产开发 物业服务 餐饮管理 教育科技 农业科技
    """
)
# The last word of some trades is often left out when a company is spoken of.
_SHORT_TRADES = _list(
    """
    医疗器械:医疗 医疗科技:医疗 生物科技:生物 生物技术:生物 医药科技:医药 电子科技:电子
    机械设备:机械 新材料科技:新材料 环保科技:环保 光电科技:光电 生物医药:生物
    网络科技:网络 新能源科技:新能源 汽车零部件:汽配 国际贸易:国贸 商贸:商贸
    """
)
SHORT_TRADES = dict(pair.split(":") for pair in _SHORT_TRADES)
FORMS = (("有限公司", 78), ("有限责任公司", 8), ("股份有限公司", 9), ("集团有限公司", 5))

_TRADITIONAL = _list(
    """
    苏蘇 无無 锡錫 宁寧 东東 广廣 岛島 烟煙 台臺 潍濰 绵綿 汉漢 长長 阳陽 郑鄭 庆慶
    门門 芜蕪 陕陝 辽遼 连連 云雲 华華 鸿鴻 红紅 圣聖 胜勝 丽麗 圆圓 鸣鳴 杰傑 洁潔
    铠鎧 维維 诚誠 联聯 丰豐 锋鋒 亿億 帮幫 锦錦 晋晉 龙龍 汇匯 达達 远遠 飞飛 顺順
    伟偉 强強 润潤 创創 济濟 疗療 医醫 药藥 电電 术術 软軟 机機 设設 备備 动動 环環
    检檢 测測 导導 体體 仪儀 业業 诊診 断斷 网網 络絡 车車 贸貿 资資 询詢 传傳 筑築
    装裝 饰飾 国國 际際 应應 链鏈 产產 开開 发發 务務 饮飲 农農 学學 锐銳 贝貝 桦樺
    铭銘 凯凱 荣榮 庄莊 营營 实實 万萬 线線 师師
    """
)
TRADITIONAL = {pair[0]: pair[1] for pair in _TRADITIONAL}
"""Simplified → traditional, for the characters that occur above."""

SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华慧巧美婷雪琳晨宇浩凯健俊帆雅洁梅鹏飞鑫波斌辉"
TITLES = _list(
    """
    经理 主任 总 采购经理 科长 工程师
    """
)
MOBILE_PREFIXES = _list(
    """
    130 131 135 136 137 138 139 150 151 158 159 176 186 188
    """
)
AREA_CODES = {"北京": "010", "上海": "021", "天津": "022", "重庆": "023", "广州": "020", "南京": "025"}
DEFAULT_AREA_CODE = "0512"
