"""Invented names. None of them is meant to be anyone's; phones use a prefix that no carrier has opened."""

import numpy as np

from pipelines.demo_company.world.arrays import Ints, Rng, Words, pick, words
from pipelines.demo_company.world.market import CITIES, CUSTOMER_KINDS

_FIRST = "澜岚栖谷砚沐屿棠霁筠溪漪榆苓峤朔翊昀璟珩"
_SECOND = "岫禾澄川森陌辰穗浔屹桓蔚泽宁岑和远舟安启"
_BRANDS = words([a + b for a in _FIRST for b in _SECOND])
_SURNAMES = words(list("林周许何沈韩杨朱秦尤吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛范彭郎"))
_GIVEN = words([a + b for a in ("", *"晓文嘉思雨俊海明若子") for b in "岚桐宁哲远琪舟妍凯然楠"])
_PHONE_PREFIX = "169"
_RIVALS = ("瑞沐医疗", "康岑器械", "恒朔医疗", "佑溪生物")
RIVALS = words(list(_RIVALS))


def companies(rng: Rng, kind: Ints, city: Ints) -> Words:
    """Return a company name for each customer: its city, an invented word, and what it is."""
    brand = pick(rng, _BRANDS, len(kind))
    roll = rng.integers(0, 1_000_000, len(kind))
    return words(
        [
            f"{CITIES[c]}{b}{CUSTOMER_KINDS[k][4][r % len(CUSTOMER_KINDS[k][4])]}"
            for k, c, b, r in zip(kind.tolist(), city.tolist(), brand.tolist(), roll.tolist(), strict=True)
        ]
    )


def people(rng: Rng, size: int) -> Words:
    """Return names of persons."""
    return np.asarray(pick(rng, _SURNAMES, size) + pick(rng, _GIVEN, size))


def phones(rng: Rng, size: int) -> Words:
    """Return mobile numbers of eleven digits."""
    return words([f"{_PHONE_PREFIX}{tail:08d}" for tail in rng.integers(0, 100_000_000, size).tolist()])


def mistype_company(rng: Rng, names: Words) -> Words:
    """Return the names as someone else would have entered them."""
    how = rng.integers(0, 5, len(names))
    return words([_other_spelling(name, way) for name, way in zip(names.tolist(), how.tolist(), strict=True)])


def mistype_phone(rng: Rng, numbers: Words) -> Words:
    """Return the same numbers written differently, and now and then another number of that company."""
    how = rng.integers(0, 5, len(numbers))
    other = phones(rng, len(numbers))
    return words(
        [
            (f"+86 {n}", f"{n[:3]}-{n[3:7]}-{n[7:]}", f"{n[:3]} {n[3:7]} {n[7:]}", n, o)[way]
            for n, o, way in zip(numbers.tolist(), other.tolist(), how.tolist(), strict=True)
        ]
    )


def _other_spelling(name: str, way: int) -> str:
    city, rest = name[:2], name[2:]
    return (
        f"{city}市{rest}",
        rest.removesuffix("有限公司"),
        name.removesuffix("有限公司") + " ",
        f"{rest}（{city}）",
        name.replace("医疗器械", "医疗").replace("综合医院", "医院"),
    )[way]
