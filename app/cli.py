"""Commands for the terminal."""

import click
from flask import Flask

from .accounts import cli as accounts
from .activities import cli as activities
from .backup import backup, restore
from .config import ROOT
from .db import db
from .doctor import doctor
from .leaderboards import cli as leaderboards
from .log_reader import logs
from .monitoring.events.cli import events
from .reminders import cli as reminders
from .tuning import cli as tuning
from .upkeep import optimise


def register(app: Flask) -> None:
    """Put every command on the application; the migration commands only where a terminal asks for them."""
    for group in (accounts.users, accounts.tokens, activities.demo, leaderboards.leaderboards, doctor, tuning.settings):
        app.cli.add_command(group)
    app.cli.add_command(reminders.reminders)
    for command in (backup, restore, optimise, logs, events):
        app.cli.add_command(command)
    if click.get_current_context(silent=True) is not None:
        from flask_migrate import Migrate  # noqa: PLC0415 -- slow import

        Migrate(app, db, directory=str(ROOT / "migrations"))
