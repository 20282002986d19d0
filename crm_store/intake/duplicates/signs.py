"""What speaks for and against two records being one customer: each sign, its weight, and its sentence.

Adding a sign is adding one line here, and yielding it in ``scoring``.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Sign:
    """A sign. ``weight`` is added to the log-odds (natural logarithm) of "one customer".

    ``about`` names what the sentences show of each record as ``{left}`` and ``{right}``. A weight of 0
    decides nothing and is not told.
    """

    about: Literal["company", "credit_code", "email", "person", "phone", "place"]
    weight: float
    zh: str
    en: str


# Fellegi and Sunter's model of record linkage: log-odds that add up. The weights are those of a logistic
# regression over the pairs that meet by a key among 40,000 made-up leads of known truth, rounded to halves.
PRIOR = -3.0
"""The log-odds of two records that met by a key and show no sign at all."""

SIGNS: dict[str, Sign] = {
    "same_credit_code": Sign(
        "credit_code", 12, "统一社会信用代码相同：{left}", "the same unified social credit code: {left}"
    ),
    "other_credit_code": Sign(
        "credit_code",
        -2,
        "统一社会信用代码不同：{left}，{right}",
        "different unified social credit codes: {left}, {right}",
    ),
    "same_mobile": Sign("phone", 9, "手机号相同，尾号 {left}", "the same mobile number, ending in {left}"),
    "same_landline": Sign("phone", 3, "座机号相同，尾号 {left}", "the same landline, ending in {left}"),
    "other_phone": Sign(
        "phone",
        -0.5,
        "电话不同，尾号 {left} 与 {right}",
        "different telephones, ending in {left} and {right}",
    ),
    "same_email": Sign("email", 9, "邮箱相同：{left}", "the same e-mail: {left}"),
    "other_email": Sign("email", -0.5, "邮箱不同：{left}，{right}", "different e-mails: {left}, {right}"),
    "same_person": Sign("person", 3.5, "联系人同名：{left}", "contacts of the same name: {left}"),
    "same_title": Sign("person", 5, "联系人称呼相同：{left}", "contacts called the same: {left}"),
    "other_person": Sign("person", -1, "联系人不同：{left}，{right}", "different contacts: {left}, {right}"),
    "same_name": Sign(
        "company",
        4.5,
        "公司名称去掉地区和组织形式后相同：“{left}”与“{right}”",
        "the same company name apart from place and legal form: “{left}” and “{right}”",
    ),
    "same_sound": Sign(
        "company",
        2.5,
        "公司名称仅一字之差且同音：“{left}”与“{right}”",
        "company names that differ in one character of the same sound: “{left}” and “{right}”",
    ),
    "like_sound": Sign(
        "company",
        -2.5,
        "公司名称读音相同但不止一字不同：“{left}”与“{right}”",
        "company names that sound alike and differ in several characters: “{left}” and “{right}”",
    ),
    "slip": Sign(
        "company",
        5.5,
        "公司名称只是字序颠倒或重复一字：“{left}”与“{right}”",
        "company names with characters swapped or doubled: “{left}” and “{right}”",
    ),
    "typo_in_trade": Sign(
        "company",
        3,
        "公司字号相同，行业用词差一字：“{left}”与“{right}”",
        "the same brand, one character apart in the words of the trade: “{left}” and “{right}”",
    ),
    "typo_in_brand": Sign(
        "company",
        -1,
        "公司字号差一字：“{left}”与“{right}”",
        "brands one character apart: “{left}” and “{right}”",
    ),
    "short_name": Sign(
        "company",
        4,
        "一方是另一方公司名称的简称：“{left}”与“{right}”",
        "one company name is short for the other: “{left}” and “{right}”",
    ),
    "other_trade": Sign(
        "company",
        -4,
        "公司字号相同但行业不同：“{left}”与“{right}”",
        "the same brand in another trade: “{left}” and “{right}”",
    ),
    "other_number": Sign(
        "company",
        -4.5,
        "公司名称中的序号不同：“{left}”与“{right}”",
        "different numbers in the company names: “{left}” and “{right}”",
    ),
    "other_name": Sign(
        "company", -5, "公司名称不同：“{left}”与“{right}”", "different company names: “{left}” and “{right}”"
    ),
    "same_city": Sign("place", 3.5, "同在一个城市：{left}，{right}", "in the same city: {left}, {right}"),
    "same_province": Sign("place", 3, "所在地区相符：{left}，{right}", "places that agree: {left}, {right}"),
    "other_place": Sign("place", -9, "所在地区不同：{left}，{right}", "in different places: {left}, {right}"),
    "other_branch": Sign(
        "company",
        -11.5,
        "不是同一个分支机构：“{left}”与“{right}”",
        "not the same branch office: “{left}” and “{right}”",
    ),
}
