"""`flask schedules`: list, show, add, pause, resume, run, backfill, delete, preview."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import click

from jobs.engine import Engine
from jobs.registry import HIGHEST, LOWEST
from jobs.schedules.asking import rule_of
from jobs.schedules.book import ScheduleRequest
from jobs.schedules.models import Misfire, Overlap, Schedule
from jobs.schedules.rules import LONGEST_JITTER_S, MOST_TIMES
from jobs.schedules.words import in_words

from .jobs import arguments
from .printing import BY, MOMENT, as_json, document, facts, operating, plain, say, table, with_reason

schedules = click.Group("schedules", help="What runs by the clock.")
RUNS_SHOWN = 10
RULE = (
    click.option("--every", help="Such as “3 hours”."),
    click.option("--cron", help="Five fields, or a name such as @daily."),
    click.option("--rrule", help="A rule of RFC 5545."),
    click.option("--once", help="A moment with its time zone."),
    click.option("--zone", default="UTC", show_default=True, help="Whose wall clock counts."),
    click.option("--starts", "starts_at", type=MOMENT, help="No run before it."),
    click.option("--ends", "ends_at", type=MOMENT, help="No run after it."),
    click.option("--times", "most_times", type=click.IntRange(1, MOST_TIMES), help="How often at most."),
    click.option("--jitter", "jitter_s", default=0, type=click.IntRange(0, LONGEST_JITTER_S), help="Seconds."),
)


def with_rule(command: Callable[..., None]) -> Callable[..., None]:
    """A command that takes a rule."""
    for option in reversed(RULE):
        command = option(command)
    return command


@schedules.command("list")
@click.option("--by", help="Whose they are.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1_000))
@as_json
@operating
def list_schedules(engine: Engine, *, by: str | None, limit: int, as_json: bool) -> None:
    """List schedules, the newest first."""
    found = engine.schedules.page(requested_by=by, limit=limit)
    if as_json:
        document({"schedules": [_told(one) for one in found]})
        return
    table(
        ("id", "name", "kind", "rule", "next at", "state"),
        [(one.uid, one.name, one.kind, _words(one), one.next_at, _state(one)) for one in found],
    )


@schedules.command("show")
@click.argument("uid")
@as_json
@operating
def show(engine: Engine, uid: str, *, as_json: bool) -> None:
    """Show one schedule with its latest runs."""
    one = engine.schedules.get(uid)
    runs = [
        {"slot": run.slot, "outcome": run.outcome, "job": run.job_uid, "note": run.note}
        for run in engine.schedules.fires(uid, limit=RUNS_SHOWN)
    ]
    if as_json:
        document({**_told(one), "runs": runs})
        return
    facts({**_told(one), "state": _state(one)})
    table(("slot", "outcome", "job", "note"), [tuple(run.values()) for run in runs])


@schedules.command("add")
@click.argument("name")
@click.argument("kind")
@with_rule
@click.option("--arg", "named", multiple=True, metavar="NAME=VALUE", help="One argument; may be given again.")
@click.option("--args", "whole", metavar="JSON", help="All arguments as an object.")
@click.option("--priority", type=click.IntRange(HIGHEST, LOWEST), help="0 comes first.")
@click.option("--queue", help="Left out: the kind's own.")
@click.option("--misfire", type=click.Choice([one.value for one in Misfire]), default=Misfire.ONE.value)
@click.option("--overlap", type=click.Choice([one.value for one in Overlap]), default=Overlap.ALLOW.value)
@with_reason
@operating
def add(
    engine: Engine,
    name: str,
    kind: str,
    *,
    named: Sequence[str],
    whole: str | None,
    reason: str | None,
    **options: Any,
) -> None:
    """Add a schedule; its id. It belongs to nobody."""
    policy = {one: options.pop(one) for one in ("priority", "queue", "misfire", "overlap")}
    policy |= {"misfire": Misfire(policy["misfire"]), "overlap": Overlap(policy["overlap"])}
    job = engine.job_named(kind)
    with _in_a_sentence():
        request = ScheduleRequest(name, job.name, rule_of(**options), arguments(job, named, whole), **policy)
        click.echo(engine.schedules.create(request, by=BY, reason=reason))


@schedules.command("preview")
@click.argument("uid", required=False)
@with_rule
@as_json
@operating
def preview(engine: Engine, uid: str | None, *, as_json: bool, **options: Any) -> None:
    """Say a schedule, or a rule, in words, with its next runs."""
    with _in_a_sentence():
        words, upcoming = engine.schedules.preview(uid or rule_of(**options))
    if as_json:
        document({"words": words, "times": [{"at": one.at, "note": one.note} for one in upcoming]})
        return
    say(words)
    table(("at", "note"), [(one.at, one.note) for one in upcoming])


@schedules.command("pause")
@click.argument("uid")
@with_reason
@operating
def pause(engine: Engine, uid: str, *, reason: str | None) -> None:
    """Let a schedule make no more jobs until it is resumed."""
    engine.schedules.pause(uid, by=BY, reason=reason)
    click.echo(f"{uid} paused")


@schedules.command("resume")
@click.argument("uid")
@with_reason
@operating
def resume(engine: Engine, uid: str, *, reason: str | None) -> None:
    """Let a schedule go on with its next run."""
    engine.schedules.resume(uid, by=BY, reason=reason)
    click.echo(f"{uid} resumed")


@schedules.command("run")
@click.argument("uid")
@with_reason
@operating
def run(engine: Engine, uid: str, *, reason: str | None) -> None:
    """Make a job of a schedule at once; the job's id."""
    click.echo(engine.schedules.run_now(uid, by=BY, reason=reason))


@schedules.command("backfill")
@click.argument("uid")
@click.option("--from", "since", type=MOMENT, required=True, help="The beginning of the range.")
@click.option("--to", "until", type=MOMENT, required=True, help="Its end.")
@with_reason
@operating
def backfill(engine: Engine, uid: str, *, since: datetime, until: datetime, reason: str | None) -> None:
    """Make the jobs of past slots that made none."""
    with _in_a_sentence():
        made = engine.schedules.backfill(uid, since=since, until=until, by=BY, reason=reason)
    table(("slot", "job"), made)


@schedules.command("delete")
@click.argument("uid")
@with_reason
@operating
def delete(engine: Engine, uid: str, *, reason: str | None) -> None:
    """Delete a schedule. Its jobs stay."""
    engine.schedules.delete(uid, by=BY, reason=reason)
    click.echo(f"{uid} deleted")


@contextmanager
def _in_a_sentence() -> Iterator[None]:
    """What is out of range, in the engine's words, which begin with the field."""
    try:
        yield
    except ValueError as error:
        raise click.ClickException(plain(error)) from None


def _told(one: Schedule) -> dict[str, Any]:
    names = (
        *("name", "kind", "args", "priority", "queue", "rule_kind", "rule_text", "zone", "starts_at", "ends_at"),
        *(
            "most_times",
            "jitter_s",
            "misfire",
            "overlap",
            "fired",
            "next_at",
            "last_fired_at",
            "paused_at",
            "paused_by",
        ),
        *("pause_reason", "problem", "created_at"),
    )
    found = {name: getattr(one, name) for name in names}
    return {"id": one.uid, "words": _words(one), **found, "requested_by": one.requested_by or None}


def _words(one: Schedule) -> str:
    try:
        return in_words(one.rule)
    except ValueError as error:
        return f"broken: {error}"


def _state(one: Schedule) -> str:
    if one.is_paused:
        return f"paused by {one.paused_by}: {one.pause_reason or 'no reason given'}"
    if one.problem:
        return f"broken: {one.problem}"
    return "over" if one.next_at is None else "on"
