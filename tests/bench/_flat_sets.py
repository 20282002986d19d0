"""The public data sets as flat files: one row per lead, seller, deal, account or ticket at one moment."""

import io
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class FlatSet:
    """A table, and what is asked of it."""

    name: str
    frame: pd.DataFrame
    target: str
    time: str | None = None
    group: str | None = None


def folder() -> Path | None:
    """Return the folder of the public files: LEADPULSE_TEST_DATA, or the one above LEADPULSE_TEST_OLIST."""
    if given := os.environ.get("LEADPULSE_TEST_DATA"):
        return Path(given)
    olist = os.environ.get("LEADPULSE_TEST_OLIST")
    return Path(olist).parent if olist else None


def flat_sets(data: Path) -> Iterator[FlatSet]:
    """Yield every set whose files are there."""
    for name, build in (
        ("olist", _olist_leads),
        ("olist", _olist_sellers),
        ("salvirt_b2b", _salvirt),
        ("ravenstack", _ravenstack),
        ("servicenow", _servicenow),
    ):
        if (data / name).is_dir():
            yield build(data / name)


def _olist_leads(data: Path) -> FlatSet:
    """Won within 90 days of first contact; only what a lead arrives with."""
    leads = pd.read_csv(
        data / "olist_marketing_qualified_leads_dataset.csv", parse_dates=["first_contact_date"]
    )
    deals = pd.read_csv(data / "olist_closed_deals_dataset.csv", parse_dates=["won_date"])
    leads = leads.merge(deals[["mql_id", "won_date"]], how="left")
    leads["won"] = (leads.won_date - leads.first_contact_date).dt.days.le(90).astype(int)
    return FlatSet("olist_leads", leads.drop(columns=["won_date"]), "won", "first_contact_date")


def _olist_sellers(data: Path) -> FlatSet:
    """No item in the 90 days after a cut, of sellers with one in the 90 before; the cut moves by months."""
    items = pd.read_csv(data / "olist_order_items_dataset.csv", parse_dates=["shipping_limit_date"])
    items = items[items.shipping_limit_date < "2018-09-04"].rename(columns={"shipping_limit_date": "at"})
    sellers = pd.read_csv(data / "olist_sellers_dataset.csv", dtype=str)
    rows = []
    for cut in pd.date_range("2017-06-01", "2018-06-01", freq="MS"):
        before, day = items[items["at"] < cut], pd.Timedelta(days=1)
        later = set(items[(items["at"] >= cut) & (items["at"] < cut + 90 * day)].seller_id)
        by = before.groupby("seller_id")
        row = pd.DataFrame({"days_since": (cut - by["at"].max()) / day, "age": (cut - by["at"].min()) / day})
        for days in (30, 90, 180):
            recent = before[before["at"] >= cut - days * day].groupby("seller_id")
            row[f"items_{days}"] = recent.size()
            row[f"sales_{days}"] = recent.price.sum()
        row["price"], row["freight"], row["products"] = (
            by.price.mean(),
            by.freight_value.mean(),
            by.product_id.nunique(),
        )
        row = row[row.days_since <= 90].reset_index()
        row["churned"], row["cut"] = np.where(row.seller_id.isin(later), "No", "Yes"), cut
        rows.append(row)
    return FlatSet("olist_sellers", pd.concat(rows).merge(sellers, how="left"), "churned", "cut")


def _salvirt(data: Path) -> FlatSet:
    frame = pd.read_csv(data / "Salvirt_B2B_ML_dataset.csv", sep=";", keep_default_na=False)
    return FlatSet("salvirt_b2b", frame, "Status")


def _ravenstack(data: Path) -> FlatSet:
    """A churn event in the 90 days after a cut; the cut moves by quarters."""

    def read(name: str, *dates: str) -> pd.DataFrame:
        frame = pd.read_csv(data / f"ravenstack_{name}.csv", encoding="utf-8-sig")
        for column in dates:
            frame[column] = pd.to_datetime(frame[column], format="mixed", dayfirst=True)
        return frame

    accounts, churn = read("accounts", "signup_date"), read("churn_events", "churn_date")
    subscriptions, usage = read("subscriptions", "start_date"), read("feature_usage", "usage_date")
    tickets = read("supports_ticket", "submitted_at")
    usage = usage.merge(subscriptions[["subscription_id", "account_id"]])
    rows = []
    for cut in pd.date_range("2024-01-01", "2024-10-01", freq="QS"):
        row = accounts[accounts.signup_date < cut].drop(columns=["churn_flag", "account_name"]).copy()
        row["cut"] = cut
        row = row.set_index("account_id")
        own = subscriptions[subscriptions.start_date < cut].groupby("account_id")
        row["subscriptions"], row["mrr"] = own.size(), own.mrr_amount.sum()
        recent = usage[(usage.usage_date < cut) & (usage.usage_date >= cut - pd.Timedelta(days=90))]
        row["usage"] = recent.groupby("account_id").usage_count.sum()
        row["errors"] = recent.groupby("account_id").error_count.sum()
        row["tickets"] = tickets[tickets.submitted_at < cut].groupby("account_id").size()
        row["churns_before"] = churn[churn.churn_date < cut].groupby("account_id").size()
        later = churn[(churn.churn_date >= cut) & (churn.churn_date < cut + pd.Timedelta(days=90))]
        row["churned"] = row.index.isin(later.account_id)
        rows.append(row.reset_index())
    return FlatSet("ravenstack", pd.concat(rows, ignore_index=True), "churned", "cut")


def _servicenow(data: Path) -> FlatSet:
    """Whether a ticket misses its agreed time, from its first event."""
    with zipfile.ZipFile(data / "incident_event_log.zip") as archive:
        events = pd.read_csv(io.BytesIO(archive.read("incident_event_log.csv")), dtype=str)
    known = [
        *(
            "number",
            "caller_id",
            "opened_by",
            "opened_at",
            "contact_type",
            "location",
            "category",
            "subcategory",
        ),
        *("u_symptom", "cmdb_ci", "impact", "urgency", "priority", "assignment_group", "knowledge"),
        "u_priority_confirmation",
    ]
    first = events.groupby("number", sort=False).head(1)[known]
    last = events.groupby("number", sort=False).tail(1)[["number", "made_sla"]]
    return FlatSet("servicenow", first.merge(last), "made_sla", "opened_at")
