"""The scheduler's door: `python -m app.scheduler`."""

from jobs import engine_of

from . import create_app
from .doorstep import enter
from .monitoring.events.services import recorder_of
from .timetable import timetable
from .tuning.services import follow


def main() -> None:
    """Run the timetable until SIGTERM."""
    config = enter()
    app = create_app(config, with_pages=False)
    follow(app)
    engine = engine_of(app)
    recorder_of(app).start("scheduler", version=engine.version)
    if config.metrics_port:
        from .monitoring.metrics import serve  # noqa: PLC0415 -- slow import

        serve(config, engine)
    engine.tick(timetable(app, engine, config))


if __name__ == "__main__":
    main()
