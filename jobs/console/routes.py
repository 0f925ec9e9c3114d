"""The pages of the console on the web: the overview, and those of each area."""

from flask import Blueprint, Response

from jobs.engine import Engine

from . import answers, failure_pages, job_pages, list_pages, looks, selection_pages
from .pages import words
from .steering import Steering, Who


def mount(bp: Blueprint, engine: Engine, who: Who) -> None:
    """Put the pages on the blueprint."""
    bp.add_url_rule("/", "overview", Console(engine).overview)
    steering = Steering(engine, who)
    list_pages.mount(bp, engine)
    selection_pages.mount(bp, engine, steering)
    job_pages.mount(bp, engine, steering)
    failure_pages.mount(bp, engine, steering)


class Console:
    """The front page of one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def overview(self) -> Response:
        """Is it healthy, and if not, where."""
        look = looks.overview(self._engine)
        return answers.region("overview", "_overview", told_by=look.told_by, look=look, **words())
