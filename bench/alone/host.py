"""A plain host on the database of DATABASE_URL, with jobs whose own work costs nothing."""

from __future__ import annotations

import os
import time

from flask import Flask

from jobs import Engine, JobGroup, PlainHost, Wear
from jobs.dispatch.wear import UNWORN

QUEUE = "bench"
POOL = 8

group = JobGroup("bench")


@group.actor(queue_name=QUEUE)
def nothing(number: int) -> int:
    """Give the number back."""
    return number


@group.actor(queue_name=QUEUE)
def count(results: list[int]) -> int:
    """How many results came together."""
    return len(results)


@group.actor(queue_name=QUEUE, atomic=False)
def wait(number: int, wait_ms: float) -> int:
    """Wait, as jobs do that ask others."""
    time.sleep(wait_ms / 1000)
    return number


def make(database_url: str, redis_url: str, *, namespace: str = "alone", worn_after: Wear = UNWORN) -> Engine:
    """The engine of this host; its tables must be there."""
    host = PlainHost(Flask("bench"), database_url, pool_size=POOL)
    engine = Engine(host, redis_url=redis_url, namespace=namespace, worn_after=worn_after)
    engine.include(group)
    return engine


def from_environment() -> Engine:
    """The engine that DATABASE_URL and REDIS_URL tell of."""
    return make(os.environ["DATABASE_URL"], os.environ["REDIS_URL"])
