"""A workshop that starts workflows and looks at what became of them."""

from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text

from jobs import Entry, GiveUp, Job, JobRequest, Step, Workflow, WorkflowBrief
from jobs.ledger.flows import Edge, Join, WorkflowRow
from jobs.testing import run_ready
from jobs.workflows.shape import Part
from tests.jobs.host import SmallHost
from tests.jobs.workshop import Workshop


class FlowShop(Workshop):
    """`say` gives its number back as its result; `fails` says which numbers fail for good."""

    def __init__(self, host: SmallHost, redis_url: str | None = None, **options: Any) -> None:
        super().__init__(host, redis_url, **options)
        self.fails: set[int] = set()
        self.order: list[int] = []
        self.told: list[Any] = []

        def say(number: int) -> int:
            return self._say(number)

        def say_also(number: int, parents: dict[str, Any]) -> dict[str, Any]:
            self.told.append(parents)
            return {"me": self._say(number), **parents}

        def add(results: list[int]) -> int:
            self.note(sum(results))
            return sum(results)

        def take_back(result: int) -> None:
            self._say(-result)

        def mourn(failures: dict[str, str]) -> None:
            self.told.append(failures)

        once = {"queue": "work", "max_retries": 0}
        self.say, self.say_also, self.add, self.take_back, self.mourn = (
            self.job(run, **once) for run in (say, say_also, add, take_back, mourn)
        )

    def _say(self, number: int) -> int:
        if number in self.fails:
            raise GiveUp(f"{number} fails")
        self.note(number)
        self.order.append(number)
        return number

    def saying(self, *numbers: int, **options: Any) -> list[Step]:
        """A step for each number, named after it."""
        return [Step(self.say, {"number": number}, name=str(number), **options) for number in numbers]

    def saying_with_undo(self, *numbers: int) -> list[Step]:
        return self.saying(*numbers, undo=Step(self.take_back))

    def start(self, shape: Workflow | Part, **options: Any) -> str:
        with self.host.transaction() as session:
            return self.engine.workflows.start(session, shape, **options)

    def run(self, shape: Workflow | Part) -> str:
        uid = self.start(shape)
        self.run_ready()
        return uid

    def run_ready(self) -> None:
        run_ready(self.engine)

    def cancel(self, uid: str) -> None:
        self.engine.workflows.cancel(uid, by="ada")

    def retry(self, uid: str) -> None:
        self.engine.workflows.retry(uid, by="ada")

    def reconcile(self) -> int:
        return self.engine.workflows.reconcile()

    # -- looking

    def look(self, uid: str) -> WorkflowBrief:
        with self.host.inside():
            return self.engine.workflows.look(uid)

    def flow_state(self, uid: str) -> str:
        return self.look(uid).state

    def steps(self, uid: str) -> dict[str, str]:
        with self.host.inside():
            return {one.name: one.state for one in self.engine.workflows.steps(uid, limit=20_000)}

    def results_gone_at(self, uid: str) -> datetime | None:
        with self.host.inside():
            return self.engine.workflows.results_gone_at(uid)

    def step(self, uid: str, name: str) -> Entry:
        with self.host.inside():
            session = self.host.reading()
            flow_id = session.scalar(select(WorkflowRow.id).where(WorkflowRow.uid == uid))
            return session.scalars(select(Entry).where(Entry.workflow_id == flow_id, Entry.step == name)).one()

    def counters(self, uid: str) -> tuple[int, dict[str, int], dict[int, int]]:
        """What is counted of a workflow: its own counter, those of its blocked jobs, those of its joins."""
        with self.host.inside():
            session = self.host.reading()
            row = session.scalars(select(WorkflowRow).where(WorkflowRow.uid == uid)).one()
            blocked = session.execute(
                select(Entry.step, Entry.pending_deps).where(Entry.workflow_id == row.id, Entry.state == "blocked")
            )
            joins = session.execute(select(Join.number, Join.pending).where(Join.workflow_id == row.id))
            return row.pending, dict(blocked.all()), dict(joins.all())

    def interruptions(self) -> int:
        """How often a step was not let finish: a deadlock is one."""
        with self.host.inside():
            return self.host.reading().scalar(select(func.sum(Entry.interruptions))) or 0

    def rows_of_workflows(self) -> int:
        with self.host.inside():
            tables = (WorkflowRow, Join, Edge, Entry)
            return sum(self.host.reading().scalar(select(func.count()).select_from(one)) or 0 for one in tables)

    def spoil(self, statement: str, **values: Any) -> None:
        with self.host.transaction() as session:
            session.execute(text(statement), values)

    def submit_plain(self, job: Job, **args: Any) -> str:
        with self.host.transaction() as session:
            return self.engine.write_down(session, [JobRequest(job, args)])[0]
