"""The broker of the peers: Dramatiq's own, with Dramatiq's own middleware, and nothing of ours."""

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker

QUEUE = "default"


def stock_broker() -> RedisBroker:
    """The broker of BENCH_REDIS_URL, made the one that actors bind to."""
    broker = RedisBroker(url=os.environ["BENCH_REDIS_URL"])  # type: ignore[no-untyped-call]
    dramatiq.set_broker(broker)
    return broker
