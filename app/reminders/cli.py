"""Reminders from the terminal."""

import click
from flask.cli import AppGroup

from app.security import requester

from . import queries, services
from .wording import count

reminders = AppGroup("reminders", help="Nudging people who have not logged.")


@reminders.command("list")
def list_wanted() -> None:
    """Show who wants to be reminded, and when."""
    for reminder, user in queries.wanted():
        last = f"last on {reminder.reminded_on}" if reminder.reminded_on else "never yet"
        when = f"after {count(reminder.days)}, from {reminder.hour:02}:00 {user.zone}"
        click.echo(f"{requester(user.id)}: {when}; {last}")


@reminders.command("send")
@click.option("--dry-run", is_flag=True, help="Only say who would be reminded.")
def send(*, dry_run: bool) -> None:
    """Have everybody reminded now who is due, and not only when the scheduler looks; in the background."""
    if dry_run:
        found = services.people_due()
        for one in found:
            click.echo(f"{requester(one.user_id)}: nothing logged for {count(one.days)}")
        click.echo(f"{_people(len(found))} would be reminded.")
    else:
        click.echo(f"{_people(services.send_reminders())} will be reminded.")
    if not services.has_mail():
        click.echo("MAIL_URL is not set: nothing is sent.")


def _people(number: int) -> str:
    return f"{number} {'person' if number == 1 else 'people'}"
