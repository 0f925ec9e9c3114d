"""The worker's door: `dramatiq app.worker:broker`."""

from multiprocessing import parent_process

from jobs import engine_of

from . import create_app
from .doorstep import enter
from .lineage import be_gone_after_parent, end_with_parent
from .monitoring.events.services import recorder_of
from .tuning.services import follow

LONGEST_END_S = 30.0
"""Longer than a worker has for the jobs that run when it is to stop."""

master = parent_process()
if master and master.pid:
    end_with_parent(parent=master.pid)
    be_gone_after_parent(master.pid, within_s=LONGEST_END_S)
else:
    end_with_parent()
config = enter()
app = create_app(config, with_pages=False)
follow(app)
engine = engine_of(app)
recorder_of(app).start("worker", version=engine.version)
broker = engine.broker
if config.metrics_port:
    from .monitoring.metrics import serve

    serve(config, engine)
