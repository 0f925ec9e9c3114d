"""What somebody types about a schedule, read into what the book of schedules takes."""

import json
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from flask import current_app, request

from jobs.console import pages
from jobs.redaction import put_back
from jobs.schedules.asking import rule_of
from jobs.schedules.book import ScheduleRequest
from jobs.schedules.models import Misfire, Overlap, Schedule
from jobs.schedules.rules import Rule, RuleKind

from .desk import Desk, Wrong, chosen, line, whole

LONGEST_RULE = 500
LONGEST_ARGS = 20_000
LARGEST = 1_000_000
RULE = ("rule_kind", "rule_text", "zone", "starts_at", "ends_at", "most_times", "jitter_s")
POLICY = ("name", "kind", "args", "priority", "misfire", "most_missed", "overlap", "queue")
RULE_WORDS = ("every", "cron", "rrule", "once", "rule")
"""How the engine names the rule in what it refuses."""


def asked_for(desk: Desk, one: Schedule | None = None) -> ScheduleRequest:
    """What the form asks for, of a new schedule or of `one` that is there.

    Raises:
        Wrong, ValueError
    """
    kind = desk.engine.job_named(line("kind", longest=128, required=True)).name
    args = _args(request.form.get("args", ""), one)
    if one is None or (kind, args) != (one.kind, one.args):
        args = _startable(desk, kind, args)
    return ScheduleRequest(
        name=line("name", longest=80, required=True),
        kind=kind,
        rule=rule_in(request.form),
        args=args,
        priority=whole("priority", 0, 9),
        misfire=Misfire(chosen("misfire", list(Misfire))),
        most_missed=whole("most_missed", 1, 100) or 10,
        overlap=Overlap(chosen("overlap", list(Overlap))),
        queue=line("queue", longest=64) or None,
    )


def rule_in(given: Mapping[str, str]) -> Rule:
    """The rule that a form or an address spells. Raises ValueError, whose text names the field."""
    kind = given.get("rule_kind", "")
    if kind not in list(RuleKind):
        raise ValueError(f"rule_kind: choose one of {', '.join(RuleKind)}")
    text = given.get("rule_text", "").strip()
    if not text:
        raise ValueError("rule: say when")
    if len(text) > LONGEST_RULE or not text.isprintable():
        raise ValueError(f"rule: at most {LONGEST_RULE} printable characters")
    options: dict[str, Any] = {"zone": given.get("zone", "").strip() or "UTC"}
    for name in ("starts_at", "ends_at"):
        if given.get(name, "").strip():
            options[name] = needed(given, name)
    for name, low in (("most_times", 1), ("jitter_s", 0)):
        said = given.get(name, "").strip()
        if said:
            if not (said.isascii() and said.isdecimal() and low <= int(said[:9]) <= LARGEST):
                raise ValueError(f"{name}: a whole number from {low} to {LARGEST} is needed")
            options[name] = int(said[:9])
    return rule_of(**{kind: text}, **options)


def needed(given: Mapping[str, str], name: str) -> datetime:
    """The moment that was given, in UTC unless it says otherwise. Raises ValueError, whose text names the field."""
    said = given.get(name, "").strip()[:40]
    with suppress(ValueError, OverflowError):
        found = datetime.fromisoformat(said)
        if 1970 <= found.year <= 2999:
            return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    raise ValueError(f"{name}: a date and a time are needed")


def form_of(one: Schedule) -> dict[str, str]:
    """What the form of a schedule holds."""
    plain = ("name", "kind", "rule_kind", "rule_text", "zone", "misfire", "overlap")
    maybe = ("priority", "queue", "most_missed", "most_times", "jitter_s")
    return {
        **{name: str(getattr(one, name)) for name in plain},
        **{name: _shown(getattr(one, name)) for name in maybe},
        **{name: _local(getattr(one, name)) for name in ("starts_at", "ends_at")},
        "args": pages.shown(one.args),
    }


def sentence(error: ValueError) -> str:
    """What the engine refuses, as a sentence without the field."""
    name, _, told = str(error).partition(": ")
    told = told or name
    return f"{told[:1].upper()}{told[1:]}."


def kinds_for(desk: Desk) -> list[str]:
    """The kinds that whoever looks may schedule: those the host names, or all."""
    named: Callable[[], Collection[str]] | None = current_app.config.get("JOBS_CONSOLE_STARTABLE")
    return sorted(desk.engine.jobs if named is None else named())


def _startable(desk: Desk, kind: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
    """The arguments as the host has them stored.

    Raises:
        Wrong: it is not theirs to schedule
        ValueError: the host refuses the arguments
    """
    if kind not in kinds_for(desk):
        raise Wrong({"kind": "This kind is not yours to schedule."})
    check: Callable[[str, Mapping[str, Any]], Mapping[str, Any]] | None
    check = current_app.config.get("JOBS_CONSOLE_FITTING")
    return args if check is None else check(kind, args)


def _args(said: str, one: Schedule | None) -> Mapping[str, Any]:
    """What was typed, with what is hidden of the schedule put back where it was left."""
    if len(said) > LONGEST_ARGS:
        raise Wrong({"args": f"At most {LONGEST_ARGS} characters."})
    try:
        found = json.loads(said.strip() or "{}")
    except (ValueError, RecursionError):
        raise Wrong({"args": 'They are JSON, such as {"number": 1}.'}) from None
    if not isinstance(found, dict):
        raise Wrong({"args": 'They go by name: {"number": 1}.'})
    back: dict[str, Any] = found if one is None else put_back(found, pages.shaped(one.args), one.args)
    return back


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


def _local(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"
