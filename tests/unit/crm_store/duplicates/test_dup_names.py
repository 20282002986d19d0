"""Company names: what two spellings have in common, and how they are told apart."""

import pytest

from crm_store.intake.duplicates.names import Likeness, Name, likeness, read_name
from crm_store.intake.duplicates.sounds import syllables

# Two names, and what they are to each other.
ALIKE = [
    ("江苏恒瑞医疗器械有限公司", "恒瑞医疗器械", "same_name"),
    ("恒瑞医疗器械有限公司", "江蘇恆瑞醫療器械有限公司", "same_name"),
    ("恒瑞医疗器械有限责任公司", "恒瑞医疗器械（苏州）股份有限公司", "same_name"),
    ("【恒瑞医疗器械有限公司】", "恒瑞 医疗器械有限公司（总部）", "same_name"),
    ("昆明市第九人民医院", "昆明市第九人民医院骨科", "same_name"),
    ("苏州恒瑞医疗器械有限公司", "苏州恒锐医疗器械有限公司", "same_sound"),
    ("苏州恒瑞医疗器械有限公司", "苏州衡锐医疗器械有限公司", "like_sound"),
    ("苏州恒瑞医疗器械有限公司", "苏州恒瑞瑞医疗器械有限公司", "slip"),
    ("苏州恒瑞医疗器械有限公司", "苏州恒瑞医疗械器有限公司", "slip"),
    ("苏州恒瑞康医疗器械有限公司", "苏州瑞恒康医疗器械有限公司", "slip"),
    ("苏州恒瑞医疗器械有限公司", "苏州恒瑞医疗琴械有限公司", "typo_in_trade"),
    ("苏州恒瑞物业服务有限公司", "苏州恒瑞业服务有限公司", "typo_in_trade"),
    ("苏州恒瑞医疗器械有限公司", "苏州恒瑞医疗器有限公司", "short_name"),
    ("苏州恒瑞医疗器械有限公司", "恒瑞医疗", "short_name"),
    ("苏州恒瑞国际贸易有限公司", "恒瑞国贸", "short_name"),
    ("苏州恒瑞医疗器械有限公司", "恒瑞", "short_name"),
    ("苏州恒瑞医疗器械有限公司", "苏州恒康医疗器械有限公司", "typo_in_brand"),
    ("苏州恒瑞医疗器械有限公司", "苏州恒瑞康医疗器械有限公司", "typo_in_brand"),
    ("苏州恒瑞医疗器械有限公司", "苏州瑞恒医疗器械有限公司", "typo_in_brand"),
    ("苏州恒瑞医疗器械有限公司", "苏州恒瑞物流有限公司", "other_trade"),
    ("苏州恒瑞实业有限公司", "苏州恒瑞食品有限公司", "other_trade"),
    ("昆明市第九人民医院", "昆明市第六人民医院", "other_number"),
    ("苏州恒瑞医疗器械有限公司", "苏州恒瑞医院", "other_trade"),
    ("苏州恒瑞医疗器械有限公司", "苏州美迪医疗器械有限公司", "other_name"),
]


@pytest.mark.parametrize(("left", "right", "expected"), ALIKE)
def test_two_names_are_alike_in_one_way(left: str, right: str, expected: Likeness) -> None:
    assert likeness(name(left), name(right)) == expected
    assert likeness(name(right), name(left)) == expected


@pytest.mark.parametrize(
    ("text", "brand", "trade"),
    [
        ("苏州恒瑞医疗器械有限公司", "恒瑞", "医疗器械"),
        ("恒瑞康供应链管理有限公司", "恒瑞康", "供应链管理"),
        ("恒瑞", "恒瑞", ""),
        ("科技恒瑞有限公司", "科技恒瑞", ""),
        ("永盛螺丝厂", "永盛螺丝", "厂"),
        ("杭州瑞科医院", "瑞科", "医院"),
    ],
)
def test_a_name_is_brand_and_trade(text: str, brand: str, trade: str) -> None:
    assert (name(text).brand, name(text).trade) == (brand, trade)


def test_a_branch_is_kept_apart_from_the_name() -> None:
    whole, branch = name("南京恒瑞医疗器械有限公司"), name("南京恒瑞医疗器械有限公司苏州分公司")
    assert branch.core == whole.core
    assert (whole.branch, branch.branch) == ("", "苏州分公司")


@pytest.mark.parametrize("text", ["", "无", "测试", "科技有限公司", "。。。"])
def test_what_names_nobody_is_no_name(text: str) -> None:
    assert read_name(text) is None


def test_sounds_that_people_confuse_when_typing_are_one() -> None:
    assert syllables("恒瑞") == syllables("恒锐") == syllables("痕瑞")
    assert syllables("上森") == syllables("桑生")
    assert syllables("华为") != syllables("花卉")


def test_letters_and_digits_sound_like_themselves() -> None:
    assert syllables("AB3恒") == ("a", "b", "3", *syllables("恒"))


def name(text: str) -> Name:
    read = read_name(text)
    assert read is not None
    return read[0]
