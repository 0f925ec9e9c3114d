"""The worker's door: `dramatiq app.worker:broker`."""

from multiprocessing import parent_process

from jobs import engine_of

from . import create_app
from .doorstep import enter
from .lineage import end_with_parent
from .monitoring.events.services import recorder_of
from .tuning.services import follow

master = parent_process()
end_with_parent(parent=master.pid if master else None)
config = enter()
app = create_app(config, with_pages=False)
follow(app)
engine = engine_of(app)
recorder_of(app).start("worker", version=engine.version)
broker = engine.broker
if config.metrics_port:
    from .monitoring.metrics import serve

    serve(config, engine)
