"""Everything that Prometheus may ask for."""

import hmac
import ipaddress
import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from flask import Flask, Request, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from prometheus_flask_exporter import PrometheusMetrics
from sqlalchemy.exc import SQLAlchemyError

from app.config import Config
from app.web import asked_itself
from jobs import Engine, engine_of
from jobs.metrics import LedgerNumbers, Observer, PrometheusObserver

from .machine import MachineNumbers
from .services import known_numbers

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
QUIET_PATHS = re.compile(r"/(?:healthz$|readyz$|health/|metrics|static/)")
BIND_AGAIN_S = 10.0
CHECK_AGAIN_S = 60.0
SHARED = "PROMETHEUS_MULTIPROC_DIR"


disable_created_metrics()  # type: ignore[no-untyped-call]


def install(app: Flask) -> None:
    """Measure every request by its endpoint, and have all numbers ready to be scraped."""
    web = CollectorRegistry(auto_describe=False)
    WebNumbers(app, path=None, registry=web, buckets=BUCKETS)
    app.extensions["numbers_of_web"] = [
        *([] if SHARED in os.environ else [web, *_own(engine_of(app).observer)]),
        LedgerNumbers(engine_of(app), settled=lambda: known_numbers().settled, invariants=Promises(engine_of(app))),
        ProductNumbers(app),
        _machine(app.extensions["config"], engine_of(app)),
    ]


class WebNumbers(PrometheusMetrics):  # type: ignore[misc]
    """The library's numbers of requests, under its names, counted with a quarter of its work.

    Requests are told apart by what of ours was asked for: their paths, and methods that somebody made up, would make a
    series of every one of them.
    """

    def export_defaults(self, *, buckets: Sequence[float], prefix: str, app: Flask, **_: Any) -> None:
        """Count the requests of the application, how long they take, and those that raise."""
        self.info(f"{prefix}_exporter_info", "Information about the Prometheus Flask exporter", version=self.version)
        took = Histogram(
            f"{prefix}_http_request_duration_seconds",
            "Flask HTTP request duration in seconds",
            ("method", "endpoint", "status"),
            registry=self.registry,
            buckets=buckets,
        )
        answered, raised = (
            Counter(f"{prefix}_http_request{name}", words, ("method", "status"), registry=self.registry)
            for name, words in (
                ("_total", "Total number of HTTP requests"),
                ("_exceptions_total", "Total number of HTTP requests which resulted in an exception"),
            )
        )

        @cache
        def series(method: str, endpoint: str, status: int) -> tuple[Histogram, Counter]:
            return took.labels(method, endpoint, status), answered.labels(method, status)

        def count(response: Response) -> Response:
            asked = asked_itself()
            if _is_counted(asked):
                duration, total = series(asked.method, asked.endpoint or "none", response.status_code)
                duration.observe(time.perf_counter() - g.began)
                total.inc()
            return response

        def count_raised(error: BaseException | None) -> None:
            if error and _is_counted(asked_itself()):
                raised.labels(request.method, 500).inc()

        app.after_request(count)
        app.teardown_request(count_raised)


def _is_counted(asked: Request) -> bool:
    return asked.method in METHODS and not QUIET_PATHS.match(asked.path)


class Promises:
    """Which of the engine's promises hold, by name. They are checked once a minute at most, however often one asks."""

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine, self._clock = engine, clock
        self._kept: Mapping[str, bool] = {}
        self._kept_until = 0.0
        self._checking = threading.Lock()

    def __call__(self) -> Mapping[str, bool]:
        """How they stood when they were checked last. Raises SQLAlchemyError."""
        with self._checking:
            if self._clock() >= self._kept_until:
                self._kept = {one.promise.key: one.holds for one in self._engine.integrity.all()}
                self._kept_until = self._clock() + CHECK_AGAIN_S
            return self._kept


class ProductNumbers(Collector):
    """What people did, and what that burned."""

    def __init__(self, app: Flask) -> None:
        self._app = app

    def describe(self) -> Iterable[Metric]:
        """Nothing beforehand: registering must not ask the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The numbers; while the database is away, as they were last counted."""
        with self._app.app_context():
            try:
                found = known_numbers()
            except SQLAlchemyError:
                return
        yield CounterMetricFamily(
            "calories_burned_kcal",
            "Energy of all activities. Corrections downwards do not show.",
            float(found.burned_kcal),
        )
        logged = CounterMetricFamily("activities_logged", "Activities logged.", labels=("kind",))
        for kind, count in found.logged.items():
            logged.add_metric((kind,), count)
        yield logged
        yield GaugeMetricFamily("tasks_started", "Jobs that ever started, each once.", found.tasks_started)
        yield GaugeMetricFamily("tasks_completed", "Jobs that were completed.", found.tasks_completed)
        yield GaugeMetricFamily("tasks_failed", "Jobs that failed for good.", found.tasks_failed)


def scrape(collectors: Iterable[Collector], accept: str | None) -> tuple[bytes, str]:
    """All numbers as Prometheus reads them, and their content type."""
    registry = CollectorRegistry(auto_describe=False)
    if SHARED in os.environ:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    for collector in collectors:
        registry.register(collector)
    encode, content_type = choose_encoder(accept or "")
    return encode(registry), content_type


def may_scrape(config: Config, *, address: str, host: str, authorization: str) -> bool:
    """Whether whoever asks may see the numbers: with METRICS_TOKEN, or from this very machine.

    A proxy on this machine makes the whole world look like it. Where one is set up, or the name asked for is not this
    machine's own, only the token opens.
    """
    scheme, _, token = authorization.partition(" ")
    if config.metrics_token and scheme.lower() == "bearer":
        return hmac.compare_digest(token.strip().encode(), config.metrics_token.encode())
    if config.public_url or config.trusted_proxy:
        return False
    return _is_loopback(address) and (host in {"", "localhost"} or _is_loopback(host))


def _own(observer: Observer) -> list[Collector]:
    return [observer.registry] if isinstance(observer, PrometheusObserver) else []


def _machine(config: Config, engine: Engine) -> MachineNumbers:
    return MachineNumbers(config, engine, shared=Path(os.environ[SHARED]) if SHARED in os.environ else None)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return False


def serve(config: Config, engine: Engine) -> None:
    """Open METRICS_PORT, if one is set, for the numbers of this process and those it shares them with.

    Of several processes on one machine the first to come serves it, and another one takes over when it is gone.
    """
    if config.metrics_port:
        threading.Thread(target=_serve, args=(config, engine), name="metrics", daemon=True).start()


def _serve(config: Config, engine: Engine) -> None:
    observer = engine.observer
    collectors = [*([] if SHARED in os.environ else _own(observer)), _machine(config, engine)]

    class Door(BaseHTTPRequestHandler):
        server_version, sys_version = "metronome", ""

        def do_GET(self) -> None:
            host = self.headers.get("Host", "").rpartition(":")[0]
            authorization = self.headers.get("Authorization", "")
            if self.path.split("?")[0] != "/metrics":
                self.send_error(404)
            elif not may_scrape(config, address=self.client_address[0], host=host, authorization=authorization):
                self.send_error(401)
            else:
                observer.flush()
                body, content_type = scrape(collectors, self.headers.get("Accept"))
                self.send_response(200)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: somebody asks every fifteen seconds."""

    while True:
        try:
            server = ThreadingHTTPServer((config.host, config.metrics_port), Door)
        except OSError:
            time.sleep(BIND_AGAIN_S)
        else:
            server.serve_forever()
