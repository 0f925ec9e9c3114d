"""What operators did: rows that are only ever added, each sealed with the one before it.

The hash of a row covers all of it and the hash of the row before, so that a row that is changed, taken out or put in
breaks the chain from there on. The head says how long the chain is and how it ends. Who may write to every table could
forge all of it: against that, keep the hash of the last row somewhere else.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, cast

from sqlalchemy import DDL, JSON, ColumnElement, Select, String, Table, event, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from jobs.redaction import without_secrets

from .channels import channel
from .models import Entry, Id, LedgerBase
from .moments import UtcDateTime
from .reader import now

AT_ONCE = 1_000
LOOK_AT = 50_000
LONGEST_BY = 160
LONGEST_SUBJECT = 200
FIRST_HASH = "0" * 64
COMMAND_LINE = "command line"
"""Who acts in the terminal, where nobody signs in."""
CHANNEL = "channel"


class AuditRow(LedgerBase):
    """One thing that somebody did: what, to what, and with which details."""

    __tablename__ = "job_audit"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    by: Mapped[str | None] = mapped_column(String(LONGEST_BY))
    action: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(LONGEST_SUBJECT))
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
    prev_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))

    @property
    def channel(self) -> str:
        """By which way they came. It is one of the details, so that the seals of all versions cover it alike."""
        return str(self.details.get(CHANNEL, ""))

    @property
    def told(self) -> dict[str, Any]:
        """The details without the way."""
        return {name: one for name, one in self.details.items() if name != CHANNEL}

    def seal(self) -> str:
        """The hash that this row has to have."""
        told = {
            "id": self.id,
            "at": self.at.astimezone(UTC).isoformat(timespec="microseconds"),
            "by": self.by,
            "action": self.action,
            "subject": self.subject,
            "details": self.details,
            "prev_hash": self.prev_hash,
        }
        return sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


class AuditHead(LedgerBase):
    """How the chain ends. Its one row is held by whoever adds to it."""

    __tablename__ = "job_audit_head"

    one: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    length: Mapped[int] = mapped_column(Id)
    hash: Mapped[str] = mapped_column(String(64))


audit_table = cast("Table", AuditRow.__table__)
head_table = cast("Table", AuditHead.__table__)

_REFUSED = "the audit log is only added to"
_FUNCTION = (
    "CREATE OR REPLACE FUNCTION job_audit_refuse() RETURNS trigger LANGUAGE plpgsql AS"
    f" $$ BEGIN RAISE EXCEPTION '{_REFUSED}'; END $$"
)
_TRIGGER = (
    "CREATE TRIGGER job_audit_only_added_to BEFORE UPDATE OR DELETE OR TRUNCATE ON job_audit"
    " FOR EACH STATEMENT EXECUTE FUNCTION job_audit_refuse()"
)
_ON_SQLITE = tuple(
    f"CREATE TRIGGER job_audit_no_{move} BEFORE {move} ON job_audit BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END"
    for move in ("update", "delete")
)
# Whoever makes the table has the database itself refuse changes of it; migrations say the same in their own words.
for _name, _statements in (("postgresql", (_FUNCTION, _TRIGGER)), ("sqlite", _ON_SQLITE)):
    for _statement in _statements:
        event.listen(audit_table, "after_create", DDL(_statement).execute_if(dialect=_name))  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Verification:
    """What became of walking the chain: how many rows are as they were written, and which is the first that is not.

    `last_hash` is what the head says; a copy of it that is kept elsewhere shows whether all was written anew.
    """

    is_whole: bool
    entries: int
    broken_id: int | None
    problem: str | None
    last_hash: str

    @property
    def counted(self) -> str:
        """How many are as they were written, in words."""
        return f"{self.entries:,} {'entry is as it was' if self.entries == 1 else 'entries are as they were'} written"


def append(session: Session, *, by: str | None, action: str, subject: str, details: Mapping[str, Any]) -> None:
    """Add a row in the transaction that holds the action. Nobody else adds one until it ends, so make this its last."""
    end = _longer_by_one(session)
    row = AuditRow(
        id=end.length,
        at=now(session),
        by=None if by is None else by[:LONGEST_BY],
        action=action,
        subject=subject[:LONGEST_SUBJECT],
        details=json.loads(json.dumps({**without_secrets(dict(details)), CHANNEL: channel()}, default=str)),
        prev_hash=end.hash,
    )
    row.hash = row.seal()
    session.add(row)
    session.flush()
    session.connection().execute(update(head_table).values(hash=row.hash))


def _longer_by_one(session: Session) -> Any:
    """The new length and the old hash, held until the transaction ends."""
    longer = update(head_table).values(length=head_table.c.length + 1).returning(head_table.c.length, head_table.c.hash)
    end = session.connection().execute(longer).first()
    if end is None:
        dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        first = dialect.insert(head_table).values(one=1, length=0, hash=FIRST_HASH)
        session.connection().execute(first.on_conflict_do_nothing())
        end = session.connection().execute(longer).one()
    return end


def standing_of(session: Session, uid: str) -> dict[str, Any]:
    """How a job stands, as far as people change it; nothing when there is none."""
    columns = (Entry.state, Entry.queue, Entry.priority, Entry.run_at, Entry.cancel_requested_at)
    row = session.connection().execute(select(*columns).where(Entry.uid == uid)).first()
    if row is None:
        return {}
    run_at = row.run_at and row.run_at.isoformat()
    told = {"state": str(row.state), "queue": row.queue, "priority": row.priority, "run_at": run_at}
    return {**told, "asked_to_end": row.cancel_requested_at is not None}


def of_job(
    session: Session,
    uid: str,
    action: str,
    *,
    by: str | None,
    is_operator: bool,
    before: Mapping[str, Any],
    reason: str | None,
) -> None:
    """Add that somebody did this to a job, unless it is their own and they are no operator.

    `before` is how it stood before; what is another now is told.
    """
    told = session.execute(select(Entry.requested_by, Entry.kind).where(Entry.uid == uid)).one()
    after = standing_of(session, uid)
    changed = [name for name in after if after[name] != before.get(name)]
    words = {"before": {name: before.get(name) for name in changed}, "after": {name: after[name] for name in changed}}
    details = {"kind": told.kind, **words, "reason": reason}
    if is_of_note(told.requested_by, by=by, is_operator=is_operator):
        append(session, by=by, action=action, subject=f"job {uid}", details=details)


def is_of_note(owner: str | None, *, by: str | None, is_operator: bool) -> bool:
    """Whether what somebody did to a thing of this owner is written down: all but what people do with their own."""
    return is_operator or by is None or by != owner


def page(
    session: Session,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    before_id: int | None = None,
    limit: int = 50,
) -> list[AuditRow]:
    """Rows from `since` on and before `until`, the newest first, from below `before_id`."""
    query = select(AuditRow).where(*_range(since, until, before_id))
    return list(session.scalars(query.order_by(AuditRow.id.desc()).limit(limit)))


def found(
    session: Session,
    *,
    by: str = "",
    action: str = "",
    subject: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    before_id: int | None = None,
    limit: int,
) -> list[AuditRow]:
    """Rows by somebody, of an action and on what holds this text (whatever is said of these), the newest first.

    Looks at no more than `LOOK_AT` rows of that time from where it begins; `looked_to` says where it goes on.
    """
    some = _looked_at(since, until, before_id).subquery()
    query = select(AuditRow).where(AuditRow.id.in_(select(some.c.id)))
    if by:
        query = query.where(AuditRow.by.ilike(f"%{_plain(by)}%", escape="\\"))
    if action:
        query = query.where(AuditRow.action == action)
    if subject:
        query = query.where(AuditRow.subject.ilike(f"%{_plain(subject)}%", escape="\\"))
    return list(session.scalars(query.order_by(AuditRow.id.desc()).limit(limit)))


def looked_to(
    session: Session, *, since: datetime | None = None, until: datetime | None = None, before_id: int | None = None
) -> int | None:
    """The last row that `found` looks at from there, below which there may be more; None when it looks at all."""
    some = _looked_at(since, until, before_id).subquery()
    count, last = session.execute(select(func.count(), func.min(some.c.id)).select_from(some)).one()
    return None if count < LOOK_AT else int(last)


def _looked_at(since: datetime | None, until: datetime | None, before_id: int | None) -> Select[int]:
    query = select(AuditRow.id).where(*_range(since, until, before_id))
    return query.order_by(AuditRow.id.desc()).limit(LOOK_AT)


def _range(since: datetime | None, until: datetime | None, before_id: int | None) -> list[ColumnElement[bool]]:
    bounds = []
    if since is not None:
        bounds.append(AuditRow.at >= since)
    if until is not None:
        bounds.append(AuditRow.at < until)
    if before_id is not None:
        bounds.append(AuditRow.id < before_id)
    return bounds


def _plain(text: str) -> str:
    """The text for LIKE, meant to the letter."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def verify(session: Session, *, known: Verification | None = None) -> Verification:
    """Walk the chain from its first row to where the head said it ended when the walk began.

    With what a walk before found whole, only what was added since is walked.
    """
    length, last_hash = head(session)
    before, number = FIRST_HASH, 0
    if known is not None and known.is_whole and known.entries <= length:
        before, number = known.last_hash, known.entries
    for row in _rows(session, above=number):
        if row.id > length:
            if row.id > head(session)[0]:
                return Verification(False, number, row.id, "The row was not added as others are.", last_hash)
            break  # added since the walk began
        number += 1
        if row.id != number:
            return Verification(False, number - 1, number, "The row is missing.", last_hash)
        if row.prev_hash != before or row.hash != row.seal():
            return Verification(False, number - 1, number, "The row is not as it was written.", last_hash)
        before = row.hash
    if number != length:
        return Verification(False, number, number + 1, "The row is missing.", last_hash)
    if before != last_hash:
        return Verification(False, number, None, "The head is not as it was written.", last_hash)
    return Verification(True, number, None, None, last_hash)


def head(session: Session) -> tuple[int, str]:
    """How long the chain is, and the hash that it ends with."""
    found = session.connection().execute(select(head_table.c.length, head_table.c.hash)).first()
    return (found.length, found.hash) if found else (0, FIRST_HASH)


def _rows(session: Session, *, above: int) -> Iterator[AuditRow]:
    query = select(AuditRow).order_by(AuditRow.id).limit(AT_ONCE).execution_options(populate_existing=True)
    # From the first row on nothing is left out, not even one below it that somebody put in.
    rows = session.scalars(query.where(AuditRow.id > above) if above else query).all()
    while rows:
        yield from rows
        rows = session.scalars(query.where(AuditRow.id > rows[-1].id)).all()
