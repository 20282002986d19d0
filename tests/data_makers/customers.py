"""Made-up customers, and for each the kinds of other customers that resemble it."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tests.data_makers import company_words as words

_HOSPITAL_SHARE = 0.08
_CODE_CHARACTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CODE_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
# A few characters start very many names: the n-th is chosen about as often as 1/√n.
_BRAND_WEIGHTS = [1 / (rank**0.5) for rank in range(1, len(words.BRAND_CHARACTERS) + 1)]


@dataclass(frozen=True)
class Person:
    """Somebody at a customer."""

    name: str
    mobile: str
    email: str


@dataclass(frozen=True)
class Customer:
    """A legal entity. ``pattern`` puts its name together; ``kind`` says what it was made to resemble."""

    number: int
    kind: str
    place: tuple[str, str]
    brand: str
    trade: str
    form: str
    pattern: str
    credit_code: str
    people: tuple[Person, ...]
    switchboard: str

    @property
    def name(self) -> str:
        """The name on its papers."""
        province, city = self.place
        return self.pattern.format(
            province=province, city=city, brand=self.brand, trade=self.trade, form=self.form
        )

    @property
    def is_numbered(self) -> bool:
        """Whether only a number tells its name from its neighbours', as with municipal hospitals."""
        return self.pattern.startswith("{city}市第")

    @property
    def identity(self) -> tuple[str, ...]:
        """What no two customers share: brand and trade within a province, or a numbered name."""
        if self.is_numbered or "分公司" in self.pattern:
            return (self.name,)
        return self.place[0], self.brand, self.trade


NUMBERS = "一二三四五六七八九"
PLAIN = "{city}{brand}{trade}{form}"
PATTERNS = (
    (PLAIN, 50),
    ("{city}市{brand}{trade}{form}", 10),
    ("{province}{brand}{trade}{form}", 14),
    ("{brand}{trade}（{city}）{form}", 8),
    ("{brand}（{city}）{trade}{form}", 4),
    ("{brand}{trade}{form}", 14),
)
HOSPITALS = (
    ("{city}市第{brand}人民医院", 5),
    ("{city}{brand}医院", 4),
    ("{province}{brand}骨科医院", 1),
)


class World:
    """Makes customers no two of which have the same name at one place."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self._taken: set[tuple[str, ...]] = set()
        self._number = 0

    def new_customer(self) -> Customer:
        """Return a customer with one to four people."""
        return self._first_free(self._customer)

    def lookalike(self, customer: Customer) -> Customer:
        """Return another customer that resembles this one in a way of ``LOOKALIKES``."""
        if customer.is_numbered:
            kinds = ["next_number", "front_desk"]
        elif customer.trade:
            kinds = [kind for kind in LOOKALIKES if kind != "next_number"]
        else:
            kinds = ["front_desk"]
        return self._first_free(lambda: self._resembling(self.chance.choice(kinds), customer))

    def _first_free(self, draw: Callable[[], Customer]) -> Customer:
        while (customer := draw()).identity in self._taken:
            pass
        self._taken.add(customer.identity)
        self._number += 1
        return customer

    def _resembling(self, kind: str, customer: Customer) -> Customer:
        return replace(LOOKALIKES[kind](self.chance, customer, self._customer()), kind=kind)

    def _customer(self) -> Customer:
        chance, place = self.chance, self.chance.choice(words.PLACES)
        if chance.random() < _HOSPITAL_SHARE:
            pattern = _weighted(chance, HOSPITALS)
            brand = chance.choice(NUMBERS) if "第" in pattern else new_brand(chance)
            trade = form = ""
        else:
            pattern, form = _weighted(chance, PATTERNS), _weighted(chance, words.FORMS)
            brand, trade = new_brand(chance), chance.choice(words.TECHNICAL + words.GENERAL)
        people = tuple(new_person(chance, f"c{self._number}.cn") for _ in range(chance.randint(1, 4)))
        board, code = new_switchboard(chance, place[1]), new_credit_code(chance)
        return Customer(self._number, "base", place, brand, trade, form, pattern, code, people, board)


def _branch(chance: random.Random, customer: Customer, fresh: Customer) -> Customer:
    """A branch office, which buys for itself; often reached by the company's switchboard."""
    board = customer.switchboard if chance.random() < 0.3 else fresh.switchboard
    other = _named_like(customer, fresh, place=fresh.place, switchboard=board)
    return replace(other, pattern=f"{customer.name}{fresh.place[1]}分公司")


def _numbered_branch(chance: random.Random, customer: Customer, fresh: Customer) -> Customer:
    return _named_like(customer, fresh, pattern=f"{customer.name}第{chance.choice('一二三')}分公司")


def _other_city(chance: random.Random, customer: Customer, fresh: Customer) -> Customer:
    """The same core name in another province: somebody else, or a sister company."""
    others = [place for place in words.PLACES if place[0] != customer.place[0]]
    return _named_like(customer, fresh, place=chance.choice(others), pattern=PLAIN)


def _front_desk(chance: random.Random, customer: Customer, fresh: Customer) -> Customer:
    """A neighbour in the same building who shares the telephone of the front desk."""
    return replace(fresh, switchboard=customer.switchboard)


def _other_entity(chance: random.Random, customer: Customer, fresh: Customer) -> Customer:
    """Another legal entity of the same brand and place, in a different trade."""
    trades = words.GENERAL if customer.trade in words.TECHNICAL else words.TECHNICAL
    return _named_like(customer, fresh, trade=chance.choice(trades), pattern=PLAIN)


def _near_brand(chance: random.Random, customer: Customer, fresh: Customer) -> Customer:
    """A competitor in the same trade and city whose brand has one character more, or another one.

    The other character neither sounds nor looks like the one in its place.
    """
    brand = customer.brand
    if chance.random() < 0.3:
        return _named_like(customer, fresh, brand=brand + chance.choice(words.BRAND_CHARACTERS))
    position = chance.randrange(len(brand))
    mine = brand[position]
    others = [
        other
        for other in words.BRAND_CHARACTERS
        if other != mine and not any(other in group and mine in group for group in _ALIKE)
    ]
    return _named_like(
        customer, fresh, brand=brand[:position] + chance.choice(others) + brand[position + 1 :]
    )


def _next_number(chance: random.Random, customer: Customer, fresh: Customer) -> Customer:
    return _named_like(customer, fresh, brand=chance.choice([n for n in NUMBERS if n != customer.brand]))


def _named_like(customer: Customer, fresh: Customer, **changes: Any) -> Customer:
    """Return a new customer with the name and place of another, but for some changes."""
    alike = replace(
        fresh,
        place=customer.place,
        brand=customer.brand,
        trade=customer.trade,
        form=customer.form,
        pattern=customer.pattern,
    )
    return replace(alike, **changes)


_ALIKE = (*words.HOMOPHONES, *words.LOOK_ALIKES)
LOOKALIKES: dict[str, Callable[[random.Random, Customer, Customer], Customer]] = {
    "branch": _branch,
    "numbered_branch": _numbered_branch,
    "other_city": _other_city,
    "front_desk": _front_desk,
    "other_entity": _other_entity,
    "near_brand": _near_brand,
    "next_number": _next_number,
}
"""Ways in which another customer resembles one, by kind."""


def new_brand(chance: random.Random) -> str:
    """Return a brand of two to four characters; some are far more common than others."""
    length = chance.choices((2, 3, 4), (70, 22, 8))[0]
    return "".join(chance.choices(words.BRAND_CHARACTERS, _BRAND_WEIGHTS, k=length))


def new_person(chance: random.Random, domain: str) -> Person:
    """Return a person; one in six is known by surname and title only."""
    surname = chance.choice(words.SURNAMES)
    if chance.random() < 1 / 6:
        name = surname + chance.choice(words.TITLES)
    else:
        name = surname + "".join(chance.choices(words.GIVEN, k=chance.choice((1, 2, 2))))
    return Person(name, new_mobile(chance), f"u{chance.getrandbits(30):x}@{domain}")


def new_mobile(chance: random.Random) -> str:
    """Return a mobile number of mainland China, as digits."""
    return f"{chance.choice(words.MOBILE_PREFIXES)}{chance.randrange(10**8):08d}"


def new_switchboard(chance: random.Random, city: str) -> str:
    """Return a landline number of a city."""
    area = words.AREA_CODES.get(city, words.DEFAULT_AREA_CODE)
    return f"{area}-{chance.randrange(2, 9)}{chance.randrange(10**7):07d}"


def new_credit_code(chance: random.Random) -> str:
    """Return a unified social credit code with its right check character (GB 32100-2015)."""
    body = "91" + "".join(chance.choices("0123456789", k=6)) + "".join(chance.choices(_CODE_CHARACTERS, k=9))
    total = sum(_CODE_CHARACTERS.index(c) * w for c, w in zip(body, _CODE_WEIGHTS, strict=True))
    return body + _CODE_CHARACTERS[(31 - total % 31) % 31]


def _weighted(chance: random.Random, options: tuple[tuple[str, int], ...]) -> str:
    return chance.choices([value for value, _ in options], [weight for _, weight in options])[0]
