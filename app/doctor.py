"""What was chosen, what is reachable, what is wrong and how to mend it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

import click
from flask.cli import with_appcontext
from sqlalchemy.engine import make_url

from app import ledger_checks, machine_checks
from app.config import PRIVATE_REDIS, Config
from app.monitoring.queries import Condition, Part
from app.web import settings

MARKS = {Condition.OK: "ok   ", Condition.DEGRADED: "weak ", Condition.DOWN: "WRONG"}


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@with_appcontext
def doctor(*, as_json: bool) -> None:
    """Say what was chosen, what is reachable, and how to mend what is not. Exit code 1 when something is wrong."""
    chosen, parts = dict(choices(settings())), list(examine(settings()))
    click.echo(_as_json(chosen, parts) if as_json else "\n".join(_lines(chosen, parts)))
    raise SystemExit(any(part.condition is not Condition.OK for part in parts))


def choices(config: Config) -> Iterator[tuple[str, str]]:
    """What this installation runs on, without its secrets."""
    yield "database", _without_password(config.database_url)
    private = config.data_dir / PRIVATE_REDIS
    none = f"the private one at {private}" if private.exists() else "none is set"
    yield "redis", _without_password(config.redis_url) if config.redis_url else none
    yield "data", str(config.data_dir)
    yield "address", config.public_url or f"http://{config.host}:{config.port}"
    yield "metrics", "with METRICS_TOKEN" if config.metrics_token else "from this machine only"


def examine(config: Config) -> Iterator[Part]:
    """Everything that can be looked at; without a database, what does not need it."""
    yield from machine_checks.checks(config)
    yield from ledger_checks.checks()


def _without_password(url: str) -> str:
    return make_url(url).render_as_string(hide_password=True)


def _lines(chosen: dict[str, str], parts: Sequence[Part]) -> Iterator[str]:
    yield from (f"{name:12} {value}" for name, value in chosen.items())
    yield ""
    for part in parts:
        yield f"{MARKS[part.condition]}  {part.name}{f': {part.words}' if part.words else ''}"
        if part.condition is not Condition.OK:
            yield f"       {part.remedy}"


def _as_json(chosen: dict[str, str], parts: Sequence[Part]) -> str:
    return json.dumps({"chosen": chosen, "parts": [asdict(part) for part in parts]}, indent=2)
