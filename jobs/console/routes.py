"""Jobs and failures on the web."""

from flask import Blueprint

from jobs.engine import Engine

from . import failure_pages, job_pages, list_pages, selection_pages
from .steering import Steering, Who


def mount(bp: Blueprint, engine: Engine, who: Who) -> None:
    """Put the pages on the blueprint."""
    steering = Steering(engine, who)
    list_pages.mount(bp, engine)
    selection_pages.mount(bp, engine, steering)
    job_pages.mount(bp, engine, steering)
    failure_pages.mount(bp, engine, steering)
