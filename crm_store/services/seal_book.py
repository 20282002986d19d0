"""The folder of seals: one file each, added and never changed, so that it can lie on write-once storage.

``<thousands>/<number>.json`` holds the seal, its signature, and the lines of the rows that it added; the
public key lies beside the folders.
"""

import json
import os
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from crm_store.domain.seals import Line, Seal, run

PUBLIC_KEY = "public-key.pem"
_ON_A_SHELF = 1_000


@dataclass(frozen=True)
class KeptSeal:
    """A seal as it lies in its file. ``lines`` are each table's new rows."""

    seal: Seal
    signature: str
    lines: Mapping[str, list[Line]]

    @property
    def new_rows(self) -> int:
        """How many rows the seal added."""
        return sum(map(len, self.lines.values()))

    def agrees(self, table: str) -> bool:
        """Tell whether the lines are the ones that the seal's digest is of."""
        sealed = self.seal.streams[table]
        return run(sealed.start, self.lines.get(table, [])) == sealed.digest


class BrokenSeal(Exception):
    """A file that does not hold a seal; ``number`` is the one that its name gives."""

    def __init__(self, number: int, file: Path) -> None:
        super().__init__(f"{file} holds no seal")
        self.number = number


class SealBook:
    """The seals of one store, in the order of their numbers, which begin at 1."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.public_key = folder / PUBLIC_KEY

    def files(self) -> dict[int, Path]:
        """Return every seal's file by its number, in order."""
        found = {int(file.stem): file for file in self.folder.glob("*/*.json") if file.stem.isdigit()}
        return dict(sorted(found.items()))

    def last(self) -> KeptSeal | None:
        """Return the newest seal, or None. Raises BrokenSeal when its file is damaged."""
        shelves = [shelf for shelf in self.folder.glob("*") if shelf.name.isdigit()]
        for shelf in sorted(shelves, reverse=True):
            numbers = [int(file.stem) for file in shelf.glob("*.json") if file.stem.isdigit()]
            if numbers:
                return self.read(max(numbers), self._file(max(numbers)))
        return None

    def read(self, number: int, file: Path) -> KeptSeal:
        """Return the seal in a file. Raises BrokenSeal when there is none of that number in it."""
        try:
            kept = json.loads(file.read_bytes())
            seal = Seal.of(kept["seal"])
            signature, lines = str(kept["signature"]), dict(kept["rows"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise BrokenSeal(number, file) from error
        if seal.number != number:
            raise BrokenSeal(number, file)
        return KeptSeal(seal, signature, lines)

    def add(self, kept: KeptSeal) -> Path:
        """Write one more seal, all of it or none. Raises FileExistsError when its number is there."""
        file = self._file(kept.seal.number)
        file.parent.mkdir(parents=True, exist_ok=True)
        content = {"seal": asdict(kept.seal), "signature": kept.signature, "rows": kept.lines}
        written = file.with_name(f".{uuid.uuid4().hex}")
        try:
            with written.open("w", encoding="utf-8") as opened:
                json.dump(content, opened, ensure_ascii=False, separators=(",", ":"), default=repr)
                opened.flush()
                os.fsync(opened.fileno())
            os.link(written, file)  # unlike a rename, it never takes the place of another sealer's file
        finally:
            written.unlink(missing_ok=True)
        _sync(file.parent)
        return file

    def _file(self, number: int) -> Path:
        """Return where a seal lies: by its number alone, so that two sealers of one number meet."""
        return self.folder / f"{number // _ON_A_SHELF:07d}" / f"{number:010d}.json"


def seals_of(book: SealBook) -> Iterator[tuple[int, KeptSeal | None]]:
    """Yield every number from 1 to the last with its seal, None where it is damaged or missing."""
    files = book.files()
    for number in range(1, max(files, default=0) + 1):
        try:
            yield number, book.read(number, files[number]) if number in files else None
        except BrokenSeal:
            yield number, None


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
