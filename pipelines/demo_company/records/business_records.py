"""Versions of opportunities, contracts and tickets."""

import numpy as np

from pipelines.demo_company import Version
from pipelines.demo_company.account_life.accounts import Accounts
from pipelines.demo_company.account_life.requests import CATEGORIES
from pipelines.demo_company.account_life.terms import Terms
from pipelines.demo_company.account_life.tickets import Tickets
from pipelines.demo_company.lead_life.handling import Handling
from pipelines.demo_company.lead_life.leads import Leads
from pipelines.demo_company.lead_life.outcomes import Outcomes
from pipelines.demo_company.records.keys import record_ids
from pipelines.demo_company.records.versions import Book
from pipelines.demo_company.world.arrays import NEVER, NOBODY, Rng, Words, lognormal
from pipelines.demo_company.world.clock import MINUTE, Clock
from pipelines.demo_company.world.market import KIND_SIZE, LINES

_PLANNED_DAYS = 30.0


def opportunity_versions(
    rng: Rng,
    clock: Clock,
    leads: Leads,
    handling: Handling,
    outcomes: Outcomes,
    account_of_lead: Words,
    rep_ids: Words,
) -> list[Version]:
    """Return one opportunity per qualified lead; the account is filled in when it is won, or known before."""
    lead = np.flatnonzero(outcomes.qualified < outcomes.closed)
    count, closed = len(lead), outcomes.closed[lead]
    opened = np.minimum(outcomes.qualified[lead] + rng.exponential(20 * MINUTE, count), closed)
    proposed = opened + rng.uniform(1, 8, count)
    bargained = proposed + rng.uniform(1, 9, count)
    amount = np.round(lognormal(rng, 60_000, 0.9, count) * np.exp(0.5 * KIND_SIZE[leads.kind[lead]]), -2)
    times = [opened, *(np.where(t < closed, t, NEVER) for t in (proposed, bargained)), closed]
    moments = [clock.moments(t) for t in [*times, opened + _PLANNED_DAYS]]
    owner, won = rep_ids[handling.owner_at(lead, opened)], outcomes.is_won[lead]
    lead_ids = record_ids("lead", leads.count)
    book = Book("opportunity", clock.now)
    for index, (start, offer, talk, end, planned) in enumerate(zip(*moments, strict=True)):
        one = lead[index]
        known = account_of_lead[one] if leads.customer[one] != NOBODY else None
        first = {
            "owner_id": owner[index],
            "account_id": known,
            "lead_id": lead_ids[one],
            "title": f"{LINES[leads.line[one]]}采购项目",
            "stage": "need_confirmed",
            "amount": float(amount[index]),
            "expected_close_at": planned,
        }
        last = {"stage": "won" if won[index] else "lost", "closed_at": end}
        if won[index] and known is None:
            last["account_id"] = account_of_lead[one]
        entries = [(start, first), (offer, {"stage": "proposal"}), (talk, {"stage": "negotiation"})]
        book.write(index, [*entries, (end, last)])
    return book.rows


def contract_versions(
    rng: Rng, clock: Clock, accounts: Accounts, terms: Terms, account_ids: Words
) -> list[Version]:
    """Return the contracts in order of signing: signed, then renewed or lapsed."""
    order = np.argsort(terms.signed, kind="stable")
    years = (terms.end - terms.start) / 365.0
    amount = accounts.amount[terms.account] * terms.share * years * lognormal(rng, 1.0, 0.1, len(order))
    moments = [clock.moments(t[order]) for t in (terms.signed, terms.start, terms.end, terms.closed)]
    book = Book("contract", clock.now)
    for index, (signed, start, end, closed) in enumerate(zip(*moments, strict=True)):
        term = order[index]
        line = LINES[terms.line[term]]
        first = {
            "account_id": account_ids[terms.account[term]],
            "title": f"{line}{'年度' if years[term] > 0.8 else '半年度'}供货合同",
            "product_line": line,
            "amount": float(np.round(amount[term], -2)),
            "start_at": start,
            "end_at": end,
            "status": "active",
        }
        result = "renewed" if terms.renewed[term] else "lapsed"
        book.write(index, [(signed, first), (closed, {"status": result, "closed_at": closed})])
    return book.rows


def ticket_versions(clock: Clock, accounts: Accounts, tickets: Tickets, account_ids: Words) -> list[Version]:
    """Return the tickets: opened, answered, resolved, and rated if the customer did."""
    days = (tickets.opened, tickets.answered, tickets.resolved, tickets.rated)
    moments = [clock.moments(day) for day in days]
    book = Book("ticket", clock.now)
    for index, (opened, answered, resolved, rated) in enumerate(zip(*moments, strict=True)):
        category, _, wordings = CATEGORIES[tickets.category[index]]
        line = LINES[accounts.line[tickets.account[index]]]
        first = {
            "account_id": account_ids[tickets.account[index]],
            "title": wordings[tickets.wording[index] % len(wordings)].format(line=line),
            "category": category,
            "status": "open",
            "opened_at": opened,
        }
        score = {"satisfaction": int(tickets.satisfaction[index])} if rated else {}
        book.write(
            index,
            [
                (opened, first),
                (answered, {"status": "answered", "first_response_at": answered}),
                (resolved, {"status": "resolved", "resolved_at": resolved}),
                (rated, score),
            ],
        )
    return book.rows
