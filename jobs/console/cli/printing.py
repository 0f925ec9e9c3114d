"""How commands print: tables, facts, JSON; and how they say what went wrong."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import wraps
from typing import Any

import click
from flask.cli import with_appcontext
from sqlalchemy.exc import InterfaceError, OperationalError

from jobs.engine import engine_of
from jobs.errors import (
    JobError,
    NoSuchError,
    NoSuchJob,
    NoSuchOperation,
    NoSuchSchedule,
    NoSuchWorker,
    NoSuchWorkflow,
)
from jobs.ledger.audit import COMMAND_LINE
from jobs.ledger.channels import Channel, came_by
from jobs.ledger.states import LIVE, State
from jobs.redaction import masked, masked_text, without_secrets

BY = COMMAND_LINE
WIDEST = 60
STATES = tuple(state for state in State if state in LIVE)
"""The states of what is not over, in the order in which a job goes through them."""

as_json = click.option("--json", "as_json", is_flag=True, help="As JSON.")
LONGEST_REASON = 200


def _one_line(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is not None and (len(value) > LONGEST_REASON or not value.isprintable()):
        raise click.BadParameter(f"Give up to {LONGEST_REASON} signs on one line.", ctx, param)
    return value


def with_reason(command: Callable[..., None]) -> Callable[..., None]:
    """A command that may be told why; the audit log and whoever is shown what was decided are told too."""
    return click.option("--reason", callback=_one_line, help="Why, for the audit log.")(command)


class Moment(click.ParamType[datetime]):
    """A moment with its time zone."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The moment in UTC."""
        try:
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is None:
                raise ValueError
            return moment.astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail("A date and time with a time zone is needed, such as 2026-12-24T18:00:00+01:00.", param, ctx)


MOMENT = Moment()


def operating(run: Callable[..., None]) -> Callable[..., None]:
    """A command that works on the engine of the application, which it gets first.

    What the engine refuses is said in a sentence, with exit code 1.
    """

    @with_appcontext
    @wraps(run)
    def command(*args: Any, **options: Any) -> None:
        engine = engine_of()
        try:
            with came_by(Channel.TERMINAL), engine.host.inside():
                run(engine, *args, **options)
            engine.sender.flush()
        except JobError as error:
            raise click.ClickException(said(error)) from None
        except (OperationalError, InterfaceError) as error:
            raise click.ClickException(f"The database does not answer: {plain(error.orig).partition('·')[0]}") from None

    return command


def said(error: JobError) -> str:
    """What the engine refused, as a sentence."""
    for kind, what in (
        (NoSuchJob, "job"),
        (NoSuchSchedule, "schedule"),
        (NoSuchWorkflow, "workflow"),
        (NoSuchWorker, "process"),
        (NoSuchOperation, "operation"),
        (NoSuchError, "error"),
    ):
        if isinstance(error, kind):
            return f"There is no {what} {error}; it may have been forgotten."
    return plain(error)


def say(text: str) -> None:
    """Print text of which somebody else may have written a part."""
    for line in text.splitlines():
        click.echo(plain(line))


def each(uids: Iterable[str], do: Callable[[str], str]) -> None:
    """Do something with each of these, and say of each what was done.

    Raises:
        ClickException: it could not be done with one of them; those after it are left alone.
    """
    for uid in uids:
        try:
            click.echo(f"{uid} {do(uid)}")
        except JobError as error:
            raise click.ClickException(f"{plain(uid)}: {said(error)}") from None


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows under their columns; nothing when there are none."""
    for line in lined_up(columns, rows):
        click.echo(line)


def lined_up(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    """The lines of a table; none when there are no rows."""
    cells = [[cell(value) for value in row] for row in rows]
    if not cells:
        return []
    cells.insert(0, [column.upper() for column in columns])
    widths = [max(len(line[number]) for line in cells) for number in range(len(columns))]
    return ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in cells]


def facts(told: Mapping[str, Any]) -> None:
    """What is known of one thing, a line each; what is not known is left out."""
    known = {name: plain(value) for name, value in told.items() if value is not None}
    width = max(map(len, known))
    for name, text in known.items():
        click.echo(f"{name.ljust(width)}  {text}")


def document(content: Any) -> None:
    """JSON for a program, without secrets and with what is personal masked."""
    told = json.loads(json.dumps(content, default=plain))
    click.echo(json.dumps(masked(without_secrets(told)), indent=2))


def cell(value: Any) -> str:
    """A value as it stands in a table: one line, not too long."""
    text = plain(value)
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"


def plain(value: Any) -> str:
    """A value as text that does nothing to a terminal, without secrets and with what is personal masked."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    if isinstance(value, dict | list | tuple):
        value = json.dumps(masked(without_secrets(value)), default=str, ensure_ascii=False)
    return "".join(sign if sign.isprintable() else "·" for sign in masked_text(str(value)))
