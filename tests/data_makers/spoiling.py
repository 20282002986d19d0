"""How names and telephone numbers are entered differently from what the papers say."""

import random
from collections.abc import Callable
from dataclasses import replace

from tests.data_makers import company_words as words
from tests.data_makers.customers import Customer, new_brand, new_mobile

__all__ = ["new_brand", "new_mobile"]

_FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
_HOMOPHONES = {one: group for group in words.HOMOPHONES for one in group}
_LOOK_ALIKES = {one: group for group in words.LOOK_ALIKES for one in group}


def phone(chance: random.Random, number: str) -> str:
    """Return the same number, written another way."""
    digits = number.replace("-", "")
    if digits.startswith("0"):
        area = len(number.split("-")[0]) if "-" in number else 3
        return chance.choice((digits, f"({digits[:area]}){digits[area:]}", f"+86 {digits[1:]}"))
    spaced = f"{digits[:3]} {digits[3:7]} {digits[7:]}"
    ways = (spaced, spaced.replace(" ", "-"), f"+86 {digits}", f"0086{digits}", digits.translate(_FULL_WIDTH))
    return chance.choice(ways)


def short_name(chance: random.Random, customer: Customer) -> str:
    """Return the name as it is spoken: brand and the short word of the trade, sometimes the city."""
    if not customer.trade:
        return customer.name
    city = chance.choice(("", "", customer.place[1]))
    return f"{city}{customer.brand}{words.SHORT_TRADES.get(customer.trade, customer.trade)}"


def other_suffix(chance: random.Random, customer: Customer) -> str:
    """Leave the legal form out, cut it short, or take another word for it."""
    if not customer.form:
        return customer.name + chance.choice(("骨科", "设备科", "信息科"))
    return replace(customer, form=chance.choice(("", "公司", "有限公司", "有限责任公司", "有限公司 "))).name


def other_region(chance: random.Random, customer: Customer) -> str:
    """Name the place otherwise, elsewhere in the name, or not at all."""
    if not customer.trade:
        return customer.name.replace("市第", "第")
    patterns = [
        "{brand}{trade}{form}",
        "{city}{brand}{trade}{form}",
        "{province}{city}{brand}{trade}{form}",
        "{province}省{city}市{brand}{trade}{form}",
        "{brand}{trade}({city}){form}",
    ]
    if customer.place[0] == customer.place[1]:
        patterns[2:4] = ["{city}市{brand}{trade}{form}"]
    return replace(customer, pattern=chance.choice([p for p in patterns if p != customer.pattern])).name


def other_brackets(chance: random.Random, customer: Customer) -> str:
    """Put marks, spaces or a note where the name has none."""
    name = customer.name
    at = chance.randrange(2, len(name))
    return chance.choice(
        (
            f"【{name}】",
            f"{name}（总部）",
            f"{name[:at]} {name[at:]}",
            f"{name}。",
            f"“{name}”",
            name.replace("（", "(").replace("）", ")") + " ",
        )
    )


def traditional(chance: random.Random, customer: Customer) -> str:
    """Write the name in traditional characters."""
    return "".join(words.TRADITIONAL.get(one, one) for one in customer.name)


def homophone(chance: random.Random, customer: Customer) -> str:
    """Take a character of the same sound, as an input method offers it."""
    return _replaced(chance, customer, _HOMOPHONES)


def wrong_character(chance: random.Random, customer: Customer) -> str:
    """Take a character that looks alike, or now and then any other."""
    if chance.random() < 0.7:
        return _replaced(chance, customer, _LOOK_ALIKES)
    return _at_random(chance, customer, lambda one: chance.choice(words.BRAND_CHARACTERS))


def missing_character(chance: random.Random, customer: Customer) -> str:
    """Leave one character of brand or trade out."""
    return _at_random(chance, customer, lambda one: "")


def doubled_character(chance: random.Random, customer: Customer) -> str:
    """Write one character of brand or trade twice."""
    return _at_random(chance, customer, lambda one: one + one)


def swapped_characters(chance: random.Random, customer: Customer) -> str:
    """Swap two neighbours within brand and trade."""
    text = customer.brand + customer.trade
    if len(text) < 2:
        return customer.name
    at = chance.randrange(len(text) - 1)
    swapped = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return _with_text(customer, swapped)


def _replaced(chance: random.Random, customer: Customer, groups: dict[str, str]) -> str:
    places = [at for at, one in enumerate(customer.brand) if one in groups]
    if not places:
        return replace(customer, form=customer.form and "有限公司").name
    at = chance.choice(places)
    one = customer.brand[at]
    other = chance.choice([c for c in groups[one] if c != one])
    return _with_text(customer, customer.brand[:at] + other + customer.brand[at + 1 :] + customer.trade)


def _at_random(chance: random.Random, customer: Customer, change: Callable[[str], str]) -> str:
    """Change one character of brand or trade; the number of a hospital is never mistyped unnoticed."""
    text = customer.brand + customer.trade
    if len(text) < 2:
        return customer.name
    at = chance.randrange(len(text))
    return _with_text(customer, text[:at] + change(text[at]) + text[at + 1 :])


def _with_text(customer: Customer, text: str) -> str:
    """Return the name with other characters in brand and trade, split where they were."""
    at = len(customer.brand)
    return replace(customer, brand=text[:at], trade=text[at:]).name
