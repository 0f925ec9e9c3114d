"""The areas of the console beside single jobs: each a module with its pages and what can be done there."""

from collections.abc import Callable

from flask import Blueprint

from jobs.engine import Engine

from . import audit, broker, integrity, metrics, operations, overview, queues, roster, schedules, workers, workflows
from .desk import Desk

AREAS = (overview, queues, workers, schedules, workflows, operations, broker, integrity, audit, metrics)


def mount(bp: Blueprint, engine: Engine, who: Callable[[], str | None]) -> None:
    """Put every area on the blueprint."""
    desk = Desk(engine, who)
    roster.install(bp, desk)
    for area in AREAS:
        area.mount(bp, desk)
