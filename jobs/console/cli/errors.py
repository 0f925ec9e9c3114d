"""`flask errors`: what went wrong, alike errors together."""

from typing import Any

import click

from jobs.bulk.desk import BulkRequest
from jobs.engine import Engine
from jobs.errors import NoSuchError
from jobs.ledger.bulk import Action
from jobs.ledger.failures import ErrorGroup
from jobs.ledger.selection import Selection

from .printing import BY, as_json, document, operating, plain, table, with_reason

errors = click.Group("errors", help="What went wrong, alike errors together: list, retry, mute, unmute.")


@errors.command("list")
@click.option("--kind", help="Whose latest job is of this kind.")
@click.option("--muted/--not-muted", "is_muted", default=None, help="Those that are hidden, or not.")
@click.option("--limit", default=25, show_default=True, type=click.IntRange(1, 1_000), help="How many to look through.")
@click.option("--below", type=click.IntRange(1), help="Where the page before ended.")
@as_json
@operating
def list_errors(
    engine: Engine, *, kind: str | None, is_muted: bool | None, limit: int, below: int | None, as_json: bool
) -> None:
    """List errors, the one met last first, with in how many jobs each is the last one."""
    groups, muted = engine.inspector.errors(limit=limit + 1, below_id=below), engine.muted()
    following = groups[limit - 1].last_id if len(groups) > limit else None
    found = [
        _told(one, is_muted=one.fingerprint in muted)
        for one in groups[:limit]
        if kind in {None, one.kind} and is_muted in {None, one.fingerprint in muted}
    ]
    if as_json:
        document({"errors": found, "below": following})
        return
    names = ("fingerprint", "count", "kind", "error_class", "message", "last_seen_at", "is_muted")
    table(
        ("fingerprint", "jobs", "kind", "error", "message", "last seen at", "muted"),
        [tuple(one[name] for name in names) for one in found],
    )
    if following:
        click.echo(f"More with --below {following}", err=True)


@errors.command("retry")
@click.argument("fingerprint")
@with_reason
@operating
def retry(engine: Engine, fingerprint: str, *, reason: str | None) -> None:
    """Run all jobs again that ended with this error; the id of the operation that does it."""
    request = BulkRequest(Action.RETRY, Selection(fingerprint=fingerprint))
    if not fingerprint or not engine.bulk.preview(request).count:
        raise NoSuchError(plain(fingerprint))
    click.echo(engine.bulk.start(request, by=BY, reason=reason))


@errors.command("mute")
@click.argument("fingerprint")
@with_reason
@operating
def mute(engine: Engine, fingerprint: str, *, reason: str | None) -> None:
    """Hide an error from the page of failures until another version runs."""
    engine.mute(fingerprint, by=BY, reason=reason)
    click.echo(f"{fingerprint} muted")


@errors.command("unmute")
@click.argument("fingerprint")
@with_reason
@operating
def unmute(engine: Engine, fingerprint: str, *, reason: str | None) -> None:
    """Show an error again."""
    is_shown = engine.unmute(fingerprint, by=BY, reason=reason)
    click.echo(f"{plain(fingerprint)} {'unmuted' if is_shown else 'was not muted'}")


def _told(one: ErrorGroup, *, is_muted: bool) -> dict[str, Any]:
    names = ("fingerprint", "count", "kind", "error_class", "message", "first_seen_at", "last_seen_at", "last_uid")
    return {**{name: getattr(one, name) for name in names}, "is_muted": is_muted}
