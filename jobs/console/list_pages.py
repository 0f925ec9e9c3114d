"""The list of jobs on the web."""

from flask import Blueprint, Response, request

from jobs.engine import Engine

from . import answers, lists
from .asking import Question
from .pages import words


def mount(bp: Blueprint, engine: Engine) -> None:
    """Put the list on the blueprint."""
    bp.add_url_rule("/jobs", "jobs", ListPages(engine).jobs)


class ListPages:
    """The list of the jobs of one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def jobs(self) -> Response:
        """Find jobs, and choose some to act on."""
        question, wrong = Question.read(request.args, kinds=[*self._engine.jobs])
        may_manage = self._engine.host.allow("manage")
        if wrong:
            empty, typed = lists.nothing(self._engine, question), request.args.get("q", "")[:1_000]
            told = {"look": empty, "wrong": wrong, "tag": "", "typed": typed, "may_manage": may_manage}
            return answers.page("jobs", status=422, **told, **words())
        told_by = (may_manage, self._engine.host.allow("act"), lists.told_by(self._engine, question))
        if same := answers.unchanged(told_by):
            return same
        look = lists.jobs(self._engine, question)
        return answers.region(
            *("jobs", "_jobs"),
            told_by=told_by,
            look=look,
            wrong=[],
            typed=question.text,
            may_manage=may_manage,
            **words(),
        )
