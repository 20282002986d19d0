"""Reading CSV files as people really send them: any of three encodings, torn quotes, short rows, NUL bytes.

The parser is the standard library's: it names the line of every row and goes on after a bad one.
"""

import codecs
import csv
import hashlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from crm_store.repositories.problems import Problem, StoreError

CHUNK_ROWS = 50_000
_BLOCK = 1 << 20
_CANDIDATES = ("utf-8", "gb18030")

Cells = list[str]


@dataclass(frozen=True)
class FileFacts:
    """What one pass over a file tells: its hash, encoding, number of lines, and whether any byte is odd.

    ``odd`` is true when a byte does not belong to the encoding, or is NUL: then cells need a closer look.
    """

    sha256: str
    encoding: str
    lines: int
    odd: bool


@dataclass
class Chunk:
    """Some rows of the right width with the line each begins on, and the rows that could not be read."""

    lines: list[int] = field(default_factory=list)
    rows: list[Cells] = field(default_factory=list)
    unreadable: list[tuple[int, Problem, Cells]] = field(default_factory=list)


def examine(path: Path, encoding: str | None = None) -> FileFacts:
    """Read a file once. Without ``encoding``, take UTF-8, or GBK when fewer of its lines would be damaged."""
    digest, decoder = hashlib.sha256(), codecs.getincrementaldecoder(encoding or "utf-8")()
    lines, odd, valid, start = 0, False, True, b""
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            start = start or block[:4]
            lines += block.count(b"\n")
            odd = odd or b"\x00" in block
            valid = valid and _decodes(decoder, block)
    valid = valid and _decodes(decoder, b"", final=True)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise StoreError(
            Problem(
                "encoding_unsupported", None, "不支持 UTF-16，请另存为 UTF-8", "save the file as UTF-8 first"
            )
        )
    found = encoding or ("utf-8" if valid else _least_damaged(path))
    found = "utf-8-sig" if found == "utf-8" else found
    return FileFacts(digest.hexdigest(), found, lines, odd or (not valid and _damaged(path, found) > 0))


class CsvRows:
    """The rows of one file. The first is the header; ``chunks`` gives the rest. Closes with the ``with``."""

    def __init__(self, path: Path, facts: FileFacts, delimiter: str = ",") -> None:
        self._facts = facts
        errors = "surrogateescape" if facts.odd else "strict"
        self._file = path.open(encoding=facts.encoding, errors=errors, newline="")
        self._again: deque[str] = deque()
        self._taken: list[str] = []
        self._line = 0
        self._delimiter = delimiter
        self._reader = self._parser()
        self.header = [name.strip() for name in self._header()]
        self._line = len(self._taken)

    def __enter__(self) -> "CsvRows":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def chunks(self, size: int = CHUNK_ROWS) -> Iterator[Chunk]:
        """Yield the rows in order, about ``size`` lines at a time."""
        while block := list(islice(self._file, size)):
            chunk = self._plain(block) or self._careful(block)
            if chunk.lines or chunk.unreadable:
                yield chunk

    def _plain(self, block: list[str]) -> Chunk | None:
        """Parse lines of one row each all at once; None when some line is not like that."""
        if self._facts.odd:
            return None
        try:
            rows = list(csv.reader(block, delimiter=self._delimiter, strict=True))
        except csv.Error:
            return None
        if len(rows) != len(block) or set(map(len, rows)) != {len(self.header)}:
            return None
        first, self._line = self._line + 1, self._line + len(block)
        return Chunk(list(range(first, self._line + 1)), rows)

    def _careful(self, block: list[str]) -> Chunk:
        """Parse row by row; the last row may take further lines from the file."""
        self._again.extend(block)
        self._reader = self._parser()
        chunk = Chunk()
        while self._again:
            self._take_row(chunk)
        return chunk

    def _header(self) -> Cells:
        try:
            return next(self._reader)
        except (StopIteration, csv.Error) as error:
            self._file.close()
            raise StoreError(
                Problem("no_header", None, "文件没有表头", "the file has no header line")
            ) from error

    def _parser(self) -> Iterator[Cells]:
        return csv.reader(self._lines(), delimiter=self._delimiter, strict=True)

    def _lines(self) -> Iterator[str]:
        """Yield lines, those put back first, and remember what the current row has taken."""
        taken, again, file = self._taken, self._again, self._file
        while True:
            line = again.popleft() if again else next(file, "")
            if not line:
                return
            taken.append(line)
            yield line

    def _take_row(self, chunk: Chunk) -> None:
        width, taken = len(self.header), self._taken
        taken.clear()
        try:
            cells = next(self._reader)
        except csv.Error:
            cells = []
        first = self._line + 1
        if len(cells) == width and not (self._facts.odd and _is_odd(taken)):
            self._line += len(taken)
            chunk.lines.append(first)
            chunk.rows.append(cells)
        elif cells or len(taken) > 1 or taken[0].strip("\r\n"):
            raw, problem = self._refused(cells, width)
            chunk.unreadable.append((first, problem, raw))
        else:
            self._line += 1  # an empty line is no row

    def _refused(self, cells: Cells, width: int) -> tuple[Cells, Problem]:
        """Blame the first line only: a torn quote may have swallowed good rows, which are read again."""
        first, *rest = self._taken
        self._line += 1
        self._again.extendleft(reversed(rest))
        self._reader = self._parser()
        if _is_odd([first]):
            problem = Problem(
                "bad_encoding",
                None,
                "该行含有无法识别的字节",
                "the row has bytes outside the file's encoding",
            )
        elif rest or not cells:
            problem = Problem("torn_quotes", None, "引号不成对", "its quotes do not match")
        else:
            zh, en = f"应有 {width} 列，实有 {len(cells)} 列", f"expected {width} cells, found {len(cells)}"
            problem = Problem("wrong_cell_count", None, zh, en)
        return cells if cells and not rest else [first.rstrip("\r\n")], problem


def _is_odd(lines: list[str]) -> bool:
    text = "".join(lines)
    if "\x00" in text:
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _decodes(decoder: codecs.IncrementalDecoder, block: bytes, final: bool = False) -> bool:
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError:
        return False
    return True


def _least_damaged(path: Path) -> str:
    return min(_CANDIDATES, key=lambda encoding: _damaged(path, encoding))


def _damaged(path: Path, encoding: str) -> int:
    """Count the lines that do not decode."""
    damaged = 0
    with path.open("rb") as file:
        for line in file:
            try:
                line.decode(encoding)
            except UnicodeDecodeError:
                damaged += 1
    return damaged
