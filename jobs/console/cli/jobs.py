"""`flask jobs`: list, show, run, retry, cancel, priority, move, reschedule, watch."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from jobs.console import pages
from jobs.console.asking import Question
from jobs.dispatch.outbox import JobRequest
from jobs.engine import Engine
from jobs.errors import NoSuchJob
from jobs.ledger.listing import Wanted
from jobs.ledger.models import Entry
from jobs.registry import HIGHEST, LOWEST, Job

from .printing import BY, MOMENT, as_json, document, each, facts, operating, plain, say, table, with_reason
from .watch import watch

PRIORITY = click.IntRange(HIGHEST, LOWEST)
COLUMNS = ("id", "state", "kind", "queue", "priority", "created at")
TOLD = (
    *("kind", "queue", "state", "priority", "args", "result", "requested_by", "worker", "step", "attempt", "failures"),
    *("max_retries", "error_class", "error_message", "created_at", "run_at", "expires_at", "started_at", "finished_at"),
)


@click.command("list")
@click.option("--state", default="", help="scheduled, queued, running, retrying, failed, cancelled or done")
@click.option("--kind", default="", help="Such as activities.count_calories.")
@click.option("--queue", default="", help="The queue the job waits in.")
@click.option("--by", default=None, help="Who asked for it.")
@click.option("--limit", default=25, show_default=True, type=click.IntRange(1, 1_000))
@click.option("--below", default="", help="Where the page before ended.")
@as_json
@operating
def list_jobs(engine: Engine, *, by: str | None, limit: int, as_json: bool, **args: str) -> None:
    """List jobs, the newest first, one page at a time."""
    question, wrong = Question.read(args)
    if wrong:
        raise click.UsageError(" ".join(wrong))
    kinds, view = (question.get("kind"),) if question.get("kind") else (), question.view
    wanted = Wanted(view.states, kinds, question.get("queue") or None, view.is_retry, requested_by=by)
    entries, following = engine.inspector.page(wanted, below=question.below, limit=limit)
    if as_json:
        document({"jobs": [told(one) for one in entries], "below": None if following is None else str(following)})
        return
    now = engine.inspector.now()
    table(
        COLUMNS,
        [
            (one.uid, pages.pill(one, now=now).word, one.kind, one.queue, one.priority, one.created_at)
            for one in entries
        ],
    )
    if following:
        click.echo(f"More with --below {following}", err=True)


@click.command("show")
@click.argument("uid")
@click.option("--traceback", is_flag=True, help="With the traceback of each failed try.")
@click.option("--log", "with_log", is_flag=True, help="With what each try logged; the one that runs, so far.")
@as_json
@operating
def show(engine: Engine, uid: str, *, traceback: bool, with_log: bool, as_json: bool) -> None:
    """Show one job with its tries."""
    entry = found(engine, uid)
    attempts, story = engine.inspector.attempts(entry), pages.story(entry, now=engine.inspector.now())
    story = " ".join(filter(None, [story, engine.inspector.why_waiting(entry)]))
    names = ("attempt", "outcome", "worker", "finished_at", "error_class", "error_message")
    tries = [{name: getattr(one, name) for name in names} for one in attempts]
    moves = [{"what": one.what, "by": one.by, "at": one.at} for one in engine.inspector.moves(entry)]
    logs = engine.inspector.logs(entry) if with_log else ()
    if as_json:
        if traceback:
            tries = [{**one, "traceback": that.traceback} for one, that in zip(tries, attempts, strict=True)]
        logged = [{"attempt": one.attempt, "dropped": one.dropped, "lines": one.lines.split("\n")} for one in logs]
        document(
            {**told(entry), "story": story, "tries": tries, "moves": moves, **({"log": logged} if with_log else {})}
        )
        return
    say(story)
    facts({"id": entry.uid, **{name: value for name, value in told(entry).items() if name != "id"}})
    for one in attempts:
        error = f": {one.error_class}: {one.error_message}" if one.error_class else ""
        say(f"Try {one.attempt}, {pages.clock(one.finished_at)}, {one.worker}: {one.outcome}{error}")
        if traceback and one.traceback:
            say(one.traceback)
    for log in logs:
        say(f"Log of try {log.attempt}{f', without the first {log.dropped}' if log.dropped else ''}:\n{log.lines}")
    for move in engine.inspector.moves(entry):
        say(f"{move.what} by {move.by or 'nobody known'}, {pages.clock(move.at)}")


@click.command("run")
@click.argument("kind")
@click.option("--arg", "named", multiple=True, metavar="NAME=VALUE", help="One argument; may be given again.")
@click.option("--args", "whole", metavar="JSON", help="All arguments as an object.")
@click.option("--priority", type=PRIORITY, help="0 comes first.")
@click.option("--at", "run_at", type=MOMENT, help="Not before this moment.")
@operating
def run(engine: Engine, kind: str, named: Sequence[str], whole: str | None, **options: Any) -> None:
    """Have a job run; its id. It belongs to nobody."""
    job = engine.job_named(kind)
    click.echo(engine.enqueue(JobRequest(job, arguments(job, named, whole), **options)))


@click.command("retry")
@click.argument("uids", metavar="UID...", nargs=-1, required=True)
@with_reason
@operating
def retry(engine: Engine, uids: Sequence[str], *, reason: str | None) -> None:
    """Make dead, parked or cancelled jobs ready again."""

    def do(uid: str) -> str:
        engine.retry(found(engine, uid).uid, by=BY, reason=reason)
        return "retried"

    each(uids, do)


@click.command("cancel")
@click.argument("uids", metavar="UID...", nargs=-1, required=True)
@with_reason
@operating
def cancel(engine: Engine, uids: Sequence[str], *, reason: str | None) -> None:
    """Cancel jobs: those that wait at once, those that run by asking them to end."""

    def do(uid: str) -> str:
        return "cancelled" if engine.cancel(found(engine, uid).uid, by=BY, reason=reason) else "asked to end"

    each(uids, do)


@click.command("priority")
@click.argument("priority", type=PRIORITY)
@click.argument("uids", metavar="UID...", nargs=-1, required=True)
@with_reason
@operating
def priority(engine: Engine, priority: int, uids: Sequence[str], *, reason: str | None) -> None:
    """Change the priority of jobs that wait; 0 comes first."""

    def do(uid: str) -> str:
        engine.reprioritise(found(engine, uid).uid, priority, by=BY, reason=reason)
        return f"has priority {priority}"

    each(uids, do)


@click.command("move")
@click.argument("queue")
@click.argument("uids", metavar="UID...", nargs=-1, required=True)
@with_reason
@operating
def move(engine: Engine, queue: str, uids: Sequence[str], *, reason: str | None) -> None:
    """Put jobs that wait into another queue, whose workers take them from there."""

    def do(uid: str) -> str:
        engine.move(found(engine, uid).uid, queue, by=BY, reason=reason)
        return f"waits in {queue}"

    each(uids, do)


@click.command("reschedule")
@click.argument("run_at", type=MOMENT, metavar="MOMENT")
@click.argument("uids", metavar="UID...", nargs=-1, required=True)
@with_reason
@operating
def reschedule(engine: Engine, run_at: datetime, uids: Sequence[str], *, reason: str | None) -> None:
    """Change when jobs that wait may start; a moment that has passed means now."""

    def do(uid: str) -> str:
        engine.reschedule(found(engine, uid).uid, run_at, by=BY, reason=reason)
        return f"starts at {plain(run_at)}, or as soon after that as it can"

    each(uids, do)


COMMANDS = (list_jobs, show, run, retry, cancel, priority, move, reschedule, watch)
HELP = "Single jobs: list, show, run, retry, cancel, move, reschedule, watch."


def told(entry: Entry) -> dict[str, Any]:
    """A job for a program."""
    return {"id": entry.uid, **{name: getattr(entry, name) for name in TOLD}}


def found(engine: Engine, uid: str) -> Entry:
    """The job with this id.

    Raises:
        ClickException
    """
    try:
        return engine.inspector.job(uid)
    except NoSuchJob:
        raise click.ClickException(f"There is no job {uid!r}; it may have been forgotten.") from None


def arguments(job: Job, named: Sequence[str], whole: str | None) -> Mapping[str, Any]:
    """The arguments as they stand on the command line; a value is JSON, or the text it is.

    Raises:
        UsageError: they cannot be read
        BadArguments: the job does not take them
    """
    args: dict[str, Any] = {}
    if whole is not None:
        args = _object(whole)
    texts = {one.name for one in job.parameters if one.type is str}
    for one in named:
        name, is_there, value = one.partition("=")
        if not is_there:
            raise click.UsageError(f"--arg is NAME=VALUE, not {one!r}.")
        args[name] = value if name in texts else _value(value)
    job.check(args)
    return args


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise click.UsageError("--args is a JSON object: the arguments by name.")
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
