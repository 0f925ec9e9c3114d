"""Leaderboards from the terminal."""

import click
from flask.cli import AppGroup

from . import services
from .boards import Period

leaderboards = AppGroup("leaderboards", help="How people stand.")


@leaderboards.command("update")
def update() -> None:
    """Work the leaderboards out now, and not only when it is time."""
    counts = services.update_leaderboards()
    for period in Period:
        count = counts[period.value]
        click.echo(f"{period.label}: {count} {'person' if count == 1 else 'people'}.")
