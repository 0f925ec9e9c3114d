"""`flask queues` and `flask kinds`: what waits where, and how much of it may run."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import click

from jobs.engine import Engine
from jobs.errors import UnknownJob
from jobs.inspector import KindLook, QueueLook
from jobs.ledger.lanes import LaneLook, Limits, Scope

from .printing import BY, MOMENT, STATES, as_json, document, facts, operating, table, with_reason

queues = click.Group("queues", help="Where jobs wait: list, show, pause, resume, limit.")
kinds = click.Group("kinds", help="What jobs there are: list, show, pause, resume, limit.")


NAME = click.option("--name", default="", help="With this in the name.")
PAUSED = click.option("--paused/--not-paused", "is_paused", default=None, help="Those that are paused, or not.")


class Rate(click.ParamType[tuple[int, float]]):
    """So many in so many seconds."""

    name = "rate"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, float]:
        """The number and the seconds."""
        count, _, seconds = str(value).partition("/")
        try:
            rate = int(count), float(seconds)
        except ValueError:
            rate = 0, 0.0
        if rate[0] < 1 or not 0 < rate[1] < 1e9:
            self.fail("So many in so many seconds are needed, such as 100/60.", param, ctx)
        return rate


# -- queues ---------------------------------------------------------------------------------------------------------


@queues.command("list")
@NAME
@PAUSED
@as_json
@operating
def list_queues(engine: Engine, *, name: str, is_paused: bool | None, as_json: bool) -> None:
    """List queues with what waits and runs in them."""
    looks = [one for one in engine.inspector.queues() if _is_meant(one, name, is_paused=is_paused)]
    if as_json:
        document({"queues": [_queue(one) for one in looks]})
        return
    rows = []
    for one in looks:
        counts = [one.counts[state] for state in STATES]
        rows.append((one.name, *counts, one.oldest_ready_s, _limits(one.lane), _paused(one.lane)))
    table(["queue", *(state.value for state in STATES), "oldest s", "limits", "paused"], rows)


@queues.command("show")
@click.argument("queue")
@as_json
@operating
def show_queue(engine: Engine, queue: str, *, as_json: bool) -> None:
    """Show one queue: what waits and runs in it, what was decided about it, its kinds and its workers."""
    look = next((one for one in engine.inspector.queues() if one.name == queue), None)
    if look is None:
        raise UnknownJob(f"There is no queue called {queue}.")
    workers = [
        one.name for one in engine.inspector.workers() if one.role == "worker" and queue in one.queues.split(",")
    ]
    if as_json:
        document({**_queue(look), "workers": workers})
        return
    facts(
        {
            "queue": look.name,
            **{state.value: look.counts[state] for state in STATES},
            "oldest s": look.oldest_ready_s,
            "limits": _limits(look.lane),
            "paused": _paused(look.lane),
            "kinds": ", ".join(look.kinds) or "none",
            "workers": ", ".join(workers) or "none",
        }
    )


# -- kinds ----------------------------------------------------------------------------------------------------------


@kinds.command("list")
@NAME
@PAUSED
@click.option("--queue", help="Declared for this queue.")
@as_json
@operating
def list_kinds(engine: Engine, *, name: str, is_paused: bool | None, queue: str | None, as_json: bool) -> None:
    """List the kinds of job of this build."""
    looks = [
        one
        for one in engine.inspector.kinds()
        if _is_meant(one, name, is_paused=is_paused) and queue in {None, one.queue}
    ]
    if as_json:
        document({"kinds": [_kind(one) for one in looks]})
        return
    table(
        ("kind", "queue", "priority", "retries", "limits", "paused", "what it does"),
        [
            (
                one.name,
                one.queue,
                one.policy["priority"],
                one.policy["max_retries"],
                _limits(one.lane),
                _paused(one.lane),
                one.doc.partition("\n")[0],
            )
            for one in looks
        ],
    )


@kinds.command("show")
@click.argument("kind")
@as_json
@operating
def show_kind(engine: Engine, kind: str, *, as_json: bool) -> None:
    """Show one kind: what it takes, and its policy."""
    name = engine.job_named(kind).name
    look = next(one for one in engine.inspector.kinds() if one.name == name)
    if as_json:
        document(_kind(look))
        return
    facts(
        {
            "kind": look.name,
            "queue": look.queue,
            "owner": look.owner,
            "what it does": look.doc,
            "limits": _limits(look.lane),
            "paused": _paused(look.lane),
            **look.policy,
        }
    )
    properties = look.arguments["properties"]
    required = look.arguments["required"]
    table(
        ("argument", "type", "needed", "else"),
        [
            (name, one.get("type", "any"), name in required, "" if name in required else one.get("default"))
            for name, one in properties.items()
        ],
    )


# -- limits ---------------------------------------------------------------------------------------------------------


def _limiting(scope: Scope) -> None:
    does = f"Decide how many jobs of a {scope} may run at a time, and how many may start in a while."

    @{"queue": queues, "kind": kinds}[scope].command("limit", help=does)
    @click.argument("name")
    @click.option("--running", type=click.IntRange(min=0), help="How many may run at a time.")
    @click.option("--rate", type=Rate(), metavar="N/SECONDS", help="How many may start in so many seconds: 100/60.")
    @click.option("--none", "is_none", is_flag=True, help="Any number.")
    @with_reason
    @operating
    def limit(
        engine: Engine,
        name: str,
        *,
        running: int | None,
        rate: tuple[int, float] | None,
        is_none: bool,
        reason: str | None,
    ) -> None:
        if is_none == (running is not None or rate is not None):
            raise click.UsageError("Give --running, --rate or both; or --none.")
        limits = Limits(running, *(rate or (None, None)))
        engine.limit((scope, name), limits, by=BY, reason=reason)
        click.echo(f"{name}: {_limits(LaneLook(limits))}")


_limiting("queue")
_limiting("kind")


# -- pauses ---------------------------------------------------------------------------------------------------------


def _pausing(scope: Scope) -> Callable[..., None]:
    @click.argument("name")
    @with_reason
    @click.option("--until", type=MOMENT, help="Until when; else for good.")
    @operating
    def pause(engine: Engine, name: str, *, reason: str | None, until: datetime | None) -> None:
        """Let nothing more start there. What runs goes on."""
        engine.pause((scope, name), by=BY, reason=reason, until=until)
        click.echo(f"{name} paused")

    return pause


def _resuming(scope: Scope) -> Callable[..., None]:
    @click.argument("name")
    @with_reason
    @operating
    def resume(engine: Engine, name: str, *, reason: str | None) -> None:
        """Let jobs start there again."""
        was_paused = engine.resume((scope, name), by=BY, reason=reason)
        click.echo(f"{name} {'resumed' if was_paused else 'was not paused'}")

    return resume


queues.command("pause")(_pausing("queue"))
queues.command("resume")(_resuming("queue"))
kinds.command("pause")(_pausing("kind"))
kinds.command("resume")(_resuming("kind"))


# -- inside ---------------------------------------------------------------------------------------------------------


def _is_meant(one: QueueLook | KindLook, name: str, *, is_paused: bool | None) -> bool:
    return name.lower() in one.name.lower() and is_paused in {None, one.lane.is_paused}


def _queue(one: QueueLook) -> dict[str, Any]:
    return {
        "name": one.name,
        "counts": {state.value: one.counts[state] for state in STATES},
        "oldest_ready_s": one.oldest_ready_s,
        "kinds": list(one.kinds),
        **_lane(one.lane),
    }


def _kind(one: KindLook) -> dict[str, Any]:
    names = ("name", "queue", "owner", "doc", "arguments", "policy")
    return {**{name: getattr(one, name) for name in names}, **_lane(one.lane)}


def _lane(lane: LaneLook) -> dict[str, Any]:
    return {
        "is_paused": lane.is_paused,
        "paused_by": lane.paused_by,
        "pause_reason": lane.pause_reason,
        "paused_until": lane.paused_until,
        "most_running": lane.limits.most_running,
        "rate_count": lane.limits.rate_count,
        "rate_period_s": lane.limits.rate_period_s,
    }


def _limits(lane: LaneLook) -> str:
    limits = lane.limits
    told = [] if limits.most_running is None else [f"{limits.most_running} at a time"]
    if limits.rate_count is not None:
        told.append(f"{limits.rate_count} in {limits.rate_period_s:g} s")
    return ", ".join(told) or "none"


def _paused(lane: LaneLook) -> str:
    return f"by {lane.paused_by}: {lane.pause_reason or 'no reason given'}" if lane.is_paused else "no"
