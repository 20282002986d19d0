"""Runs the simulation from the founding to the paper trail; each part has a random stream of its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from pipelines.demo_company import Progress, Version
from pipelines.demo_company.account_life.accounts import Accounts, open_accounts
from pipelines.demo_company.account_life.moods import Moods, moods
from pipelines.demo_company.account_life.orders import Orders, place_orders
from pipelines.demo_company.account_life.requests import service_requests
from pipelines.demo_company.account_life.talks import account_activities
from pipelines.demo_company.account_life.terms import Terms, sign_contracts
from pipelines.demo_company.account_life.tickets import Tickets, work_tickets
from pipelines.demo_company.lead_life.activities import lead_activities
from pipelines.demo_company.lead_life.handling import Handling, handle
from pipelines.demo_company.lead_life.leads import Leads, enquiries
from pipelines.demo_company.lead_life.outcomes import Outcomes, decide
from pipelines.demo_company.records.account_records import account_versions, contact_versions
from pipelines.demo_company.records.business_records import (
    contract_versions,
    opportunity_versions,
    ticket_versions,
)
from pipelines.demo_company.records.customer_records import (
    delivery_versions,
    device_versions,
    evidence_versions,
    relation_versions,
)
from pipelines.demo_company.records.facts import activity_table, order_table
from pipelines.demo_company.records.keys import record_ids
from pipelines.demo_company.records.lead_records import lead_versions
from pipelines.demo_company.records.setup_records import (
    campaign_versions,
    leave_versions,
    product_versions,
    territory_versions,
)
from pipelines.demo_company.records.staff import rep_versions, team_versions
from pipelines.demo_company.world.arrays import Ints, Rng, stream
from pipelines.demo_company.world.batch import Batch
from pipelines.demo_company.world.clock import Clock
from pipelines.demo_company.world.customers import old_customers
from pipelines.demo_company.world.market import Campaigns, plan_campaigns
from pipelines.demo_company.world.reps import Reps, hire

_STEPS = 20


@dataclass(frozen=True)
class Story:
    """Everything that happened, hidden causes included, before any of it is written down."""

    clock: Clock
    plan: Campaigns
    reps: Reps
    leads: Leads
    handling: Handling
    outcomes: Outcomes
    accounts: Accounts
    account_of_lead: Ints
    terms: Terms
    moods: Moods
    orders: Orders
    tickets: Tickets


def simulate(
    seed: int, now: datetime, scale: float, progress: Progress
) -> tuple[dict[str, list[Version]], dict[str, pa.Table]]:
    """Return (histories, facts) as ``DemoCompany`` describes them."""
    ticks = iter(range(1, _STEPS + 1))

    def tick() -> None:
        progress(next(ticks), _STEPS)

    story = live(seed, now, scale)
    tick()
    histories = {}
    for entity, versions in _histories(seed, story):
        histories[entity] = versions
        tick()
    facts = {"activity": _activities(seed, story)}
    tick()
    facts["order_snapshot"] = order_table(
        story.clock, story.orders, record_ids("account", story.accounts.count)
    )
    progress(_STEPS, _STEPS)
    return histories, facts


def live(seed: int, now: datetime, scale: float) -> Story:
    """Run the 18 months."""

    def rng(name: str) -> Rng:
        return stream(seed, name)

    clock = Clock(now)
    customers, reps = old_customers(rng("customers"), scale), hire(rng("reps"), scale)
    plan = plan_campaigns(rng("campaigns"))
    leads = enquiries(rng("leads"), clock, scale, customers, plan)
    handling = handle(rng("handling"), leads, reps)
    outcomes = decide(rng("outcomes"), leads, handling, reps)
    accounts, belongs = open_accounts(rng("accounts"), clock, customers, leads, handling, outcomes, reps)
    requests = service_requests(rng("requests"), accounts)
    terms = sign_contracts(rng("terms"), clock, accounts, requests)
    mood = moods(rng("moods"), accounts, terms)
    return Story(
        clock=clock,
        plan=plan,
        reps=reps,
        leads=leads,
        handling=handling,
        outcomes=outcomes,
        accounts=accounts,
        account_of_lead=belongs,
        terms=terms,
        moods=mood,
        orders=place_orders(rng("orders"), clock, accounts, terms, mood),
        tickets=work_tickets(rng("tickets"), clock, accounts, requests, mood),
    )


def _histories(seed: int, story: Story) -> Iterator[tuple[str, list[Version]]]:
    """Yield (entity, versions), those that others point at first."""
    clock, leads, accounts = story.clock, story.leads, story.accounts
    rep_ids = record_ids("rep", story.reps.count)
    account_ids = record_ids("account", accounts.count)
    of_lead = account_ids[story.account_of_lead]
    written = stream(seed, "records")
    yield "team", team_versions(clock)
    yield "rep", rep_versions(clock, story.reps)
    yield "account", account_versions(written, clock, accounts, story.terms, story.reps, rep_ids)
    contacts = contact_versions(written, clock, accounts, account_ids)
    yield "contact", contacts
    yield (
        "lead",
        lead_versions(written, clock, leads, story.handling, story.outcomes, story.plan, of_lead, rep_ids),
    )
    deals = opportunity_versions(written, clock, leads, story.handling, story.outcomes, of_lead, rep_ids)
    yield "opportunity", deals
    yield "ticket", ticket_versions(clock, accounts, story.tickets, account_ids)
    yield "contract", contract_versions(written, clock, accounts, story.terms, account_ids)
    yield "campaign", campaign_versions(stream(seed, "campaign records"), clock, story.plan)
    yield "product", product_versions(clock)
    yield "territory", territory_versions(clock)
    yield "leave", leave_versions(stream(seed, "leave"), clock, story.reps, rep_ids)
    yield "contact_relation", relation_versions(stream(seed, "decision chains"), clock, contacts)
    yield "device", device_versions(stream(seed, "devices"), clock, accounts, account_ids)
    yield "delivery", delivery_versions(clock, story.orders, account_ids)
    yield "evidence", evidence_versions(stream(seed, "evidence"), clock, deals)


def _activities(seed: int, story: Story) -> pa.Table:
    batches: list[Batch] = [
        *lead_activities(stream(seed, "lead activities"), story.leads, story.handling, story.outcomes),
        *account_activities(stream(seed, "account activities"), story.accounts, story.moods),
    ]
    return activity_table(
        stream(seed, "entries"),
        story.clock,
        batches,
        story.leads.entered,
        (
            record_ids("lead", story.leads.count),
            record_ids("account", story.accounts.count),
            record_ids("rep", story.reps.count),
        ),
    )
