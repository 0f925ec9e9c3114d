"""The small host's scheduler: `python -m tests.faults.small_scheduler`."""

from .small import REAP_EVERY_S, from_environment

if __name__ == "__main__":
    engine = from_environment()
    engine.tick(engine.sweeps(reap_every_s=REAP_EVERY_S))
