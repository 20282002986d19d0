"""A small sealed store, and what someone with the database's own powers could do to it."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from log_helpers import T0, a_fact, write_lead
from sqlalchemy import Connection, Engine, column, delete, insert, select, table, text, update
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction
from crm_store.models import Activity, ChangeLog, Definition, Lead, OrderSnapshot, ScoreLog
from crm_store.repositories.writes import changelog
from crm_store.repositories.writes.records import write_record
from crm_store.services.seal_audit import AuditReport, audit
from crm_store.services.seal_book import SealBook
from crm_store.services.seal_keys import SealSigner, create_keys
from crm_store.services.sealing import seal_store

LOG = ChangeLog.__table__
FACTS = [Activity.__table__, OrderSnapshot.__table__]
SEALED = [LOG, *FACTS, ScoreLog.__table__, Definition.__table__]
NOW = datetime(2026, 6, 1, tzinfo=UTC)
LEADS, VERSIONS = 6, 4


class Vault:
    """Where seals and their key lie, outside the database."""

    def __init__(self, folder: Path) -> None:
        self.book = SealBook(folder / "seals")
        self.key = folder / "keys" / "seal.pem"
        self.fingerprint = create_keys(self.key, self.book.public_key)
        self.signer = SealSigner(self.key)
        self._minutes = 0

    def seal(self, sessions: sessionmaker[Session], most_rows: int = 20_000) -> int:
        """Seal until nothing is new, and return how many seals that took."""
        count = 0
        while True:
            self._minutes += 1
            with sessions() as session:
                sealed = seal_store(
                    session, self.book, self.signer, NOW + timedelta(minutes=self._minutes), most_rows
                )
            if sealed is None:
                return count
            count += 1

    def audit(self, session: Session) -> AuditReport:
        return audit(session, self.book)


def fill(sessions: sessionmaker[Session], start: int = 0) -> None:
    """Add leads with several versions, calls, orders, scores and definitions."""
    with transaction(sessions) as session:
        for number in range(start, start + LEADS):
            lead = f"lea_{number}"
            write_lead(session, lead, {"company": "甲厂", "need": "试剂", "budget": 5}, new=True)
            for version in range(1, VERSIONS):
                write_lead(
                    session, lead, {"need": f"第{version}次", "expected_volume": version}, hours=version
                )
            session.add(Activity(**a_fact(f"act_{number}", lead), text="说了什么"))
            session.add(ScoreLog(**a_score(lead)))
            session.add(Definition(**a_definition(number)))
        account = {"source": "erp", "external_id": str(start), "name": "甲"}
        write_record(session, "account", f"acc_{start}", account, actor="job:x", recorded_at=T0, now=T0)
        for number in range(start, start + LEADS):
            order = a_fact(f"ord_{number}", "") | {"account_id": f"acc_{start}", "amount": 5.0 + number}
            session.add(
                OrderSnapshot(
                    **{k: v for k, v in order.items() if k not in ("lead_id", "channel", "direction")}
                )
            )


def a_score(lead: str) -> dict[str, Any]:
    moments = {"as_of": T0, "scored_at": T0}
    why = [{"feature": "chats_30d", "value": 3.5}]
    said = {"value": 65.0, "band": "yellow", "source": "rules", "version": "1", "reasons": why}
    return {"model": "lead_health", "entity_id": lead, **said, **moments}


def a_definition(number: int) -> dict[str, Any]:
    named = {"kind": "checklist", "name": f"清单{number % 3}", "version": number // 3 + 1}
    return {**named, "content": {"items": [number]}, "created_at": T0, "actor": "user:li"}


@contextmanager
def with_the_powers_of_the_database(engine: Engine) -> Iterator[Session]:
    """Give a session without triggers and foreign keys, whose every change is taken back at the end."""
    with engine.connect() as connection:
        sqlite = engine.dialect.name == "sqlite"
        if sqlite:
            connection.connection.cursor().execute("PRAGMA foreign_keys=OFF")
        with connection.begin() as outer:
            if sqlite:
                master = table("sqlite_master", column("name"), column("type"))
                for name in connection.scalars(select(master.c.name).where(master.c.type == "trigger")).all():
                    connection.execute(text(f"DROP TRIGGER {name}"))
            else:
                connection.execute(text("SET LOCAL session_replication_role = replica"))
            yield Session(bind=connection, join_transaction_mode="create_savepoint")
            outer.rollback()
        if sqlite:
            connection.connection.cursor().execute("PRAGMA foreign_keys=ON")


Attack = Callable[[Connection, random.Random], None]


def edit(connection: Connection, chance: random.Random) -> None:
    """Change one value of one sealed row."""
    of = chance.choice(SEALED)
    row = chance.choice(connection.execute(select(of)).all())
    name = chance.choice([one for one in _names(of) if getattr(row, one) is not None])
    connection.execute(update(of).where(*_is(of, row)).values({name: _another(getattr(row, name), chance)}))


def edit_record(connection: Connection, chance: random.Random) -> None:
    """Change a record and leave its log alone."""
    lead = Lead.__table__
    row = chance.choice(connection.execute(select(lead)).all())
    name = chance.choice(["need", "company", "budget", "version", "created_at", "updated_at", "status"])
    value = "lost" if name == "status" else _another(getattr(row, name), chance)
    connection.execute(update(lead).where(lead.c.id == row.id).values({name: value}))


def remove(connection: Connection, chance: random.Random) -> None:
    """Delete up to three rows of one table."""
    of = chance.choice(SEALED)
    for row in chance.sample(connection.execute(select(of)).all(), chance.randint(1, 3)):
        connection.execute(delete(of).where(*_is(of, row)))


def reorder(connection: Connection, chance: random.Random) -> None:
    """Swap the places of two rows."""
    postgres = connection.dialect.name == "postgresql"
    of = chance.choice([LOG] if postgres else [LOG, *FACTS])
    place = of.c.id if of is LOG else column("rowid")
    one, other = chance.sample(list(connection.scalars(select(place).select_from(of))), 2)
    for old, new in ((one, -1), (other, one), (-1, other)):
        connection.execute(
            update(of).where(place == old).values({place.name: new}) if of is LOG else _moved(of, old, new)
        )


def _moved(of: Any, old: int, new: int) -> Any:
    return text(f"UPDATE {of.name} SET rowid = :new WHERE rowid = :old").bindparams(new=new, old=old)


def cut_tail(connection: Connection, chance: random.Random) -> None:
    """Delete the newest rows of one table, and make the records fit what is left of their log."""
    of = chance.choice(SEALED)
    order = [of.c[name] for name in _names(of) if name in ("id", "version")] or [of.c.version]
    rows = connection.execute(select(of).order_by(*order)).all()
    for row in rows[-chance.randint(1, 5) :]:
        connection.execute(delete(of).where(*_is(of, row)))
    if of is LOG:
        _fit_records(connection)


def re_chain(connection: Connection, chance: random.Random) -> None:
    """Rewrite one record's history, every hash of it, and the record: the chains alone find nothing."""
    lead = f"lea_{chance.randrange(LEADS)}"
    entries = connection.execute(select(LOG).where(LOG.c.entity_id == lead).order_by(LOG.c.version)).all()
    forged = [entry._asdict() for entry in entries]
    victim = forged[chance.randrange(len(forged))]
    what = chance.choice(["actor", "reason", "recorded_at", "changes", "drop"])
    if what == "changes":
        victim["changes"] = victim["changes"] | {"need": [None, f"伪造{chance.random()}"]}
    elif what == "recorded_at":
        victim["recorded_at"] += timedelta(microseconds=1)
    elif what == "drop" and len(forged) > 1:
        forged.remove(victim)
    else:
        victim["actor"] = f"user:{chance.random()}"
    previous = changelog.GENESIS
    connection.execute(delete(LOG).where(LOG.c.entity_id == lead))
    for version, entry in enumerate(forged, start=1):
        entry |= {"version": version, "previous_hash": previous}
        names = ("actor", "reason", "recorded_at", "written_at")
        told = [entry[name] for name in names]
        entry["hash"] = previous = changelog.chain(previous, "lead", lead, version, entry["changes"], *told)
        connection.execute(insert(LOG).values(entry))
    _fit_records(connection)


def forge_row(connection: Connection, chance: random.Random) -> None:
    """Slip a fact in between those that are there."""
    if connection.dialect.name == "postgresql":
        txid = connection.scalar(select(Activity.__table__.c.txid).limit(1))
        forged = a_fact(f"act_forged_{chance.random()}", "lea_0") | {"txid": txid}
        connection.execute(insert(Activity.__table__).values(forged))
        return
    where = chance.choice(list(connection.scalars(select(column("rowid")).select_from(Activity.__table__))))
    connection.execute(
        text("UPDATE activity SET rowid = rowid + 100000 WHERE rowid >= :at").bindparams(at=where)
    )
    connection.execute(text("UPDATE activity SET rowid = rowid - 99999 WHERE rowid > 100000"))
    names = ", ".join(a_fact("", ""))
    marks = ", ".join(f":{name}" for name in a_fact("", ""))
    forged = a_fact(f"act_forged_{chance.random()}", "lea_0")
    moments = {"occurred_at": 0, "recorded_at": 0}
    connection.execute(
        text(f"INSERT INTO activity (rowid, {names}) VALUES (:at, {marks})"),
        {**forged, **moments, "at": where},
    )


ATTACKS: list[Attack] = [edit, edit_record, remove, reorder, cut_tail, re_chain, forge_row]


def _names(of: Any) -> list[str]:
    return [one.name for one in of.c]


def _is(of: Any, row: Any) -> list[Any]:
    return [of.c[key.name] == getattr(row, key.name) for key in of.primary_key]


def _another(value: Any, chance: random.Random) -> Any:
    if isinstance(value, datetime):
        return value + timedelta(microseconds=chance.choice([1, -1, 86_400_000_000]))
    if isinstance(value, int | float):
        return value + chance.choice([1, 1000])
    if isinstance(value, dict | list):
        return [*value, "x"] if isinstance(value, list) else {**value, f"x{chance.random()}": [1, 2]}
    swapped = "x" if not value.startswith("x") else "y"
    return (swapped + value[1:]) if len(value) < 60 else swapped * 5


def _fit_records(connection: Connection) -> None:
    """Give every lead the state, version and time that its log now gives, and drop those without a log."""
    lead = Lead.__table__
    for lead_id in connection.scalars(select(lead.c.id)).all():
        entries = connection.execute(
            select(LOG).where(LOG.c.entity == "lead", LOG.c.entity_id == lead_id).order_by(LOG.c.version)
        ).all()
        if not entries:
            connection.execute(delete(lead).where(lead.c.id == lead_id))
            continue
        *_, state = changelog.fold("lead", entries)
        own = {"version": entries[-1].version, "updated_at": entries[-1].recorded_at}
        connection.execute(update(lead).where(lead.c.id == lead_id).values({**state, **own}))
