"""`flask jobs watch`: what waits and what runs, as it changes."""

import json
import shutil
import sys
from collections.abc import Iterator
from time import sleep
from typing import Any

import click

from jobs.engine import Engine
from jobs.ledger.listing import Wanted
from jobs.ledger.progress import progress_of
from jobs.ledger.states import State
from jobs.redaction import masked

from .printing import STATES, lined_up, operating, plain

EVERY_S = 1.0
MOST_RUNNING = 20
HOME, TO_END_OF_LINE, TO_END = "\x1b[H", "\x1b[K", "\x1b[J"
CLEAR = "\x1b[2J"


@click.command("watch")
@click.option("--once", is_flag=True, help="One look.")
@operating
def watch(engine: Engine, *, once: bool) -> None:
    """Follow queues and running jobs, until Ctrl-C.

    In a terminal they are drawn anew every second, as far as they fit; elsewhere each change is a line of JSON.
    """
    is_terminal = sys.stdout.isatty()
    try:
        if is_terminal and not once:
            click.echo(CLEAR, nl=False)
        for look in looks(engine, once=once):
            if not is_terminal:
                click.echo(json.dumps(masked(look)))
            elif once:
                click.echo(drawn(look))
            else:
                size = shutil.get_terminal_size()
                fitting = (line[: size.columns] for line in drawn(look).splitlines()[: size.lines - 1])
                lines = "".join(f"{line}{TO_END_OF_LINE}\n" for line in fitting)
                click.echo(f"{HOME}{lines}{TO_END}", nl=False)
            sys.stdout.flush()
    except KeyboardInterrupt:
        click.echo(err=True)


def looks(engine: Engine, *, once: bool) -> Iterator[dict[str, Any]]:
    """What is seen, at once and whenever it has changed; looked for every second."""
    before = None
    while True:
        with engine.host.inside():
            look = seen(engine)
        if look != before:
            yield look
        if once:
            return
        before = look
        sleep(EVERY_S)


def seen(engine: Engine) -> dict[str, Any]:
    """How many jobs of each queue are in which state, and the newest that run."""
    now = engine.inspector.now()
    running, _ = engine.inspector.page(Wanted((State.RUNNING,)), limit=MOST_RUNNING)
    progress = {one.uid: progress_of(one, now) for one in running}
    return {
        "queues": {
            one.name: {"paused": one.lane.is_paused, **{state.value: one.counts[state] for state in STATES}}
            for one in engine.inspector.queues()
        },
        "running": [
            {
                "id": one.uid,
                "kind": one.kind,
                "queue": one.queue,
                "worker": one.worker,
                "started_at": plain(one.started_at),
                "percent": progress[one.uid].percent,
                "note": progress[one.uid].note,
            }
            for one in running
        ],
    }


def drawn(look: dict[str, Any]) -> str:
    """What is seen, as two tables."""
    queues = [
        (f"{name} (paused)" if one["paused"] else name, *(one[state.value] for state in STATES))
        for name, one in look["queues"].items()
    ]
    running = [
        (one["id"], one["kind"], one["worker"], one["started_at"], _percent(one["percent"]), one["note"])
        for one in look["running"]
    ]
    tables = [
        lined_up(["queue", *(state.value for state in STATES)], queues),
        lined_up(["id", "kind", "worker", "started at", "done", "note"], running) or ["Nothing runs."],
    ]
    return "\n\n".join("\n".join(lines) for lines in tables)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} %"
