"""Schedules in the staff area: what runs when, in words."""

from collections.abc import Callable, Sequence

from sqlalchemy import select

from app.background.schedules import services
from app.db import reading
from app.errors import NotFound
from app.security import Person
from app.staff import Act, Badge, Choice, During, Exactly, Short, StaffPage
from jobs import Schedule, in_words


def _words(one: Schedule) -> str:
    try:
        return in_words(one.rule)
    except ValueError:
        return f"{one.rule_kind} {one.rule_text}"


def _badge(one: Schedule) -> Badge:
    if one.problem:
        return Badge("Broken", "bad")
    if one.is_paused:
        return Badge("Paused", "warn")
    return Badge("Enabled", "ok") if one.next_at else Badge("Over")


def _each(do: Callable[..., object]) -> Callable[[Person, Sequence[int], str | None], list[int]]:
    """The service for each of the schedules that are still there; their ids."""

    def act(person: Person, ids: Sequence[int], reason: str | None) -> list[int]:
        done = []
        chosen = select(Schedule.id, Schedule.uid).where(Schedule.id.in_(ids)).order_by(Schedule.id)
        for row in reading().execute(chosen).all():
            try:
                do(person, row.uid, reason=reason)
            except NotFound:
                continue
            done.append(row.id)
        return done

    return act


SCHEDULES = StaffPage(
    key="schedules",
    title="Schedules",
    icon="clock",
    model=Schedule,
    columns={
        "Name": lambda one: one.name,
        "Id": lambda one: Short(one.uid),
        "State": _badge,
        "Runs": _words,
        "Kind": lambda one: one.kind,
        "Next": lambda one: one.next_at,
        "Made": lambda one: f"{one.fired} job{'' if one.fired == 1 else 's'}",
    },
    sections={
        "What it makes": {
            "Kind": lambda one: one.kind,
            "Arguments": lambda one: one.args,
            "Priority": lambda one: one.priority,
            "Asked for by": lambda one: one.requested_by,
        },
        "When": {
            "Rule": lambda one: f"{one.rule_kind} {one.rule_text}",
            "Time zone": lambda one: one.zone,
            "Begins": lambda one: one.starts_at,
            "Ends": lambda one: one.ends_at,
            "When it was missed": lambda one: one.misfire,
            "When it still runs": lambda one: one.overlap.replace("_", " "),
            "Last made a job": lambda one: one.last_fired_at,
        },
        "If it does not": {
            "Paused": lambda one: one.paused_at,
            "By": lambda one: one.paused_by,
            "Because": lambda one: one.pause_reason,
            "Problem": lambda one: one.problem,
        },
    },
    filters=(
        Choice(
            "State",
            {"enabled": "Enabled", "paused": "Paused", "over": "Over"},
            lambda state: {
                "enabled": Schedule.paused_at.is_(None) & Schedule.next_at.is_not(None),
                "paused": Schedule.paused_at.is_not(None),
                "over": Schedule.next_at.is_(None),
            }[state],
        ),
        Exactly("Kind", lambda kind: Schedule.kind == kind),
        During("Created", Schedule.created_at),
    ),
    searched=(Schedule.name,),
    acts=(
        Act(
            "pause",
            "Pause",
            "Pause {count} schedule{s}?",
            "{count} schedule{s} paused.",
            _each(services.pause),
            detail="No more jobs are made until somebody resumes it.",
            undo="resume",
        ),
        Act(
            "resume",
            "Resume",
            "Resume {count} schedule{s}?",
            "{count} schedule{s} resumed.",
            _each(services.resume),
            detail="It goes on with its next slot.",
            kind="primary",
        ),
        Act(
            "run",
            "Run now",
            "Make a job of {count} schedule{s} now?",
            "A job of {count} schedule{s} was made.",
            _each(services.run_now),
            detail="Beside what it makes by the clock.",
            kind="primary",
        ),
    ),
)
