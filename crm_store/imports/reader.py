"""Reading CSV files as people really send them: any of three encodings, torn quotes, short rows, NUL bytes.

The parser is the standard library's: it names the line of every row and goes on after a bad one.
"""

import codecs
import csv
import hashlib
from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path

from crm_store.imports.headers import LOOKAHEAD, header_place
from crm_store.repositories.problems import Problem, StoreError

CHUNK_ROWS = 50_000
# What bounds memory: rows of a CSV file may be long, and one cell may take many lines.
CHUNK_CHARACTERS = 16 << 20
MAX_LINE = 1 << 20
MAX_COLUMNS = 2_000
_STEP = 50
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

    def __len__(self) -> int:
        return len(self.lines) + len(self.unreadable)

    def after(self, count: int) -> "Chunk":
        """Return what follows the first ``count`` rows, in the order of the file."""
        if count == 0 or not self.unreadable:
            return Chunk(self.lines[count:], self.rows[count:], self.unreadable)
        if not self.lines:
            return Chunk([], [], self.unreadable[count:])
        passed = sorted([*self.lines, *(line for line, _, _ in self.unreadable)])[count - 1]
        kept = [place for place, line in enumerate(self.lines) if line > passed]
        return Chunk(
            [self.lines[place] for place in kept],
            [self.rows[place] for place in kept],
            [one for one in self.unreadable if one[0] > passed],
        )


def examine(path: Path, encoding: str | None = None) -> FileFacts:
    """Read a file once. Without ``encoding``, take UTF-8, or GBK when fewer of its lines would be damaged."""
    digest, decoder = hashlib.sha256(), codecs.getincrementaldecoder(encoding or "utf-8")()
    lines, odd, valid, start, unbroken = 0, False, True, b"", 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            unbroken = _unbroken(block, unbroken)
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


def _unbroken(block: bytes, before: int) -> int:
    """Return how many bytes since the last line break, and refuse a line that no memory may hold."""
    end = b"\n" if b"\n" in block else b"\r"
    first = block.find(end)
    if before + (len(block) if first < 0 else first) > MAX_LINE + _BLOCK:
        raise StoreError(
            Problem(
                "line_too_long",
                None,
                "文件中有一行过长，不是有效的 CSV",
                "a line is too long: this is no CSV file",
            )
        )
    return before + len(block) if first < 0 else len(block) - 1 - block.rfind(end)


class CsvRows:
    """The rows of one file. The first is the header; ``chunks`` gives the rest. Closes with the ``with``.

    With ``wanted``, plain names of columns, the header may stand below a title.
    """

    guarded = True
    sheets: tuple[str, ...] = ()

    def __init__(
        self, path: Path, facts: FileFacts, delimiter: str = ",", wanted: Collection[str] = ()
    ) -> None:
        self._facts = facts
        self.sha256, self.lines, self.encoding = facts.sha256, facts.lines, facts.encoding
        errors = "surrogateescape" if facts.odd else "strict"
        self._file = path.open(encoding=facts.encoding, errors=errors, newline="")
        self._source: Iterator[str] = self._file
        self._again: deque[str] = deque()
        self._taken: list[str] = []
        self._line = 0
        self._delimiter = delimiter
        if wanted:
            self._skip_title(wanted)
        self.header_line = self._line + 1
        self._reader = self._parser()
        self.header = [_clean(name) for name in self._header()]
        self._line += len(self._taken)

    def __enter__(self) -> "CsvRows":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def chunks(self, size: int = CHUNK_ROWS) -> Iterator[Chunk]:
        """Yield the rows in order, about ``size`` lines at a time."""
        while block := self._block(size):
            chunk = self._plain(block) or self._careful(block)
            if chunk.lines or chunk.unreadable:
                yield chunk

    def _block(self, size: int) -> list[str]:
        """Return the next lines: up to ``size`` of them, and of about so many characters."""
        block: list[str] = []
        characters = 0
        while len(block) < size and characters < CHUNK_CHARACTERS:
            some = list(islice(self._source, min(_STEP, size - len(block))))
            if not some:
                break
            block += some
            characters += sum(map(len, some))
        return block

    def _skip_title(self, wanted: Collection[str]) -> None:
        first = list(islice(self._source, LOOKAHEAD))
        rows = [line.split(self._delimiter) for line in first]
        self._line = header_place(rows, wanted)
        self._source = chain(first[self._line :], self._source)

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
            header = next(self._reader)
        except (StopIteration, csv.Error) as error:
            self._file.close()
            raise no_header() from error
        if len(header) > MAX_COLUMNS:
            self._file.close()
            zh, en = f"列数超过 {MAX_COLUMNS}", f"there are more than {MAX_COLUMNS} columns"
            raise StoreError(Problem("too_many_columns", None, zh, en))
        return header

    def _parser(self) -> Iterator[Cells]:
        return csv.reader(self._lines(), delimiter=self._delimiter, strict=True)

    def _lines(self) -> Iterator[str]:
        """Yield lines, those put back first, and remember what the current row has taken."""
        taken, again = self._taken, self._again
        while True:
            line = again.popleft() if again else next(self._source, "")
            if not line:
                return
            taken.append(line)
            yield line

    def _take_row(self, chunk: Chunk) -> None:
        width, taken = len(self.header), self._taken
        taken.clear()
        too_long = False
        try:
            cells = next(self._reader)
        except csv.Error as error:
            cells, too_long = [], "field larger" in str(error)
        first = self._line + 1
        if len(cells) == width and not (self._facts.odd and _is_odd(taken)):
            self._line += len(taken)
            chunk.lines.append(first)
            chunk.rows.append(cells)
        elif cells or len(taken) > 1 or taken[0].strip("\r\n"):
            raw, problem = self._refused(cells, width, too_long)
            chunk.unreadable.append((first, problem, raw))
        else:
            self._line += 1  # an empty line is no row

    def _refused(self, cells: Cells, width: int, too_long: bool) -> tuple[Cells, Problem]:
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
        elif too_long and len(first) > csv.field_size_limit():
            zh, en = "单元格过长", f"a cell is longer than {csv.field_size_limit():,} characters"
            problem = Problem("cell_too_long", None, zh, en)
        elif rest or not cells:
            problem = Problem("torn_quotes", None, "引号不成对", "its quotes do not match")
        else:
            zh, en = f"应有 {width} 列，实有 {len(cells)} 列", f"expected {width} cells, found {len(cells)}"
            problem = Problem("wrong_cell_count", None, zh, en)
        return cells if cells and not rest else [first.rstrip("\r\n")], problem


def _clean(name: str) -> str:
    """Return a column's name without what no mapping could spell."""
    return name.encode("utf-8", "backslashreplace").decode().replace("\x00", "").strip()


def no_header() -> StoreError:
    """Return the refusal of a file without a header."""
    return StoreError(Problem("no_header", None, "文件没有表头", "the file has no header line"))


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
