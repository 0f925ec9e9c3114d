"""`flask jobs list|show|retry|cancel`."""

import click
from flask.cli import with_appcontext

from jobs.engine import engine_of
from jobs.errors import NoSuchJob, WrongState
from jobs.ledger import reader
from jobs.ledger.models import Entry

from . import looks, pages
from .pages import Listing

BY = "command line"


@click.command("list")
@click.option("--state", default="", help="scheduled, queued, running, retrying, failed, cancelled or done")
@click.option("--kind", default="", help="such as activities.count_calories")
@click.option("--queue", default="", help="the queue the job waits in")
@click.option("--below", default="", help="where the page before ended")
@with_appcontext
def list_jobs(**args: str) -> None:
    """List jobs, the newest first, one page at a time."""
    listing, wrong = Listing.read(args)
    if wrong:
        raise click.UsageError(" ".join(wrong))
    look = looks.jobs(engine_of(), listing)
    for entry in look.entries:
        word = pages.pill(entry, now=look.now).word
        click.echo(f"{entry.uid}  {word:24}  {entry.kind}  {entry.queue}  {pages.clock(entry.created_at)}")
    if look.older:
        click.echo(f"More with --below {look.older['below']}", err=True)


@click.command("show")
@click.argument("uid")
@click.option("--traceback", is_flag=True, help="with the traceback of each failed try")
@with_appcontext
def show(uid: str, *, traceback: bool) -> None:
    """Show one job with its tries."""
    entry = _found(uid)
    look = looks.job(engine_of(), entry)
    click.echo(f"{entry.uid}\n{entry.kind} in {entry.queue}, priority {entry.priority}\n{look.story}")
    click.echo(f"Arguments: {pages.shown(entry.args)}")
    if entry.result is not None:
        click.echo(f"Result: {pages.shown(entry.result)}")
    for one in look.attempts:
        error = f": {one.error_class}: {one.error_message}" if one.error_class else ""
        click.echo(f"Try {one.attempt}, {pages.clock(one.finished_at)}, {one.worker}: {one.outcome}{error}")
        if traceback and one.traceback:
            click.echo(one.traceback)
    for move in look.moves:
        click.echo(f"{move.what} by {move.by or 'nobody known'}, {pages.clock(move.at)}")


@click.command("retry")
@click.argument("uids", metavar="UID...", nargs=-1, required=True)
@with_appcontext
def retry(uids: tuple[str, ...]) -> None:
    """Make dead, parked or cancelled jobs ready again."""
    for uid in uids:
        _act(uid, "retried")


@click.command("cancel")
@click.argument("uids", metavar="UID...", nargs=-1, required=True)
@with_appcontext
def cancel(uids: tuple[str, ...]) -> None:
    """Cancel jobs that wait."""
    for uid in uids:
        _act(uid, "cancelled")


COMMANDS = (list_jobs, show, retry, cancel)


def _act(uid: str, done: str) -> None:
    engine = engine_of()
    do = engine.retry if done == "retried" else engine.cancel
    try:
        do(_found(uid).uid, by=BY)
    except (NoSuchJob, WrongState) as error:
        raise click.ClickException(f"{uid}: {error}") from None
    click.echo(f"{uid} {done}")


def _found(uid: str) -> Entry:
    entry = reader.by_uid(engine_of().host.reading(), uid) if pages.is_word(uid) else None
    if entry is None:
        raise click.ClickException(f"There is no job {uid!r}; it may have been forgotten.")
    return entry
