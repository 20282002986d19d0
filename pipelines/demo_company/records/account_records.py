"""Versions of accounts and of the people there."""

from typing import Any

import numpy as np

from pipelines.demo_company import Version
from pipelines.demo_company.account_life.accounts import Accounts, tier_of
from pipelines.demo_company.account_life.terms import Terms
from pipelines.demo_company.records.versions import Book
from pipelines.demo_company.world.arrays import NEVER, Ints, Rng, Words, lognormal, pick_index
from pipelines.demo_company.world.clock import Clock
from pipelines.demo_company.world.market import CITIES, KIND_SIZE, KINDS, PROVINCE_NAMES, TITLES
from pipelines.demo_company.world.names import people, phones
from pipelines.demo_company.world.reps import Reps, route

_NEW_OWNER = 0.06
# decision weight by title, as in market.TITLES
_WEIGHT = np.array([45, 60, 70, 20, 90, 55, 35, 85])
_MAX_CONTACTS = 4


def account_versions(
    rng: Rng, clock: Clock, accounts: Accounts, terms: Terms, reps: Reps, rep_ids: Words
) -> list[Version]:
    """Return the versions of accounts: opened, renewed at another amount, handed to another owner."""
    count = accounts.count
    opened = clock.moments(accounts.since)
    owner = rep_ids[accounts.owner]
    hired = reps.hired[accounts.owner]
    late, taken_over = hired > accounts.since, clock.moments(hired)
    other = rep_ids[route(rng, reps, accounts.province, accounts.line, exclude=accounts.owner)]
    moved_day = np.maximum(accounts.since, 0.0) + rng.uniform(30, 540, count)
    moved = clock.moments(np.where(rng.random(count) < _NEW_OWNER, moved_day, NEVER))
    first = _first_fields(rng, accounts)
    renewals = _renewals(rng, clock, accounts, terms)
    book = Book("account", clock.now)
    for index in range(count):
        owned = {"owner_id": owner[index]}
        start = first[index] if late[index] else owned | first[index]
        entries = [(opened[index], start), (taken_over[index], owned if late[index] else {})]
        book.write(index, [*entries, *renewals.get(index, []), (moved[index], {"owner_id": other[index]})])
    return book.rows


def _first_fields(rng: Rng, accounts: Accounts) -> list[dict[str, Any]]:
    count = accounts.count
    staff = lognormal(rng, 160, 0.7, count) * np.exp(0.9 * KIND_SIZE[accounts.kind])
    columns: dict[str, list[Any]] = {
        "name": accounts.name.tolist(),
        "industry": _some(rng, KINDS[accounts.kind].tolist(), 0.95),
        "region": PROVINCE_NAMES[accounts.province].tolist(),
        "city": _some(rng, CITIES[accounts.city].tolist(), 0.92),
        "tier": tier_of(accounts.amount, accounts.margin).tolist(),
        "employees": _some(rng, np.maximum(3, staff.astype(np.int64)).tolist(), 0.7),
        "annual_amount": accounts.amount.tolist(),
    }
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _some(rng: Rng, values: list[Any], share: float) -> list[Any]:
    """Return the values with only that share of them known, the others None."""
    known = (rng.random(len(values)) < share).tolist()
    return [value if yes else None for value, yes in zip(values, known, strict=True)]


def _renewals(
    rng: Rng, clock: Clock, accounts: Accounts, terms: Terms
) -> dict[int, list[tuple[Any, dict[str, Any]]]]:
    """Return per account the amounts agreed on renewal, less where there was trouble, with their tier."""
    own = np.flatnonzero(terms.renewed & (terms.share > 0.5) & (terms.closed > 0))
    account = terms.account[own]
    drift = np.exp(0.04 - 0.08 * np.clip(terms.risk[own], -2, 2) + 0.12 * rng.standard_normal(len(own)))
    amount = np.round(accounts.amount[account] * drift, -2)
    tier = tier_of(amount, accounts.margin[account])
    out: dict[int, list[tuple[Any, dict[str, Any]]]] = {}
    for who, at, money, grade in zip(
        account.tolist(), clock.moments(terms.closed[own]), amount.tolist(), tier.tolist(), strict=True
    ):
        out.setdefault(who, []).append((at, {"annual_amount": money, "tier": grade}))
    return out


def contact_versions(rng: Rng, clock: Clock, accounts: Accounts, account_ids: Words) -> list[Version]:
    """Return the people at the accounts, one to four each; some change their role later."""
    account = np.repeat(np.arange(accounts.count), rng.integers(1, _MAX_CONTACTS + 1, accounts.count))
    size = len(account)
    since = accounts.since[account] + np.abs(rng.normal(0, 40, size))
    title, later = pick_index(rng, [1.0] * len(TITLES), size), pick_index(rng, [1.0] * len(TITLES), size)
    changed_day = np.maximum(since, 0) + rng.uniform(20, 520, size)
    changed = clock.moments(np.where((rng.random(size) < 0.05) & (later != title), changed_day, NEVER))
    weight, new_weight = _weights(rng, title), _weights(rng, later)
    name, phone = people(rng, size), phones(rng, size)
    mail = rng.random(size) < 0.6
    book = Book("contact", clock.now)
    for index, met in enumerate(clock.moments(since)):
        person = {
            "account_id": account_ids[account[index]],
            "name": name[index],
            "title": TITLES[title[index]],
            "phone": phone[index],
            "weight": weight[index],
        }
        if mail[index]:
            person["email"] = f"contact{index + 1:05d}@example.com"
        promoted = {"title": TITLES[later[index]], "weight": new_weight[index]}
        book.write(index, [(met, person), (changed[index], promoted)])
    return book.rows


def _weights(rng: Rng, title: Ints) -> list[int]:
    drawn: list[int] = (
        np.clip(np.round(_WEIGHT[title] + rng.normal(0, 10, len(title))), 0, 100).astype(int).tolist()
    )
    return drawn
