"""`flask workers`: the processes that run jobs."""

from typing import Any

import click

from jobs.crew import GO
from jobs.dispatch.heartbeat import QUIET, STOP
from jobs.engine import Engine
from jobs.ledger.models import WorkerRow
from jobs.ledger.selection import Selection
from jobs.ledger.states import State

from .printing import BY, as_json, document, facts, operating, plain, table, with_reason

workers = click.Group("workers", help="The processes that run jobs: list, show, quiet, go, stop, forget.")
JOBS_SHOWN = 100
MORE = ("threads", "busy", "memory_mib", "skew_s", "wish", "wished_by")


@workers.command("list")
@click.option("--role", type=click.Choice(["worker", "scheduler"]))
@click.option("--queue", help="Those that listen to this queue.")
@as_json
@operating
def list_workers(engine: Engine, *, role: str | None, queue: str | None, as_json: bool) -> None:
    """List the processes that were heard of lately."""
    rows = [
        one
        for one in engine.inspector.workers()
        if role in {None, one.role} and (queue is None or queue in one.queues.split(","))
    ]
    if as_json:
        document({"workers": [_worker(one) for one in rows]})
        return
    table(
        ("name", "role", "queues", "running", "version", "redis", "started at", "seen at"),
        [(*_worker(one).values(),) for one in rows],
    )


@workers.command("show")
@click.argument("name")
@as_json
@operating
def show_worker(engine: Engine, name: str, *, as_json: bool) -> None:
    """Show one process, also one that fell silent, and what it runs."""
    row = engine.crew.named(name)
    wanted = Selection(states=(State.RUNNING,), worker=row.name)
    running = [one for one in engine.inspector.find(wanted, limit=JOBS_SHOWN)[0] if one.worker == row.name]
    told = {**_worker(row), **{name: getattr(row, name) for name in MORE}}
    if as_json:
        jobs = [{"id": one.uid, "kind": one.kind, "started_at": one.started_at} for one in running]
        document({**told, "jobs": jobs})
        return
    facts(told)
    table(("running", "kind", "started at"), [(one.uid, one.kind, one.started_at) for one in running])


def _wishing(wish: str, does: str, said: str) -> None:
    @workers.command(wish, help=does)
    @click.argument("name")
    @with_reason
    @operating
    def command(engine: Engine, name: str, *, reason: str | None) -> None:
        engine.crew.wish(name, wish, by=BY, reason=reason)
        click.echo(f"{plain(name)} {said}, from its next beat on")


_wishing(QUIET, "Let a worker finish what it runs and take nothing more.", "will take nothing more")
_wishing(GO, "Let a worker take work again.", "will take work again")
_wishing(STOP, "Let a process finish what it runs and end.", "will stop")


@workers.command("forget")
@click.argument("name")
@with_reason
@operating
def forget(engine: Engine, name: str, *, reason: str | None) -> None:
    """Take a process that fell silent off the list. One that lives comes back."""
    engine.crew.forget(name, by=BY, reason=reason)
    click.echo(f"{plain(name)} forgotten")


def _worker(one: WorkerRow) -> dict[str, Any]:
    names = ("name", "role", "queues", "running", "version", "sees_redis", "started_at", "seen_at")
    return {name: getattr(one, name) for name in names}
