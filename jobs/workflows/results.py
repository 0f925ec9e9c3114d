"""Results of parents, for the steps that waited for them."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import literal, select
from sqlalchemy.orm import Session

from jobs.ledger.flows import Edge
from jobs.ledger.models import Entry
from jobs.ledger.writer import Claim
from jobs.registry import Job


def results_of_parents(session: Session, workflow_id: int, job_id: int) -> dict[str, Any]:
    """By step name, in the order the parents were declared, what each came to."""
    mine = Edge.workflow_id == literal(workflow_id)
    up = select(Edge.parent.label("node"), Edge.place).where(mine, Edge.child == job_id).cte("up", recursive=True)
    behind_joins = select(Edge.parent, Edge.place).join(up, Edge.child == up.c.node).where(mine, up.c.node < 0)
    up = up.union(behind_joins)
    found = session.connection().execute(
        select(Entry.step, Entry.result).join(up, Entry.id == up.c.node).order_by(up.c.place)
    )
    return {str(row.step): row.result for row in found}


def with_results(session: Session, job: Job, one: Claim) -> Mapping[str, Any]:
    """The arguments of a step; with `parents` and `results`, where its function takes them and they are not given."""
    names = {parameter.name for parameter in job.parameters} & {"parents", "results"} - one.args.keys()
    if one.workflow_id is None or not names:
        return one.args
    parents = results_of_parents(session, one.workflow_id, one.id)
    told = {"parents": parents, "results": list(parents.values())}
    return {**one.args, **{name: told[name] for name in names}}
