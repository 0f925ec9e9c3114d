"""The small host's worker: `dramatiq tests.faults.small_worker:broker`."""

from .small import from_environment

broker = from_environment().broker
