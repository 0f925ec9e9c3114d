"""The plain host's worker: `dramatiq bench.alone.worker:broker`."""

from bench.alone.host import from_environment

broker = from_environment().broker
