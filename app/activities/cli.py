"""Activities from the terminal."""

import sys

import click
from flask.cli import AppGroup

from app.accounts import queries as account_queries
from app.accounts.addresses import address_key

from . import services

LONGEST_DEMO_DAYS = 3 * 365

demo = AppGroup("demo", help="Something to look at.")


@demo.command("fill")
@click.option("--activities", "count", type=click.IntRange(1, 10_000_000), required=True, help="How many.")
@click.option("--email", help="Whose they are; else the oldest account's.")
def fill(count: int, email: str | None) -> None:
    """Make up activities, with their calories and their settled jobs."""
    user = account_queries.user_by_email(address_key(email)) if email else account_queries.first_user()
    if user is None:
        click.echo("metronome: there is no such account; make one with: flask --app wsgi users create", err=True)
        sys.exit(1)
    days = max(42, min(count // 2, LONGEST_DEMO_DAYS))
    with click.progressbar(length=count, label="Activities", file=sys.stderr) as bar:
        services.fill_demo(user.id, count, days=days, on_progress=bar.update)
    click.echo(f"{count} activities.")
