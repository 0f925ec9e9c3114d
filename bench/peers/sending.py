"""Sending a peer its messages, the way a program without our engine would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dramatiq
from dramatiq.brokers.redis import RedisBroker

QUEUE = "default"
MESSAGES = f"dramatiq:{QUEUE}.msgs"
"""Where Dramatiq keeps what was not acknowledged yet."""


def send(redis_url: str, arguments: Sequence[Mapping[str, Any]]) -> None:
    """One message of `count_calories` for each of the arguments."""
    broker = RedisBroker(url=redis_url)  # type: ignore[no-untyped-call]
    broker.declare_queue(QUEUE)
    for kwargs in arguments:
        broker.enqueue(
            dramatiq.Message(queue_name=QUEUE, actor_name="count_calories", args=(), kwargs=dict(kwargs), options={})
        )
    broker.close()
