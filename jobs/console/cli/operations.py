"""`flask operations`: the same to many jobs at once."""

from collections.abc import Sequence
from typing import Any

import click

from jobs.bulk.desk import BulkLook, BulkRequest
from jobs.console import lists
from jobs.console.asking import Question
from jobs.engine import Engine
from jobs.ledger.bulk import WORKS_ON, Action
from jobs.registry import HIGHEST, LOWEST

from .printing import BY, as_json, document, facts, operating, plain, table, with_reason

operations = click.Group("operations", help="The same to many jobs: start, list, show, cancel, undo.")
TOLD = (
    *("uid", "action", "state", "selection", "priority", "queue", "expected", "matched", "done", "skipped", "failed"),
    *("requested_by", "created_at", "finished_at", "undo_of", "undone_by"),
)


@operations.command("start")
@click.argument("action", type=click.Choice([one.value for one in WORKS_ON]))
@click.argument("words", metavar="FILTER...", nargs=-1, required=True)
@click.option("--priority", type=click.IntRange(HIGHEST, LOWEST), help="The new one, of reprioritise.")
@click.option("--to", "queue", help="The queue they are moved to.")
@with_reason
@click.option("--dry-run", "is_dry", is_flag=True, help="Only say which jobs are meant.")
@operating
def start(engine: Engine, action: str, words: Sequence[str], *, reason: str | None, is_dry: bool, **what: Any) -> None:
    """Do something to many jobs in the background; the id of the operation.

    They are meant by the words of the filter bar, which all have to hold: state:failed kind:reports.build since:24h.
    """
    question, wrong = Question.read({"q": " ".join(map(_quoted, words))}, kinds=[*engine.jobs])
    if wrong:
        raise click.UsageError(" ".join(wrong))
    request = BulkRequest(Action(action), lists.selection_of(engine, question), **what)
    try:
        if not is_dry:
            click.echo(engine.bulk.start(request, by=BY, reason=reason))
            return
        meant = engine.bulk.preview(request)
    except ValueError as error:
        raise click.UsageError(f"{plain(error)}.") from None
    more = " or more" if meant.has_more else ""
    click.echo(f"{meant.count}{more} {'job is' if meant.count == 1 else 'jobs are'} meant.")
    table(("id", "state", "kind", "queue"), [(one.uid, one.state, one.kind, one.queue) for one in meant.jobs])


@operations.command("list")
@click.option("--limit", default=25, show_default=True, type=click.IntRange(1, 1_000))
@click.option("--below", type=click.IntRange(1), help="Where the page before ended.")
@as_json
@operating
def list_operations(engine: Engine, *, limit: int, below: int | None, as_json: bool) -> None:
    """List operations, the newest first."""
    found = engine.bulk.page(before_id=below, limit=limit + 1)
    following = found[limit - 1].id if len(found) > limit else None
    if as_json:
        document({"operations": [_told(one) for one in found[:limit]], "below": following})
        return
    table(
        ("id", "action", "state", "expected", "done", "by", "created at"),
        [
            (one.uid, one.action, one.state, one.expected, one.done, one.requested_by, one.created_at)
            for one in found[:limit]
        ],
    )
    if following:
        click.echo(f"More with --below {following}", err=True)


@operations.command("show")
@click.argument("uid")
@as_json
@operating
def show(engine: Engine, uid: str, *, as_json: bool) -> None:
    """Show how far an operation is."""
    told = _told(engine.bulk.look(uid))
    document(told) if as_json else facts(told)


@operations.command("cancel")
@click.argument("uid")
@with_reason
@operating
def cancel(engine: Engine, uid: str, *, reason: str | None) -> None:
    """Stop an operation where it is."""
    is_done = engine.bulk.cancel(uid, by=BY, reason=reason)
    click.echo(f"{plain(uid)} {'cancelled' if is_done else 'asked to end'}")


@operations.command("undo")
@click.argument("uid")
@with_reason
@operating
def undo(engine: Engine, uid: str, *, reason: str | None) -> None:
    """Put the jobs back that an operation cancelled, moved or reprioritised; the id of the operation that does it."""
    click.echo(engine.bulk.undo(uid, by=BY, reason=reason))


def _told(one: BulkLook) -> dict[str, Any]:
    told = {name: getattr(one, name) for name in TOLD}
    return {"id": told.pop("uid"), **told}


def _quoted(word: str) -> str:
    """The shell has taken the quotes away that hold a word together."""
    name, _, value = word.partition(":")
    return f'{name}:"{value}"' if " " in value and '"' not in value else word
