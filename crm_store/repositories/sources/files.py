"""Where the exported feature sources lie, and how to read them: the one place that knows the layout.

A *log* is a folder with ``log.json``, which names its pieces in order: a base that held everything when it
was written, and behind it what was told since. A piece is a folder ``000007`` with ``<source>.parquet`` for
each source that it has rows of, ``gone.parquet`` (rows of earlier pieces, by source and record, that it tells
anew) and ``touched.parquet`` (which entities it says something of). Every row of a later piece carries the
position at which it was told. A piece counts from the moment at which ``log.json`` names it.

A folder without ``log.json`` holds each source whole, as ``<source>.parquet``.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.dataset as ds

LOG_FILE = "log.json"
GONE, TOUCHED, POSITION = "gone", "touched", "position"


@dataclass(frozen=True)
class Piece:
    """A part of the log: ``at`` is the position of the newest row in it, ``rows`` how many of what it has."""

    at: int
    rows: Mapping[str, int]

    @property
    def folder(self) -> str:
        """The name of its folder."""
        return f"{self.at:06}"

    @property
    def size(self) -> int:
        """All its rows."""
        return sum(self.rows.values())


@dataclass(frozen=True)
class SourceLog:
    """What ``log.json`` says: ``base`` names the base, ``known_at`` is up to when everything is told.

    ``form`` is what the rows were made by, ``places`` how far the store had been read; both are the writer's.
    ``before`` are folders of the log before this one, which somebody may still be reading.
    """

    base: str
    form: str
    known_at: str
    places: Mapping[str, Any]
    pieces: tuple[Piece, ...]
    before: tuple[str, ...] = field(default=())

    @property
    def position(self) -> int:
        """The position of the newest rows."""
        return self.pieces[-1].at


def read_log(folder: Path) -> SourceLog | None:
    """Return the folder's log; None where there is none, it can't be read or lacks a file."""
    try:
        said = json.loads((folder / LOG_FILE).read_text("utf-8"))
        log = SourceLog(**said | {"pieces": tuple(Piece(**one) for one in said["pieces"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None
    files = (folder / one.folder / f"{name}.parquet" for one in log.pieces for name in one.rows)
    return log if log.pieces and all(file.is_file() for file in files) else None


def write_log(folder: Path, log: SourceLog) -> None:
    """Let a log count from now on; folders that neither it nor the one before names are deleted."""
    kept = {LOG_FILE, *log.before, *(piece.folder for piece in log.pieces)}
    part = folder / f".{LOG_FILE}"
    part.write_text(json.dumps(asdict(log)), "utf-8")
    part.replace(folder / LOG_FILE)
    for path in folder.iterdir():
        if path.name not in kept and path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name not in kept and path.suffix in (".parquet", ".txt"):  # of before there was a log
            path.unlink(missing_ok=True)


@contextmanager
def writing_piece(folder: Path, at: int) -> Iterator[Path]:
    """Give a folder to write a piece into; its name is the piece's when all went well."""
    folder.mkdir(parents=True, exist_ok=True)
    part, whole = folder / f".{at:06}", folder / f"{at:06}"
    for left in (part, whole):  # by a run that was killed
        shutil.rmtree(left, ignore_errors=True)
    part.mkdir()
    try:
        yield part
        part.rename(whole)
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep two writers of one folder apart, in whatever processes they are."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def known_at(folder: Path) -> datetime | None:
    """Return up to when the sources know everything, None where nobody has said so."""
    log = read_log(folder)
    return None if log is None else datetime.fromisoformat(log.known_at)


def files_of(folder: Path, name: str) -> list[Path]:
    """Return the files that hold a source, oldest first; none where it is missing.

    ``name`` may be ``gone`` or ``touched`` too.
    """
    log = read_log(folder)
    if log is None:
        file = folder / f"{name}.parquet"
        return [file] if file.is_file() else []
    return [folder / piece.folder / f"{name}.parquet" for piece in log.pieces if name in piece.rows]


def read_rows(
    folder: Path, name: str, columns: Sequence[str], where: "ds.Expression | None" = None
) -> "pa.Table":
    """Return columns of a source's rows that still stand. Raises FileNotFoundError for a missing source."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    files = files_of(folder, name)
    if not files:
        raise FileNotFoundError(folder / f"{name}.parquet")
    gone = _gone(folder, name)
    if gone is None:
        return pa.concat_tables([pq.read_table(file, columns=list(columns), filters=where) for file in files])
    wanted = list(dict.fromkeys([*columns, "record_id", POSITION]))
    table = pa.concat_tables([_placed(file, wanted, where) for file in files])
    return table.filter(_standing(table, gone)).select(list(columns))


def _placed(file: Path, wanted: list[str], where: "ds.Expression | None") -> "pa.Table":
    """Return the columns of a file; the base, which has no positions, is at 0."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if POSITION in pq.read_schema(file).names:
        return pq.read_table(file, columns=wanted, filters=where)
    table = pq.read_table(file, columns=[one for one in wanted if one != POSITION], filters=where)
    return table.append_column(POSITION, pa.repeat(pa.scalar(0, pa.int64()), len(table))).select(wanted)


def _gone(folder: Path, name: str) -> "pa.Table | None":
    """Return record_id and the last position at which it was told anew, None where nothing was."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    files = files_of(folder, GONE)
    if not files:
        return None
    where = pc.field("source") == name
    columns = ["record_id", POSITION]
    table = pa.concat_tables([pq.read_table(file, columns=columns, filters=where) for file in files])
    last = table.group_by("record_id").aggregate([(POSITION, "max")])
    return last.rename_columns({f"{POSITION}_max": POSITION}) if len(last) else None


def _standing(table: "pa.Table", gone: "pa.Table") -> Any:
    import pyarrow.compute as pc

    place = pc.index_in(table["record_id"], value_set=gone["record_id"].combine_chunks())
    last = gone[POSITION].take(place)
    return pc.fill_null(pc.greater_equal(table[POSITION], last), True)
