"""A PostgreSQL cluster of a test's own: to be killed, or to be free of other tests' open transactions."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path


def binaries() -> Path | None:
    """Return the folder of ``initdb`` and ``pg_ctl``, of the newest version installed; None without one."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda one: int(one.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("pg_ctl")
    return Path(on_path).resolve().parent if on_path else None


class PrivatePostgres:
    """A cluster in a temporary folder, which nobody else knows; it runs as ``postgres`` when we are root."""

    def __init__(self, *, durable: bool = True) -> None:
        found = binaries()
        if found is None:
            raise FileNotFoundError("no pg_ctl")
        self._bin = found
        self._user = "postgres" if os.geteuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="leadpulse-pg-"))
        if self._user:
            entry = pwd.getpwnam(self._user)
            os.chown(self._folder, entry.pw_uid, entry.pw_gid)
        self._data = self._folder / "data"
        self.port = _free_port()
        self._run("initdb", "-D", self._data, "-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8")
        settings = {
            "listen_addresses": "'127.0.0.1'",
            "port": self.port,
            "unix_socket_directories": f"'{self._folder}'",
            "max_connections": 150,
            "shared_buffers": "'32MB'",
            "fsync": "on" if durable else "off",
        }
        with (self._data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in settings.items())
        self.start()

    @property
    def url(self) -> str:
        """Where the cluster answers."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start the cluster, after a crash too, and wait until it answers."""
        self._run("pg_ctl", "start", "-w", "-D", self._data, "-l", self._folder / "log", "-t", "60")

    def crash(self) -> None:
        """End every process of it at once, as ``kill -9`` and a restart of the machine would."""
        self._run("pg_ctl", "stop", "-m", "immediate", "-w", "-D", self._data, "-t", "60")

    def close(self) -> None:
        """End the cluster and remove its folder."""
        subprocess.run(
            [self._bin / "pg_ctl", "stop", "-m", "immediate", "-w", "-D", self._data],
            check=False,
            user=self._user,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(self._bin / program), *map(str, arguments)]
        done = subprocess.run(
            command,
            user=self._user,
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE if program == "initdb" else subprocess.DEVNULL,
            timeout=120,
        )
        if done.returncode:
            log = self._folder / "log"
            raise RuntimeError(
                f"{program}: {done.stderr!r} {log.read_text()[-2000:] if log.exists() else ''}"
            )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
