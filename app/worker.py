"""The worker's door: `dramatiq app.worker:broker`."""

from jobs import engine_of

from . import create_app, logs
from .config import Config
from .lineage import end_with_parent
from .monitoring.events.services import recorder_of
from .tuning.services import follow

end_with_parent()
config = Config.from_env_or_exit()
logs.set_up(config)
app = create_app(config, with_pages=False)
follow(app)
engine = engine_of(app)
recorder_of(app).start("worker", version=engine.version)
broker = engine.broker
if config.metrics_port:
    from .monitoring.metrics import serve

    serve(config, engine)
