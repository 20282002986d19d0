"""Leads with known duplicates: which of them are one customer is known, and so is what makes it hard to see.

A customer is one legal entity or hospital, at one place. A duplicate is another lead of the same customer,
entered in its own way. Beside them stand customers that look alike and are not the same: the hard negatives.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from tests.data_makers import spoiling
from tests.data_makers.customers import Customer, Person, World

Fields = dict[str, Any]

DUPLICATE_SHARE = 0.26
"""How many of all leads are a second, third … lead of a customer that is there already."""
LOOKALIKE_SHARE = 0.25
"""How many customers have a sibling, neighbour or namesake that must not be taken for them."""
SAME_PERSON = 0.6
"""How often the same person asks again, and not a colleague."""


@dataclass(frozen=True)
class Made:
    """One lead: its fields, the customer it truly belongs to, and what was done to it.

    ``kind`` is ``base`` for the first lead of a customer, a key of ``DUPLICATES`` for a further one, and a
    kind of look-alike for the first lead of a customer that resembles another.
    """

    id: str
    fields: Fields
    customer: int
    kind: str


def make_leads(count: int, seed: int) -> Iterator[Made]:
    """Yield ``count`` leads; the same seed gives the same leads.

    A customer's leads and its look-alike come one after the other; the ids are random.
    """
    world = World(random.Random(seed))
    made = 0
    while made < count:
        for one in _family(world):
            if made == count:
                return
            yield one
            made += 1


def true_pairs(leads: list[Made]) -> dict[tuple[str, str], str]:
    """Return every pair of leads of one customer (smaller id first) and the kind of its later lead."""
    pairs: dict[tuple[str, str], str] = {}
    for position, later in enumerate(leads):
        # A customer's leads stand together, so the search back is short.
        for earlier in leads[max(0, position - 8) : position]:
            if earlier.customer == later.customer:
                pairs[min(earlier.id, later.id), max(earlier.id, later.id)] = later.kind
    return pairs


def _family(world: World) -> Iterator[Made]:
    """Yield a customer's leads, and the first lead of another customer that looks like it."""
    chance, customer = world.chance, world.new_customer()
    other = world.lookalike(customer) if chance.random() < LOOKALIKE_SHARE else None
    at_front_desk = other is not None and other.kind == "front_desk"
    person = chance.choice(customer.people)
    first = lead_of(chance, customer, person, switchboard=at_front_desk)
    entered = [("base", first)]
    while chance.random() < DUPLICATE_SHARE:
        kind = chance.choice(list(DUPLICATES))
        again = person if chance.random() < SAME_PERSON else chance.choice(customer.people)
        entered.append((kind, DUPLICATES[kind](chance, customer, again, first)))
    for kind, fields in entered:
        yield _made(chance, fields, customer.number, kind)
    if other is not None:
        someone = chance.choice(other.people)
        fields = lead_of(chance, other, someone, switchboard=other.kind == "front_desk")
        yield _made(chance, fields, other.number, other.kind)


def _made(chance: random.Random, fields: Fields, customer: int, kind: str) -> Made:
    given = {name: value for name, value in fields.items() if value is not None}
    return Made(f"lea_{chance.getrandbits(96):024x}", given, customer, kind)


def lead_of(
    chance: random.Random, customer: Customer, person: Person, *, switchboard: bool = False
) -> Fields:
    """Return what a lead of this customer holds when it was entered with care."""
    province, city = customer.place
    has_place = chance.random() < 0.6
    reached = customer.switchboard if chance.random() < 0.1 else person.mobile
    return {
        "company": customer.name,
        "contact_name": person.name if chance.random() < 0.85 else None,
        "phone": customer.switchboard if switchboard else reached if chance.random() < 0.85 else None,
        "email": person.email if chance.random() < 0.35 else None,
        "credit_code": customer.credit_code if chance.random() < 0.15 else None,
        "region": province if has_place else None,
        "city": city if has_place else None,
    }


def _respelled(spell: Callable[[random.Random, Customer], str]) -> Any:
    """Return a way to enter a customer again that spells its name differently."""

    def enter(chance: random.Random, customer: Customer, person: Person, first: Fields) -> Fields:
        return lead_of(chance, customer, person) | {"company": spell(chance, customer)}

    return enter


def _same_again(chance: random.Random, customer: Customer, person: Person, first: Fields) -> Fields:
    return dict(first)


def _phone_only(chance: random.Random, customer: Customer, person: Person, first: Fields) -> Fields:
    number = first["phone"] = first["phone"] or person.mobile
    return {"phone": spoiling.phone(chance, number), "contact_name": first["contact_name"]}


def _phone_format(chance: random.Random, customer: Customer, person: Person, first: Fields) -> Fields:
    again = lead_of(chance, customer, person) | {"contact_name": first["contact_name"]}
    number = first["phone"] = first["phone"] or person.mobile
    return again | {"phone": spoiling.phone(chance, number)}


def _email(chance: random.Random, customer: Customer, person: Person, first: Fields) -> Fields:
    """The same person by e-mail, from another telephone, and the company by its short name or not at all."""
    address = first["email"] = first["email"] or person.email
    return {
        "email": chance.choice((address.upper(), f" {address}", address)),
        "company": chance.choice((None, spoiling.short_name(chance, customer))),
        "contact_name": chance.choice((None, first["contact_name"])),
        "phone": spoiling.new_mobile(chance),
    }


def _renamed(chance: random.Random, customer: Customer, person: Person, first: Fields) -> Fields:
    """A company that took another name and kept its credit code."""
    first["credit_code"] = customer.credit_code
    other = replace(customer, brand=spoiling.new_brand(chance))
    return lead_of(chance, other, person) | {"credit_code": customer.credit_code.lower()}


def _contact_and_company(chance: random.Random, customer: Customer, person: Person, first: Fields) -> Fields:
    """The same person from another telephone, the company by its short name."""
    again = lead_of(chance, customer, person)
    name = first["contact_name"] = first["contact_name"] or person.name
    return again | {
        "contact_name": name,
        "phone": spoiling.new_mobile(chance),
        "email": None,
        "company": spoiling.short_name(chance, customer),
    }


DUPLICATES: dict[str, Callable[[random.Random, Customer, Person, Fields], Fields]] = {
    "same_again": _same_again,
    "phone_only": _phone_only,
    "phone_format": _phone_format,
    "email": _email,
    "credit_code": _renamed,
    "contact_and_company": _contact_and_company,
    "suffix": _respelled(spoiling.other_suffix),
    "region": _respelled(spoiling.other_region),
    "brackets": _respelled(spoiling.other_brackets),
    "traditional": _respelled(spoiling.traditional),
    "homophone": _respelled(spoiling.homophone),
    "wrong_character": _respelled(spoiling.wrong_character),
    "missing_character": _respelled(spoiling.missing_character),
    "doubled_character": _respelled(spoiling.doubled_character),
    "swapped_characters": _respelled(spoiling.swapped_characters),
}
"""How a customer comes to be entered again, by kind."""
