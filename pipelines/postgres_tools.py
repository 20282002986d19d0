"""PostgreSQL's own programs: found, called with no password in sight, and their refusals told."""

import os
import shutil
import subprocess
from pathlib import Path

from sqlalchemy import URL, Engine, make_url

from crm_store.repositories.problems import Problem, StoreError

_INSTALLED = Path("/usr/lib/postgresql")
# What libpq takes from the environment; the rest of a URL's options are ours or SQLAlchemy's.
_FROM_QUERY = {
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
}
_LAST_WORDS = 400


def run_tool(name: str, url: str, arguments: list[str], major: int) -> None:
    """Run ``pg_dump`` or ``pg_restore`` against a database. Raises StoreError when it is absent or fails."""
    program = _find(name, major)
    done = subprocess.run(  # noqa: S603 - our own command line
        [str(program), "--no-password", *arguments],
        env=os.environ | _environment(make_url(url)),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise StoreError(_failed(name, done.stderr.strip()[-_LAST_WORDS:]))


def server_major(engine: Engine) -> int:
    """Return the server's major version."""
    with engine.connect() as connection:
        version = connection.exec_driver_sql("SHOW server_version_num").scalar_one()
    return int(version) // 10_000


def _find(name: str, major: int) -> Path:
    """Return a program that is not older than the server: an older one refuses to work with it."""
    installed = {int(folder.name): folder / "bin" / name for folder in _INSTALLED.glob("[0-9]*")}
    fitting = sorted(
        version for version, program in installed.items() if version >= major and program.exists()
    )
    if fitting:
        return installed[fitting[0]]
    on_path = shutil.which(name)
    if on_path is None:
        raise StoreError(_absent(name, major))
    return Path(on_path)


def _environment(url: URL) -> dict[str, str]:
    given = {
        "PGHOST": url.host,
        "PGPORT": str(url.port) if url.port else None,
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
        "PGDATABASE": url.database,
    }
    given |= {variable: str(url.query[name]) for name, variable in _FROM_QUERY.items() if name in url.query}
    return {name: value for name, value in given.items() if value}


def _absent(name: str, major: int) -> Problem:
    return Problem(
        "tool_absent",
        None,
        f"找不到 {name}：请安装 PostgreSQL {major} 或更新版本的客户端（如 postgresql-client）",
        f"there is no {name} here: install the client programs of PostgreSQL {major} or newer, "
        "e.g. apt-get install postgresql-client",
    )


def _failed(name: str, words: str) -> Problem:
    return Problem("tool_failed", None, f"{name} 失败：{words}", f"{name} failed: {words}")
