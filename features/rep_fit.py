"""A rep's leads of one kind (need, channel, industry, region) and earlier contacts, by ``fit_id``."""

from features.declare import FIT, FIT_EVENTS, Group

_fit = Group(FIT, "rep_fit", "data science")

FEATURES = (
    _fit.times("leads", FIT_EVENTS.where(event="assigned"), None, ("接手同类线索", "leads of the kind")),
    _fit.times("wins", FIT_EVENTS.where(event="won"), None, ("同类线索赢单", "wins of the kind")),
    _fit.times("contacts", FIT_EVENTS.where(event="contacted"), None, ("首次联系", "first contacts")),
)
