"""Which keeper of packed rows a setting names."""

from pathlib import Path

from features.online_rows.rows import Rows


def rows_at(folder: Path, online: str) -> Rows:
    """Return the keeper for ``sqlite`` (a file in the folder) or a redis:// URL. Raises ValueError."""
    if online == "sqlite":
        from features.online_rows.sqlite_rows import SqliteRows

        return SqliteRows(folder / "online.db")
    from features.online_rows.redis_rows import RedisRows

    return RedisRows(online)
