"""Settings from the terminal."""

import sys
from typing import NoReturn

import click
from flask.cli import AppGroup

from app.errors import Invalid, Problem
from jobs import Channel, came_by

from . import queries, services

settings = AppGroup("settings", help="Settings, and those that change while the product runs.")


@settings.command("list")
@click.option("--changed", is_flag=True, help="Only those that were changed while it runs.")
def show(changed: bool) -> None:  # noqa: FBT001 -- click's
    """Print every setting with its value and where that comes from. Secrets are not shown."""
    services.refresh()
    for one in queries.all_settings():
        if not changed or one.source == queries.CHANGED_HERE:
            mark = "*" if one.may_change else " "
            click.echo(f"{mark} {one.name.upper()}={one.value}  ({one.source})")


@settings.command("set")
@click.argument("name")
@click.argument("value")
@click.option("--reason", default="", help="Why, for the history.")
def assign(name: str, value: str, reason: str) -> None:
    """Change a setting for every process, without a restart. Those marked * in the list may change."""
    _change(name, value, reason=reason)


@settings.command("reset")
@click.argument("name")
@click.option("--reason", default="", help="Why, for the history.")
def reset(name: str, reason: str) -> None:
    """Have a setting be again as the environment says."""
    _change(name, None, reason=reason)


def _change(name: str, value: str | None, *, reason: str) -> None:
    services.refresh()
    try:
        with came_by(Channel.TERMINAL):
            changed = services.change({name.lower(): value}, by=None, reason=reason)
    except Problem as error:
        _refuse(error)
    now_at = {one.name: one.value for one in queries.all_settings()}
    click.echo(f"{name.upper()}={now_at[name.lower()]}" if changed else f"{name.upper()} is that already.")


def _refuse(error: Problem) -> NoReturn:
    told = " ".join(error.errors.values()) if isinstance(error, Invalid) else str(error)
    click.echo(f"metronome: {told}", err=True)
    sys.exit(1)
