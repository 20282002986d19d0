"""Feature sources of any size, made by DuckDB straight into Parquet: nothing is held in memory.

Ten activities a lead, as in ``_feature_data``: an interest lasts three months, a tenth is recorded late, one
in a hundred is corrected after a week. Everything follows from row numbers, so a size is always the same.
"""

from pathlib import Path

import duckdb

from crm_store.domain.sources import SOURCES, ColumnType
from tests.bench._feature_data import NOW_US

ACTIVITIES_A_LEAD = 10
_DAY_US = 86_400_000_000
_SPAN_US = 540 * _DAY_US
_TYPES: dict[ColumnType, str] = {"string": "VARCHAR", "float": "DOUBLE", "moment": "TIMESTAMPTZ"}


def write_lead_sources(folder: Path, activities: int, memory_mb: int = 2000, threads: int = 2) -> int:
    """Write lead_states, activities, lead_flow and ``asked`` (every lead, as of now); return the leads."""
    leads = activities // ACTIVITIES_A_LEAD
    with duckdb.connect() as connection:
        connection.execute(
            f"SET TimeZone = 'UTC'; SET memory_limit = '{memory_mb}MB'; SET threads = {threads}"
        )
        connection.execute("SET enable_progress_bar = false; SET preserve_insertion_order = false")
        connection.execute("CREATE MACRO roll(n, salt) AS (hash(n * 64 + salt) >> 11) / 9007199254740992.0")
        connection.execute(f"CREATE MACRO born(lead) AS {NOW_US} - (roll(lead, 1) * {_SPAN_US})::BIGINT")
        connection.execute("CREATE MACRO lea(lead) AS printf('lea_%08d', lead)")
        connection.execute(
            "CREATE MACRO pick(words, n, salt) AS words[1 + (roll(n, salt) * len(words))::INT % len(words)]"
        )
        for name, select in _SELECTS.items():
            query = select.format(leads=leads, rows=activities, day=_DAY_US)
            connection.execute(f"CREATE VIEW made AS {query}")
            made = set(connection.table("made").columns)
            columns = ", ".join(
                f"{_cast(column, kind) if column in made else 'NULL'}::{_TYPES[kind]} AS {column}"
                for column, kind in SOURCES[name].columns.items()
            )
            _copy(connection, f"SELECT {columns} FROM made", folder / f"{name}.parquet")
            connection.execute("DROP VIEW made")
        asked = (
            f"SELECT range AS row_id, lea(range) AS entity_id, make_timestamp({NOW_US})::TIMESTAMPTZ AS as_of"
        )
        _copy(connection, f"{asked} FROM range({leads})", folder / "asked.parquet")
    return leads


def _cast(column: str, kind: ColumnType) -> str:
    return f"make_timestamp({column})" if kind == "moment" else column


def _copy(connection: duckdb.DuckDBPyConnection, query: str, file: Path) -> None:
    connection.execute(f"COPY ({query}) TO '{file}' (FORMAT parquet, COMPRESSION zstd)")


_SELECTS = {
    "lead_states": """
        SELECT 'lead_states-' || n AS record_id, lea(lead) AS lead_id, version, happened AS occurred_at,
          happened AS recorded_at, born(lead) AS created_at, 'all' AS market,
          '活动' || (roll(lead, 2) * 60)::INT AS campaign,
          pick(['web', '展会', 'referral', 'search_ads', NULL], lead, 3) AS channel,
          pick(['new', 'contacted', 'qualified', 'lost'], n, 4) AS status,
          pick(['甲', '乙', '丙', NULL], n, 5) AS owner_id, pick(['甲', '乙', NULL], n, 6) AS industry,
          pick(['华东', '华南', '华北', NULL], n, 7) AS region, pick(['杭州', '深圳', NULL], n, 8) AS city,
          pick(['手套', '口罩', NULL], n, 9) AS need, pick(['院长', '采购', NULL], n, 10) AS title,
          (roll(n, 11) < 0.5)::INT AS has_company, (roll(n, 12) < 0.5)::INT AS has_phone,
          (roll(n, 13) < 0.5)::INT AS has_contact_name, roll(n, 14) * 1000 AS expected_volume
        FROM (SELECT range AS n, range // 4 AS lead, range % 4 + 1 AS version,
          born(range // 4) + ((range % 4) * roll(range, 15) * 9 * {day})::BIGINT AS happened
          FROM range({leads} * 4))
    """,
    "activities": """
        SELECT 'activities-' || n AS record_id, lea(lead) AS lead_id, happened AS occurred_at,
          happened + CASE WHEN roll(n, 21) < 0.1 THEN (roll(n, 22) * 3 * {day})::BIGINT ELSE 0 END
            AS recorded_at,
          CASE WHEN roll(n, 28) < 0.01 THEN happened + 7 * {day} END AS known_until,
          pick(['chat', 'call', 'email', 'meeting', 'site', 'download', 'search', 'view', 'assign'], n, 23)
            AS channel,
          pick(['in', 'out', 'internal'], n, 24) AS direction, roll(n, 25) * 600 AS duration_s,
          pick(['您好，请发报价单', '今年预算不足', '准备招标', '考虑更换供应商', '竞品对比', NULL], n, 26)
            AS text
        FROM (SELECT range AS n, lead, born(lead) + (roll(range, 27) * 90 * {day})::BIGINT AS happened
          FROM (SELECT range, (roll(range, 20) * {leads})::BIGINT % {leads} AS lead FROM range({rows})))
    """,
    "lead_flow": """
        SELECT 'lead_flow-' || lead || event AS record_id, lea(lead) AS lead_id, event,
          happened AS occurred_at, happened AS recorded_at, 'all' AS market,
          '活动' || (roll(lead, 2) * 60)::INT AS campaign,
          pick(['web', '展会', 'referral', 'search_ads', NULL], lead, 3) AS channel,
          days_to_win
        FROM (SELECT range AS lead, 'arrived' AS event, born(range) AS happened, NULL::DOUBLE AS days_to_win
            FROM range({leads})
          UNION ALL SELECT range, 'won', born(range) + (round(roll(range, 31) * 60, 3) * {day})::BIGINT,
            round(roll(range, 31) * 60, 3) FROM range({leads}) WHERE roll(range, 30) < 0.15)
    """,
}
