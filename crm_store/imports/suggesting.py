"""From a file's header to a mapping: by the preset of a product, or by what fields are called."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args

from crm_store.imports.headers import headers_of, plain, preset_file
from crm_store.imports.mapping import HIDDEN, MAX_COLUMN_NAME, ColumnMapping, ColumnRule
from crm_store.repositories.fields import FACTS, FIELDS, REQUIRED
from crm_store.repositories.problems import Problem, StoreError

Product = Literal["salesforce", "hubspot", "odoo"]
PRODUCTS: tuple[Product, ...] = get_args(Product)

# What tells one record from another where a list has no numbers, best first.
_OWN_IDS = {
    "lead": ("phone", "email"),
    "account": ("credit_code", "name"),
    "contact": ("phone", "email", "wechat"),
    "device": ("serial_number",),
    "product": ("code", "name"),
    "rep": ("name",),
    "team": ("name",),
    "territory": ("name",),
    "campaign": ("name",),
    "delivery": ("order_number",),
}
_REQUIRED_ELSEWHERE = frozenset({"source", "external_id", "created_at", "recorded_at"})


@dataclass(frozen=True)
class Suggestion:
    """A mapping to start from: None when no column tells the records apart. ``unmapped`` columns go nowhere.

    ``lacking`` are fields that every new record needs and no column gives.
    """

    mapping: ColumnMapping | None
    unmapped: tuple[str, ...]
    lacking: tuple[str, ...]


def kinds_of(product: Product) -> tuple[str, ...]:
    """Return the kinds of records for which a product has a preset."""
    return tuple(_preset(product)["kinds"])


def suggest(
    entity: str,
    header: Sequence[str],
    *,
    source: str,
    product: Product | None = None,
    delimiter: str = ",",
    sheet: str | None = None,
) -> Suggestion:
    """Suggest a mapping for a header. Raises StoreError for a kind that the product does not export."""
    rules = list(_by_preset(product, entity, header) if product else _by_names(entity, header))
    rules += _own_id(entity, rules)
    constants = _defaults(product, entity, {rule.field for rule in rules})
    used = {name for rule in rules for name in (rule.column, *rule.join)}
    filled = {rule.field for rule in rules} | constants.keys()
    optional = _REQUIRED_ELSEWHERE - ({"recorded_at", "created_at"} if entity in FACTS else set())
    has_default = {name for name, field in FIELDS[entity].items() if field.default is not None}
    lacking = [name for name in REQUIRED[entity] if name not in filled | optional | has_default]
    mapping = None
    if "external_id" in filled:
        mapping = ColumnMapping(
            name=product or "suggested",
            entity=entity,
            source=source,
            columns=tuple(rules),
            constants=constants,
            timezone=_preset(product)["timezone"] if product else "Asia/Shanghai",
            delimiter=delimiter,
            sheet=sheet,
        )
    unmapped = tuple(name for name in header if name and name not in used)
    return Suggestion(mapping, unmapped, tuple(lacking))


def likely_product(entity: str, header: Sequence[str]) -> Product | None:
    """Return the product whose preset knows most columns of the header, if more than our own names do."""
    score = dict.fromkeys(PRODUCTS, 0)
    for product in PRODUCTS:
        if entity in kinds_of(product):
            score[product] = len(list(_by_preset(product, entity, header)))
    best = max(PRODUCTS, key=score.__getitem__)
    return best if score[best] > len(list(_by_names(entity, header))) else None


@cache
def wanted_headers(entity: str) -> frozenset[str]:
    """Return every plain header that may stand above a column of such records."""
    known = set(headers_of(entity))
    for product in PRODUCTS:
        for choices in _preset(product)["kinds"].get(entity, {}).values():
            known |= {plain(name) for choice in choices for name in _columns(choice)}
    return frozenset(known)


@cache
def _preset(product: Product) -> dict[str, Any]:
    preset: dict[str, Any] = preset_file(product)
    return preset


def _by_preset(product: Product, entity: str, header: Sequence[str]) -> Iterator[ColumnRule]:
    preset = _preset(product)
    if entity not in preset["kinds"]:
        zh = f"{product} 没有 {entity} 的导出预设，可用：{', '.join(preset['kinds'])}"
        en = f"there is no preset for {entity} of {product}; there are {', '.join(preset['kinds'])}"
        raise StoreError(Problem("no_preset", "entity", zh, en))
    there = {plain(name): name for name in reversed(header) if len(name) <= MAX_COLUMN_NAME}
    for field, choices in preset["kinds"][entity].items():
        values = preset["values"].get(f"{entity}.{field}")
        rule = next((rule for choice in choices if (rule := _rule(choice, field, there, values))), None)
        if rule is not None:
            yield rule


def _rule(
    choice: str | dict[str, Any], field: str, there: dict[str, str], values: dict[str, str] | None
) -> ColumnRule | None:
    names = [there.get(plain(name)) for name in _columns(choice)]
    if None in names:
        return None
    column, *join = (name for name in names if name is not None)
    more = {} if isinstance(choice, str) else choice
    return ColumnRule.model_validate(
        more | {"column": column, "join": join, "field": field, "values": values}
    )


def _columns(choice: str | dict[str, Any]) -> list[str]:
    return [choice] if isinstance(choice, str) else [choice["column"], *choice.get("join", ())]


def _by_names(entity: str, header: Sequence[str]) -> Iterator[ColumnRule]:
    """Yield a rule for every column whose name means a field; of several for one field, the first."""
    known, taken = headers_of(entity), set(HIDDEN)
    for column in header:
        field = known.get(plain(column)) if len(column) <= MAX_COLUMN_NAME else None
        if field is not None and field not in taken:
            taken.add(field)
            yield ColumnRule(column=column, field=field)


def _own_id(entity: str, rules: Sequence[ColumnRule]) -> list[ColumnRule]:
    """Let a field that tells records apart be the outside id where no column is one."""
    by_field = {rule.field: rule for rule in rules}
    if "external_id" in by_field:
        return []
    for field in _OWN_IDS.get(entity, ()):
        if field in by_field:
            rule = by_field[field]
            return [
                ColumnRule(column=rule.column, join=rule.join, separator=rule.separator, field="external_id")
            ]
    return []


def _defaults(product: Product | None, entity: str, filled: set[str]) -> dict[str, Any]:
    given = _preset(product).get("defaults", {}) if product else {}
    named = {name.partition(".")[::2]: value for name, value in given.items()}
    return {field: value for (kind, field), value in named.items() if kind == entity and field not in filled}
