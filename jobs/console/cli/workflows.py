"""`flask workflows`: list, show, cancel, retry."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click

from jobs.engine import Engine
from jobs.ledger.flows import FlowState
from jobs.workflows.looks import WorkflowBrief

from .printing import BY, as_json, document, each, facts, operating, table, with_reason

workflows = click.Group("workflows", help="Jobs that wait for each other.")
STEPS_SHOWN = 200


@workflows.command("list")
@click.option("--state", "states", multiple=True, type=click.Choice([one.value for one in FlowState]))
@click.option("--by", help="Who started them.")
@click.option("--limit", default=25, show_default=True, type=click.IntRange(1, 1_000))
@click.option("--below", help="Where the page before ended.")
@as_json
@operating
def list_workflows(
    engine: Engine, *, states: Sequence[str], by: str | None, limit: int, below: str | None, as_json: bool
) -> None:
    """List workflows, the newest first."""
    found = engine.workflows.page(requested_by=by, states=states, before_uid=below, limit=limit)
    following = found[limit - 1].uid if len(found) > limit else None
    if as_json:
        document({"workflows": [_told(one) for one in found[:limit]], "below": following})
        return
    table(
        ("id", "name", "state", "settled", "steps", "failed step", "created at"),
        [
            (one.uid, one.name, one.state, one.settled, one.steps, one.failed_step, one.created_at)
            for one in found[:limit]
        ],
    )
    if following:
        click.echo(f"More with --below {following}", err=True)


@workflows.command("show")
@click.argument("uid")
@as_json
@operating
def show(engine: Engine, uid: str, *, as_json: bool) -> None:
    """Show one workflow and its first 200 steps."""
    flow = engine.workflows.look(uid)
    steps = engine.workflows.steps(uid, limit=STEPS_SHOWN)[:STEPS_SHOWN]
    results = None if flow.is_live else engine.workflows.results(uid, limit=STEPS_SHOWN)
    if as_json:
        told = [{"job" if name == "uid" else name: value for name, value in asdict(one).items()} for one in steps]
        document({**_told(flow), "results": results, "step_list": told})
        return
    facts({**_told(flow), "results": results or None})
    table(
        ("step", "state", "tries", "kind", "job", "after", "error"),
        [
            (one.name, one.state, one.attempt, one.kind, one.uid, ", ".join(one.after), one.error_message)
            for one in steps
        ],
    )


@workflows.command("cancel")
@click.argument("uids", metavar="UID...", nargs=-1, required=True)
@with_reason
@operating
def cancel(engine: Engine, uids: Sequence[str], *, reason: str | None) -> None:
    """Cancel what waits at once, and ask what runs to end."""

    def do(uid: str) -> str:
        engine.workflows.cancel(uid, by=BY, reason=reason)
        return "asked to end" if engine.workflows.look(uid).is_live else "cancelled"

    each(uids, do)


@workflows.command("retry")
@click.argument("uids", metavar="UID...", nargs=-1, required=True)
@with_reason
@operating
def retry(engine: Engine, uids: Sequence[str], *, reason: str | None) -> None:
    """Run the steps again that failed or were cancelled; what succeeded is not run again."""

    def do(uid: str) -> str:
        engine.workflows.retry(uid, by=BY, reason=reason)
        return "retried"

    each(uids, do)


def _told(flow: WorkflowBrief) -> dict[str, Any]:
    return {"id" if name == "uid" else name: value for name, value in asdict(flow).items()}
