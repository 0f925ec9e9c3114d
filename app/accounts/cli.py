"""Accounts from the terminal."""

import sys
from typing import NoReturn

import click
from flask.cli import AppGroup

from app.errors import Invalid, Problem
from app.security import SCOPES
from app.text import one_line
from app.web import settings
from jobs import Channel, came_by

from . import queries, services
from .addresses import address_key, read_address
from .forms import LONGEST_NAME

users = AppGroup("users", help="People who use the product.")
tokens = AppGroup("tokens", help="Keys for programs.")


def _name(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    """The name as it is kept."""
    if text is None:
        return None
    try:
        name = one_line(text, longest=LONGEST_NAME)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    if not name:
        raise click.BadParameter("It cannot be empty.")
    return name


@users.command("create")
@click.option("--email", required=True, help="Their e-mail address.")
@click.option("--name", callback=_name, help="What they are called; else what stands before the @.")
@click.option("--admin", is_flag=True, help="May do everything.")
@click.option("--password-stdin", is_flag=True, required=True, help="Read the password from standard input.")
def create_user(email: str, name: str | None, admin: bool, password_stdin: bool) -> None:  # noqa: ARG001, FBT001 -- click's
    """Make an account. The password is read from standard input, so that no list of processes shows it."""
    password = sys.stdin.readline().rstrip("\r\n")
    try:
        address = read_address(email)
        services.create_user(
            email=address, password=password, name=name or address.partition("@")[0][:LONGEST_NAME], is_admin=admin
        )
    except (Invalid, ValueError) as error:
        _refuse(error)
    click.echo(f"Made {address}{', an admin' if admin else ''}.")


@users.command("role")
@click.option("--email", required=True, help="Whose role it is.")
@click.option("--role", required=True, type=click.Choice(["viewer", "operator", "admin", "none"]))
@click.option("--reason", help="Why, for the audit log.")
def give_role(email: str, role: str, reason: str | None) -> None:
    """Let somebody see all jobs (viewer), act on them (operator), or manage everything (admin)."""
    user = queries.user_by_email(address_key(email))
    if user is None:
        _refuse("There is nobody with this e-mail address.")
    try:
        with came_by(Channel.TERMINAL):
            services.give_role(user.id, "" if role == "none" else role, by=None, reason=reason)
    except Problem as error:
        _refuse(error)
    click.echo(f"{user.email} is {'no viewer, operator or admin' if role == 'none' else role} now.")


@users.command("setup-link")
def setup_link() -> None:
    """Print a link that makes the first admin, once, within half an hour. Nothing when there is an admin."""
    token = services.offer_setup()
    if token:
        click.echo(f"{_address()}/setup/{token}")


@tokens.command("create")
@click.option("--email", required=True, help="Whose token it is.")
@click.option("--scope", "scopes", multiple=True, required=True, help=f"{', '.join(SCOPES)}; may be given again.")
@click.option("--name", default="From the terminal", callback=_name, help="What will use it.")
@click.option("--days", default=services.TOKEN_LASTS_DAYS, type=click.IntRange(1, services.TOKEN_LASTS_DAYS))
def create_token(email: str, scopes: tuple[str, ...], name: str, days: int) -> None:
    """Make an API token and print it, and nothing else."""
    user = queries.user_by_email(address_key(email))
    if user is None:
        _refuse("There is nobody with this e-mail address.")
    wanted = {part for scope in scopes for part in scope.replace(",", " ").split()}
    try:
        click.echo(services.make_token(user.id, name=name, scopes=wanted, days=days))
    except Invalid as error:
        _refuse(error)


def _address() -> str:
    config = settings()
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(config.host, config.host)  # noqa: S104 -- read, not bound
    return config.public_url or f"http://{f'[{host}]' if ':' in host else host}:{config.port}"


def _refuse(why: Problem | ValueError | str) -> NoReturn:
    raise click.ClickException(str(why))
