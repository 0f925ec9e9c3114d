"""What a person can do with their activities, and what happens to them in the background."""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby, islice
from operator import attrgetter
from random import Random
from typing import Any, NamedTuple, cast

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Dialect,
    String,
    Table,
    Text,
    bindparam,
    delete,
    null,
    or_,
    select,
    text,
    update,
)
from sqlalchemy import cast as cast_to
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.accounts import queries as account_queries
from app.accounts import services as account_services
from app.clock import now
from app.db import in_transaction, transaction
from app.errors import Conflict, Invalid, NotFound
from app.events import ActivityCounted, ActivityLogged, announce, announce_made
from app.question import Question
from app.security import requester
from app.web import settings
from jobs import UNMADE, GiveUp, SettledJob, check_cancelled, current, engine_of, has_live, retrying

from . import queries
from .calories import burned
from .drafts import WEIGHT_UNKNOWN, Draft, problems_of
from .mets import Kind
from .models import Activity
from .samples import samples

BIN_DAYS = 30
STUCK_AFTER = timedelta(seconds=60)
MOST_RECOUNT_ROUNDS = 3
REQUEUE_AT_ONCE = 1_000
DEMO_AT_ONCE = 2_000
RECALCULATE_AT_ONCE = 500
# The job's name in the ledger. Services do not know actors; a test holds the two together.
COUNTS_CALORIES = "activities.count_calories"
DEPENDS_ON = ("met", "duration_s", "weight_kg")
WRITTEN = (
    *("user_id", "kind", "met", "duration_s", "weight_kg", "started_at", "day", "notes", "created_at", "changed_at"),
    *("submission_key", "submission_print"),
)

# The range lets the planner find a batch by its ids whatever it believes about the size of the table.
WRITE_ON_POSTGRESQL = text(
    "UPDATE activity SET energy_kcal = new.energy_kcal, counted_at = :at, changed_at = :at,"
    " uncountable_since = NULL, uncountable_reason = NULL"
    " FROM unnest(CAST(:ids AS integer[]), CAST(:energies AS numeric[])) AS new (id, energy_kcal)"
    " WHERE activity.id = new.id AND activity.id BETWEEN :low AND :high"
)
WRITE_ON_SQLITE = (
    "UPDATE activity SET energy_kcal = ?, counted_at = ?, changed_at = ?,"
    " uncountable_since = NULL, uncountable_reason = NULL WHERE id = ?"
)

activity = cast("Table", Activity.__table__)
WRITE_ONE = Question(
    update(activity)
    .where(activity.c.id == bindparam("which"))
    .values(
        energy_kcal=bindparam("energy"),
        counted_at=bindparam("at"),
        changed_at=bindparam("at"),
        uncountable_since=null(),
        uncountable_reason=null(),
    )
    .returning(activity.c.id),
    name="write_energy",
)

# Leaves out what was sent before under the same key. Built once: these run at every submit.
UNLESS_SENT: dict[str, Any] = {
    "index_elements": ["user_id", "submission_key"],
    "index_where": text("submission_key IS NOT NULL"),
}
INSERT = {
    name: dialect.insert(activity).on_conflict_do_nothing(**UNLESS_SENT)
    for name, dialect in (("postgresql", postgresql), ("sqlite", sqlite))
}
INSERT_ONE = {
    name: Question(
        insert.returning(activity.c.id, account_queries.KNOWN_WEIGHT.scalar_subquery().label("known_kg")),
        name="insert_activity",
        columns=WRITTEN,
    )
    for name, insert in INSERT.items()
}


def _typed(name: str) -> ColumnElement[Any]:
    """A value with the type of its column; a text too long for it is not cut, but refused."""
    kind = activity.c[name].type
    return cast_to(bindparam(name, type_=kind), Text() if isinstance(kind, String) else kind)


# The usual one, whose weight is the one that is known: nothing but its job follows from it.
INSERT_USUAL = Question(
    postgresql.insert(activity)
    .from_select(
        WRITTEN,
        select(*map(_typed, WRITTEN)).where(account_queries.KNOWN_WEIGHT.scalar_subquery() == _typed("weight_kg")),
    )
    .on_conflict_do_nothing(**UNLESS_SENT)
    .returning(activity.c.id),
    name="insert_usual_activity",
)
INSERT_MANY = {name: insert.returning(activity.c.submission_key, activity.c.id) for name, insert in INSERT.items()}


class Logged(NamedTuple):
    """What came of writing an activity down: its id, and whether it is new or an earlier one sent twice.

    A new one comes with what was written, and the public id of the job that works out its energy.
    """

    id: int
    is_new: bool
    row: Mapping[str, Any] | None = None
    job_uid: str | None = None


@retrying
def log_activity(user_id: int, draft: Draft, *, zone: str, key: str | None = None) -> Logged:
    """Write the activity down; its calories follow in the background.

    With a `key`, the same draft sent twice, even at the same moment, is one activity. When that one lies in the bin,
    another is logged, and has the key from then on. A weight that differs from the one known on that day becomes the
    known one.

    Raises:
        Invalid: the draft breaks a rule, or gives no weight and none is known
        Conflict: the key was used for another draft
    """
    moment, alone, by = now(), not in_transaction(), requester(user_id)
    with transaction() as session:
        row = _row(user_id, draft, zone=zone, at=moment)
        row |= {"submission_key": key, "submission_print": draft.fingerprint() if key else None}
        asked = {**row, "whose": user_id, "until_day": row["day"]}
        dialect = session.get_bind().dialect.name
        if dialect == "postgresql":
            at_once = announce_made(INSERT_USUAL, asked, ActivityLogged(UNMADE), by=by, alone=alone)
            if at_once:
                return Logged(at_once[0], is_new=True, row=row, job_uid=at_once[1])
        insert = INSERT_ONE[dialect]
        made = insert.first(asked)
        if made is None and _free_key(session, row):
            made = insert.first(asked)
        if made is None:
            return Logged(_sent_before(session, row), is_new=False)
        if draft.weight_kg is not None and made.known_kg != row["weight_kg"]:
            account_services.record_weight(user_id, weight_kg=row["weight_kg"], on_day=row["day"])
        jobs = announce(ActivityLogged(made.id), by=by)
    return Logged(made.id, is_new=True, row=row, job_uid=jobs[0] if jobs else None)


@retrying
def log_activities(user_id: int, drafts: Sequence[Draft], *, zone: str) -> list[Logged]:
    """Write many activities down, all or none; as `log_activity` for each, in a few statements for all of them.

    Raises:
        Invalid: a draft breaks a rule; its errors are named "3.duration_min"
    """
    moment = now()
    with transaction() as session:
        rows = _rows(user_id, drafts, zone=zone, at=moment)
        batch = secrets.token_hex(12)
        for number, row in enumerate(rows):
            row |= {"submission_key": f"batch:{batch}:{number}", "submission_print": None}
        insert = INSERT_MANY[session.get_bind().dialect.name]
        made = {row.submission_key: row.id for row in session.connection().execute(insert, rows)}
        ids = [made[row["submission_key"]] for row in rows]
        announce(*(ActivityLogged(one) for one in ids), by=requester(user_id))
    return [Logged(one, is_new=True) for one in ids]


@retrying
def change_activity(user_id: int, activity_id: int, changes: Mapping[str, Any], *, zone: str) -> None:
    """Change some fields of an activity, named as in `Draft`; what its energy depends on makes it count again.

    Raises:
        NotFound, Invalid
    """
    moment = now()
    with transaction() as session:
        before = queries.activity_of(user_id, activity_id, locked=True)
        draft = replace(before.draft, **changes)
        if wrong := problems_of(draft, now=moment):
            raise Invalid(wrong)
        values = _content(draft, zone=zone) | {"changed_at": moment}
        if draft.kind.value == before.kind:
            values["met"] = before.met
        if any(values[name] != getattr(before, name) for name in DEPENDS_ON):
            values |= _uncounted()
            announce(ActivityLogged(activity_id), by=requester(user_id))
        known_kg = account_queries.weight_on(user_id, values["day"])
        if values["weight_kg"] not in (before.weight_kg, known_kg):
            account_services.record_weight(user_id, weight_kg=values["weight_kg"], on_day=values["day"])
        session.execute(update(activity).where(activity.c.id == activity_id).values(values))


def changes_in(before: Activity, draft: Draft) -> dict[str, Any]:
    """What of the draft differs from the activity, as `change_activity` takes it.

    Forms speak of whole minutes: a start within the same one is no change.
    """
    old = before.draft
    changes = {
        field.name: getattr(draft, field.name)
        for field in fields(Draft)
        if getattr(draft, field.name) != getattr(old, field.name)
    }
    if draft.started_at and before.started_at.replace(second=0, microsecond=0) == draft.started_at:
        changes.pop("started_at", None)
    return changes


def delete_activity(user_id: int, activity_id: int) -> None:
    """Lay the activity in the bin, where it can be taken back from for 30 days.

    Raises:
        NotFound
    """
    _move(user_id, activity_id, from_bin=False, deleted_at=now())


def restore_activity(user_id: int, activity_id: int) -> None:
    """Take the activity back out of the bin.

    Raises:
        NotFound: it is not in the bin
    """
    _move(user_id, activity_id, from_bin=True, deleted_at=None)


@retrying
def recount_activity(user_id: int, activity_id: int) -> None:
    """Try again to work out what an activity burned; one that has its energy, or is waiting, is left as it is.

    Raises:
        NotFound
    """
    with transaction() as session:
        found = queries.activity_of(user_id, activity_id, locked=True)
        if found.energy_kcal is not None:
            return
        session.execute(
            update(activity).where(activity.c.id == activity_id).values(_uncounted() | {"changed_at": now()})
        )
        announce(ActivityLogged(activity_id), by=requester(user_id))


def count_calories(activity_ids: Sequence[int]) -> None:
    """Work out what the activities burned. Running it twice changes nothing.

    Raises:
        GiveUp: one of them cannot be counted; then nothing is written
    """
    with transaction() as session:
        counted = [(row.id, _energy(row)) for row in queries.to_count(activity_ids) if row.energy_kcal is None]
        if counted:
            _write_energies(session.connection(), counted)
            announce(*(ActivityCounted(one) for one, _ in counted))


def recalculate_kind(kind: Kind, met: Decimal) -> int:
    """Give every activity of the kind this MET, and its energy if it had one; how many were changed.

    Works in small transactions and can be cut off anywhere: what is done does not have the old MET any more.
    """
    count, after_id, expected = 0, 0, queries.count_with_another_met(kind, met)
    while True:
        check_cancelled()
        with transaction() as session:
            rows = queries.with_another_met(kind, met, after_id=after_id, limit=RECALCULATE_AT_ONCE)
            if not rows:
                return count
            ids = [row.id for row in rows]
            session.execute(update(activity).where(activity.c.id.in_(ids)).values(met=met, changed_at=now()))
            counted = [(row.id, _energy_with(row, met)) for row in rows if row.energy_kcal is not None]
            if counted:
                _write_energies(session.connection(), counted)
                announce(*(ActivityCounted(one) for one, _ in counted))
        count, after_id = count + len(rows), ids[-1]
        current().progress(count, max(expected, count))


def could_not_count(activity_id: int, reason: str) -> None:
    """Note that no further try follows by itself, and why. An activity that has its energy keeps it."""
    with transaction() as session:
        session.execute(
            update(Activity)
            .where(Activity.id == activity_id, Activity.energy_kcal.is_(None))
            .values(uncountable_since=now(), uncountable_reason=reason[:500], changed_at=now())
        )


def fill_demo(
    user_id: int,
    count: int = 40,
    *,
    days: int = 42,
    at: datetime | None = None,
    on_progress: Callable[[int], object] = lambda _: None,
) -> None:
    """Give somebody that many activities of the last `days`, with their calories and with jobs that are settled.

    They look as if they were logged at that moment, now if there is none. `on_progress` hears how many more are there,
    a few thousand at a time.
    """
    zone, moment = account_queries.user_of(user_id).zone, at or now()
    made = samples(count, until=moment, days=days, chance=Random(count))  # noqa: S311 -- the same every time, on purpose
    while drafts := list(islice(made, DEMO_AT_ONCE)):
        with transaction() as session:
            rows = [
                {"user_id": user_id, **_content(draft, zone=zone), "created_at": moment, "changed_at": moment}
                for draft in drafts
            ]
            for row, draft in zip(rows, drafts, strict=True):
                row |= {"energy_kcal": _energy_of(draft), "counted_at": moment}
            ids = _insert_many(session.connection(), rows)
            engine_of().write_settled(session, [_settled_job(one, at=moment) for one in ids])
            last = max(drafts, key=lambda draft: draft.day_in(zone))
            account_services.record_weight(user_id, weight_kg=last.weight_kg or Decimal(70), on_day=last.day_in(zone))
        on_progress(len(drafts))


def requeue_uncounted() -> int:
    """Ask again for the energy of activities that have none and no job on its way; how many.

    Those whose calculation failed are taken up at most three times by itself; then a person decides.
    """
    moment = now()
    with transaction() as session:
        stuck = session.execute(
            select(Activity.id, Activity.user_id, Activity.uncountable_since)
            .where(
                Activity.energy_kcal.is_(None),
                Activity.deleted_at.is_(None),
                Activity.changed_at < moment - STUCK_AFTER,
                or_(Activity.uncountable_since.is_(None), Activity.recount_rounds < MOST_RECOUNT_ROUNDS),
                ~has_live("activity", Activity.id),
            )
            .order_by(Activity.user_id, Activity.day, Activity.started_at, Activity.id)  # as the index of the uncounted
            .limit(REQUEUE_AT_ONCE)
        ).all()
        if failed := [one.id for one in stuck if one.uncountable_since]:
            session.execute(
                update(Activity)
                .where(Activity.id.in_(failed))
                .values(
                    uncountable_since=None,
                    uncountable_reason=None,
                    recount_rounds=Activity.recount_rounds + 1,
                    changed_at=moment,
                )
            )
        for user_id, theirs in groupby(stuck, key=attrgetter("user_id")):
            announce(*(ActivityLogged(one.id) for one in theirs), by=requester(user_id))
    return len(stuck)


def purge_deleted(*, older_than_days: int = BIN_DAYS) -> int:
    """Forget for good what has lain in the bin for so long; how many."""
    with transaction() as session:
        old = select(Activity.id).where(Activity.deleted_at < now() - timedelta(days=older_than_days)).limit(1_000)
        return session.connection().execute(delete(activity).where(activity.c.id.in_(old))).rowcount


def _insert_many(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Write rows that all name the same columns, with one statement below the layer that looks at every value."""
    names = list(rows[0])
    if connection.dialect.name == "postgresql":
        kinds = ", ".join(f"{name} {activity.c[name].type.compile(connection.dialect)}" for name in names)
        new = json.dumps(rows, default=str)
        insert_ = f"INSERT INTO activity ({', '.join(names)}) SELECT {', '.join(names)}"
        source = f" FROM json_to_recordset(CAST(%(rows)s AS json)) AS new ({kinds}) RETURNING id"
        return list(connection.exec_driver_sql(insert_ + source, {"rows": new}).scalars())
    stored = [_stored(activity.c[name], connection.dialect) for name in names]
    last = connection.exec_driver_sql("SELECT coalesce(max(id), 0) FROM activity").scalar_one()
    connection.exec_driver_sql(
        f"INSERT INTO activity ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})",  # noqa: S608 -- our own names
        [tuple(store(row[name]) for store, name in zip(stored, names, strict=True)) for row in rows],
    )
    return list(connection.exec_driver_sql("SELECT id FROM activity WHERE id > ?", (last,)).scalars())


def _energy_of(draft: Draft) -> Decimal:
    assert draft.weight_kg is not None, "samples have a weight"
    return burned(queries.met_of(draft.kind), weight_kg=draft.weight_kg, duration=draft.duration)


def _settled_job(activity_id: int, *, at: datetime) -> SettledJob:
    started_at = at + timedelta(milliseconds=3 + activity_id % 17)
    return SettledJob(
        kind=COUNTS_CALORIES,
        ready_at=at,
        started_at=started_at,
        finished_at=started_at + timedelta(milliseconds=1 + activity_id % 5),
        args={"activity_ids": activity_id},
        subject_kind=ActivityLogged.subject_kind,
        subject_id=activity_id,
        worker="demo",
    )


def _row(user_id: int, sent: Draft, *, zone: str, at: datetime) -> dict[str, Any]:
    """One draft as a row of the table; without a weight it gets the one that is known on its day."""
    draft = sent if sent.started_at else replace(sent, started_at=at)
    if errors := problems_of(draft, now=at):
        raise Invalid(errors)
    content = _content(draft, zone=zone)
    if draft.weight_kg is None:
        content["weight_kg"] = queries.weight_on(user_id, content["day"])
        if content["weight_kg"] is None:
            raise Invalid({"weight_kg": WEIGHT_UNKNOWN})
    return {"user_id": user_id, **content, "created_at": at, "changed_at": at}


def _rows(user_id: int, drafts: Sequence[Draft], *, zone: str, at: datetime) -> list[dict[str, Any]]:
    """The drafts as rows of the table. Each gets its weight, and a new weight is recorded once for its day."""
    wrong: dict[str, str] = {}
    known: dict[date, Decimal | None] = {}
    rows = []
    for number, sent in enumerate(drafts):
        draft = sent if sent.started_at else replace(sent, started_at=at)
        errors = problems_of(draft, now=at)
        if not errors:
            day = draft.day_in(zone)
            if day not in known:
                known[day] = account_queries.weight_on(user_id, day)
            if draft.weight_kg is None:
                draft = replace(draft, weight_kg=known[day] or settings().default_weight_kg)
                errors = {} if draft.weight_kg else {"weight_kg": WEIGHT_UNKNOWN}
            elif draft.weight_kg != known[day] and not wrong:
                account_services.record_weight(user_id, weight_kg=draft.weight_kg, on_day=day)
                known[day] = draft.weight_kg
        if errors:
            wrong |= {f"{number}.{field}": text for field, text in errors.items()}
            continue
        rows.append({"user_id": user_id, **_content(draft, zone=zone), "created_at": at, "changed_at": at})
    if wrong:
        raise Invalid(wrong)
    return rows


def _content(draft: Draft, *, zone: str) -> dict[str, Any]:
    return {
        "kind": draft.kind.value,
        "met": queries.met_of(draft.kind),
        "duration_s": draft.duration_s,
        "weight_kg": draft.weight_kg,
        "started_at": draft.started_at,
        "day": draft.day_in(zone),
        "notes": draft.notes,
    }


def _sent_before(session: Session, row: Mapping[str, Any]) -> int:
    """The activity that was logged under the row's key, if with the same content."""
    earlier = session.execute(
        select(Activity.id, Activity.submission_print).where(
            Activity.user_id == row["user_id"], Activity.submission_key == row["submission_key"]
        )
    ).first()
    if earlier is None or earlier.submission_print != row["submission_print"]:
        raise Conflict("This form was sent before, with something else in it.")
    return int(earlier.id)


def _free_key(session: Session, row: Mapping[str, Any]) -> bool:
    """Take the row's key from the activity that has it, if that one was deleted; whether it was taken."""
    freed = session.connection().execute(
        update(activity)
        .where(
            activity.c.user_id == row["user_id"],
            activity.c.submission_key == row["submission_key"],
            activity.c.deleted_at.is_not(None),
        )
        .values(submission_key=None, submission_print=None)
    )
    return freed.rowcount == 1


def _uncounted() -> dict[str, Any]:
    return {
        "energy_kcal": None,
        "counted_at": None,
        "uncountable_since": None,
        "uncountable_reason": None,
        "recount_rounds": 0,
    }


@retrying
def _move(user_id: int, activity_id: int, *, from_bin: bool, deleted_at: datetime | None) -> None:
    with transaction() as session:
        where = Activity.deleted_at.is_not(None) if from_bin else Activity.deleted_at.is_(None)
        moved = session.connection().execute(
            update(activity)
            .where(activity.c.id == activity_id, activity.c.user_id == user_id, where)
            .values(deleted_at=deleted_at, changed_at=now())
        )
        if moved.rowcount != 1:
            raise NotFound(queries.NOT_THERE)


def _energy(row: Any) -> Decimal:
    return _energy_with(row, row.met)


def _energy_with(row: Any, met: Decimal) -> Decimal:
    try:
        return burned(met, weight_kg=row.weight_kg, duration=timedelta(seconds=row.duration_s))
    except ValueError as error:
        raise GiveUp(str(error)) from error


def _write_energies(connection: Connection, counted: Sequence[tuple[int, Decimal]]) -> None:
    """Below the layer that looks at every value of every row: it would cost three times the writing."""
    at, dialect = now(), connection.dialect
    if len(counted) == 1:
        WRITE_ONE.first({"which": counted[0][0], "energy": counted[0][1], "at": at})
        return
    if dialect.name == "postgresql":
        ids, energies = zip(*counted, strict=True)
        names = {"ids": list(ids), "energies": list(energies), "low": min(ids), "high": max(ids), "at": at}
        connection.execute(WRITE_ON_POSTGRESQL, names)
        return
    energy, moment = _stored(activity.c.energy_kcal, dialect), _stored(activity.c.counted_at, dialect)
    when = moment(at)
    connection.exec_driver_sql(WRITE_ON_SQLITE, [(energy(value), when, when, one) for one, value in counted])


def _stored(column: Column[Any], dialect: Dialect) -> Callable[[Any], Any]:
    """How the database keeps a value of the column."""
    return column.type.dialect_impl(dialect).bind_processor(dialect) or (lambda value: value)
