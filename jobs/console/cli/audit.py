"""`flask audit`: what operators did, and whether the log of it is as it was written."""

from datetime import datetime

import click

from jobs.engine import Engine

from .printing import MOMENT, as_json, document, operating, plain, table

audit = click.Group("audit", help="What operators did: list, check.")
TOLD = ("id", "at", "by", "channel", "action", "subject")


@audit.command("list")
@click.option("--limit", default=25, show_default=True, type=click.IntRange(1, 1_000))
@click.option("--below", type=click.IntRange(1), help="Where the page before ended.")
@click.option("--since", type=MOMENT, help="From this moment on.")
@click.option("--until", type=MOMENT, help="Before this moment.")
@as_json
@operating
def list_entries(
    engine: Engine, *, limit: int, below: int | None, since: datetime | None, until: datetime | None, as_json: bool
) -> None:
    """List what was done, the newest first."""
    found = engine.audit.page(since=since, until=until, before_id=below, limit=limit + 1)
    following = found[limit - 1].id if len(found) > limit else None
    told = [{**{name: getattr(one, name) for name in TOLD}, "details": one.told} for one in found[:limit]]
    if as_json:
        document({"entries": told, "below": following})
        return
    table(("number", *TOLD[1:], "details"), [tuple(one.values()) for one in told])
    if following:
        click.echo(f"More with --below {following}", err=True)


@audit.command("check")
@as_json
@operating
def check(engine: Engine, *, as_json: bool) -> None:
    """Walk the whole log; exit code 1 where it is not as it was written."""
    found = engine.audit.verify()
    if as_json:
        names = ("is_whole", "entries", "broken_id", "problem", "last_hash")
        document({name: getattr(found, name) for name in names})
    elif found.is_whole:
        click.echo(f"The log is whole: {found.entries} entries, the last seal is {found.last_hash}.")
    else:
        click.echo(f"The log was changed at number {found.broken_id}: {plain(found.problem)}.")
    if not found.is_whole:
        raise click.exceptions.Exit(1)
