"""The plain host's scheduler: `python -m bench.alone.scheduler`."""

from bench.alone.host import from_environment

if __name__ == "__main__":
    engine = from_environment()
    engine.tick(engine.sweeps())
