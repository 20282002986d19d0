"""Frames of leads and reps together: the lead's features, the rep's, and those composed of both.

A pair is ``lead_id|rep_id``. The lead is read as of the instant before the moment that is asked for, and the
rep as of the midnight before it (Shanghai): so the assignment itself, which happens at that moment, shows in
neither, and a rep who did get the lead looks no different from one who could have.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from features.catalog import names_of
from features.composed import COMPOSED, KINDS, value_of
from features.errors import FeatureError
from features.expressions import BUSINESS_OFFSET

if TYPE_CHECKING:
    from datetime import datetime

    import pandas as pd

Compute = Callable[[str, "pd.DataFrame", Sequence[str]], "pd.DataFrame"]
"""(entity, rows of entity_id and as_of, feature names) → those rows with one column per feature."""

FIT_FEATURES = ("fit_leads_all", "fit_wins_all", "fit_contacts_all")
# Lead features that pairs are composed of, beside those asked for.
LEAD_INPUTS = ("lead_age_h", "lead_account", *(f"lead_{kind}" for kind in KINDS))


def pair_id(lead_id: str, rep_id: str) -> str:
    """Return the id of a pair."""
    return f"{lead_id}|{rep_id}"


def pair_names() -> tuple[str, ...]:
    """Return every feature that a pair can have: the lead's, the rep's, and the composed ones."""
    return (*names_of("lead"), *names_of("rep"), *COMPOSED)


def fit_ids(rep_id: str, lead_id: str, lead: Mapping[str, Any]) -> dict[str, str]:
    """Return what the pair's inputs are kept under: kind → fit_id; a kind that is not known is left out."""
    values = {kind: lead.get(f"lead_{kind}") for kind in (*KINDS, "account")} | {"lead": lead_id}
    return {kind: f"{rep_id}|{kind}|{value}" for kind, value in values.items() if isinstance(value, str)}


def composed(
    names: Iterable[str],
    lead: Mapping[str, Any],
    rep: Mapping[str, Any],
    fits: Mapping[str, Mapping[str, Any] | None],
    team_open_leads: float | None,
    now: "datetime",
) -> dict[str, Any]:
    """Return the composed features of one pair; ``fits`` is kind → values, None for no such leads yet."""
    inputs: dict[str, Any] = {**lead, **rep, "team_open_leads": team_open_leads}
    for kind, found in fits.items():
        for short, name in zip(("leads", "wins", "contacts"), FIT_FEATURES, strict=True):
            inputs[f"{kind}_{short}"] = (found or {}).get(name) or 0.0
    for kind in ("lead", "account", *KINDS):  # none of a kind that is not known
        for short in ("leads", "wins", "contacts"):
            inputs.setdefault(f"{kind}_{short}", 0.0)
    return {name: value_of(COMPOSED[name], inputs, now) for name in names}


def pair_frame(rows: "pd.DataFrame", names: Sequence[str], compute: Compute) -> "pd.DataFrame":
    """Return entity_id (``lead_id|rep_id``), as_of and the named features, in the order of ``rows``.

    Raises FeatureError ``unknown_feature``, and what ``compute`` raises.
    """
    import pandas as pd

    known = set(pair_names())
    for name in names:
        if name not in known:
            raise FeatureError("unknown_feature", "features", name)
    asked = rows[["entity_id", "as_of"]].reset_index(drop=True)
    asked[["lead_id", "rep_id"]] = asked.entity_id.str.rsplit("|", n=1, expand=True).to_numpy()
    asked["before"] = asked.as_of - pd.Timedelta(microseconds=1)
    local = asked.as_of + BUSINESS_OFFSET
    asked["midnight"] = local.dt.normalize() - BUSINESS_OFFSET
    leads = _leads(asked, names, compute)
    reps = _reps(asked, names, compute)
    made = [name for name in names if name in COMPOSED]
    fits = _fits(asked, leads, compute) if made else [{} for _ in range(len(asked))]
    teams = reps.pop("team_open_leads").astype(object).where(reps.rep_open_leads.notna(), None)
    values = [
        composed(made, lead, rep, fit, team, moment)
        for lead, rep, fit, team, moment in zip(
            _plain(leads), _plain(reps), fits, teams, asked.as_of.tolist(), strict=True
        )
    ]
    table = pd.concat(
        [leads, reps, pd.DataFrame(values, index=leads.index, columns=made, dtype=float)], axis=1
    )
    table = table.loc[:, ~table.columns.duplicated()]
    return pd.concat([asked[["entity_id", "as_of"]], table[list(names)]], axis=1)


def _leads(asked: "pd.DataFrame", names: Sequence[str], compute: Compute) -> "pd.DataFrame":
    wanted = list(dict.fromkeys([*(n for n in names if n.startswith("lead_")), *LEAD_INPUTS]))
    keys = asked[["lead_id", "before"]].set_axis(["entity_id", "as_of"], axis=1)
    return _once(keys, lambda rows: compute("lead", rows, wanted))


def _reps(asked: "pd.DataFrame", names: Sequence[str], compute: Compute) -> "pd.DataFrame":
    """Return the reps' features, and the mean of open leads over the reps of their team who are asked for.

    Every rep of the frame is worked out at each of its midnights, so that a team is whole at each.
    """
    import pandas as pd

    needed = ("rep_team", "rep_region", "rep_open_leads", "rep_win_rate")
    wanted = list(dict.fromkeys([*(n for n in names if n.startswith("rep_")), *needed]))
    days = asked[["midnight"]].drop_duplicates().rename(columns={"midnight": "as_of"})
    everyone = asked[["rep_id"]].drop_duplicates().rename(columns={"rep_id": "entity_id"})
    rows = everyone.merge(days, how="cross").reset_index(drop=True)
    table = compute("rep", rows, wanted)
    table["team_open_leads"] = table.groupby(["rep_team", "as_of"]).rep_open_leads.transform("mean")
    keys = pd.MultiIndex.from_frame(asked[["rep_id", "midnight"]])
    return table.set_index(["entity_id", "as_of"]).reindex(keys).reset_index(drop=True)


def _fits(
    asked: "pd.DataFrame", leads: "pd.DataFrame", compute: Compute
) -> list[dict[str, dict[str, Any] | None]]:
    """Return kind → values of the rep's leads of the same kind, for each row."""
    import pandas as pd

    ids = [
        fit_ids(rep_id, lead_id, lead)
        for rep_id, lead_id, lead in zip(asked.rep_id, asked.lead_id, _plain(leads), strict=True)
    ]
    flat = [
        (fit, midnight, row, kind)
        for row, (of_row, midnight) in enumerate(zip(ids, asked.midnight, strict=True))
        for kind, fit in of_row.items()
    ]
    keys = pd.DataFrame(flat, columns=["entity_id", "as_of", "row", "kind"])
    found = _once(keys[["entity_id", "as_of"]], lambda rows: compute("fit", rows, list(FIT_FEATURES)))
    told: list[dict[str, dict[str, Any] | None]] = [{} for _ in ids]
    for row, kind, values in zip(keys.row, keys.kind, _plain(found), strict=True):
        told[row][kind] = values
    return told


def _once(keys: "pd.DataFrame", compute: Callable[["pd.DataFrame"], "pd.DataFrame"]) -> "pd.DataFrame":
    """Return the features of rows of which some repeat, each worked out once."""
    import pandas as pd

    distinct = keys.drop_duplicates().reset_index(drop=True)
    table = compute(distinct).set_index(["entity_id", "as_of"])
    return table.reindex(pd.MultiIndex.from_frame(keys)).reset_index(drop=True)


def _plain(table: "pd.DataFrame") -> list[dict[str, Any]]:
    """Return rows of name → value, None for missing."""
    found: Any = table.astype(object).where(table.notna(), None).to_dict("records")
    return list(found)
