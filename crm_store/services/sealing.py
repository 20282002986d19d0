"""Sealing: a signed checkpoint, kept outside the database, of every row that is there and settled.

Cheap enough to run every minute: it costs what was written since the last one. See ``seal_audit`` for what a
seal is good for.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from crm_store.domain.seals import GENESIS, Line, Seal, StreamSeal, run
from crm_store.repositories.history.sealed import STREAMS, Stream
from crm_store.repositories.problems import Problem, StoreError
from crm_store.services.seal_book import BrokenSeal, KeptSeal, SealBook
from crm_store.services.seal_keys import SealChecker, SealSigner

MOST_SECONDS = 60
"""How old the newest seal may be while rows are written: what a forger has time for."""
MOST_ROWS = 20_000
"""Rows of one seal; bounds its file (about 100 bytes a row) and the memory of whoever checks it."""


def seal_store(
    session: Session, book: SealBook, signer: SealSigner, now: datetime, most_rows: int = MOST_ROWS
) -> KeptSeal | None:
    """Seal what is new, at most ``most_rows`` rows, and return the seal; None when nothing is new.

    ``session`` reads in a transaction of its own. Several sealers may run: the one that comes second gives
    way (None). Rows of transactions that are still open wait for the next seal. Raises StoreError
    ``seal_broken`` when the newest seal is not one that this key signed.
    """
    last = _last(book, signer)
    lines: dict[str, list[Line]] = {}
    streams: dict[str, StreamSeal] = {}
    for stream in STREAMS:
        before = last.seal.streams.get(stream.name) if last is not None else None
        room = most_rows - sum(map(len, lines.values()))
        streams[stream.name], lines[stream.name] = _extended(session, stream, before, room)
    if not any(lines.values()):
        return None
    seal = Seal(
        number=last.seal.number + 1 if last is not None else 1,
        sealed_at=now.astimezone(UTC).isoformat(),
        previous=last.seal.hash() if last is not None else GENESIS,
        key=signer.fingerprint,
        streams=streams,
    )
    kept = KeptSeal(seal, signer.sign(seal.text()), {name: some for name, some in lines.items() if some})
    try:
        book.add(kept)
    except FileExistsError:
        return None
    return kept


def _extended(
    session: Session, stream: Stream, before: StreamSeal | None, room: int
) -> tuple[StreamSeal, list[Line]]:
    """Return a table's part of the next seal and the lines that it adds."""
    after = before.until if before is not None else stream.start
    rows, digest = (before.rows, before.digest) if before is not None else (0, GENESIS)
    end = stream.end(session) if room > 0 else after
    found = list(stream.rows(session, after, end, room)) if room > 0 else []
    lines = [row.line for row in found]
    # Fewer rows than there was room for: nothing is left before the end. It could not be told for a moment
    # (settling) or stands still; then the place stays.
    if found and len(found) == room:
        until: Any = found[-1].place
    elif stream.is_behind(after, end):
        until = end
    else:
        until = after
    return StreamSeal(rows + len(lines), digest, run(digest, lines), until), lines


def _last(book: SealBook, signer: SealSigner) -> KeptSeal | None:
    try:
        last = book.last()
    except BrokenSeal as error:
        raise StoreError(_broken(error.number)) from error
    if last is None:
        return None
    ours = SealChecker(book.public_key)
    if ours.fingerprint != signer.fingerprint or not ours.is_signed(last.seal.text(), last.signature):
        raise StoreError(_broken(last.seal.number))
    return last


def _broken(number: int) -> Problem:
    return Problem(
        "seal_broken",
        None,
        f"第 {number} 号封存已损坏或不是由本密钥签署，无法继续封存；请运行 leadpulse audit verify",
        f"seal {number} is damaged or was not signed by this key, so none can follow: "
        "run leadpulse audit verify",
    )
