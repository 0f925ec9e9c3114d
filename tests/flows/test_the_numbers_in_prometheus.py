"""A real Prometheus reads a real run of the product, and answers what people ask it."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.browser.product import ROOT, Product
from tests.conftest import Databases
from tests.installation import free_port
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not here"),
]

TOKEN = "k7Jq2vX9pL4mN8rT1wZ5yB3cD6fG0hSa"
RUN = {"kind": "running", "duration_min": 30, "weight_kg": 70}
COUNT = 12


class Prometheus:
    """Debian's Prometheus with our own configuration, its targets exchanged for those of this machine."""

    def __init__(self, folder: Path, *, targets: dict[str, int], token: str) -> None:
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir()
        (folder / "token").write_text(token)
        settings: dict[str, Any] = yaml.safe_load((ROOT / "prometheus.yml").read_text())
        settings["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        settings["rule_files"] = [str(ROOT / name) for name in settings["rule_files"]]
        del settings["alerting"]
        for job in settings["scrape_configs"]:
            job["authorization"]["credentials_file"] = str(folder / "token")
            job["static_configs"] = [{"targets": [f"127.0.0.1:{targets[job['job_name']]}"]}]
        (folder / "prometheus.yml").write_text(yaml.safe_dump(settings))

    def start(self) -> None:
        words = {
            "--config.file": self._folder / "prometheus.yml",
            "--storage.tsdb.path": self._folder / "data",
            "--web.listen-address": f"127.0.0.1:{self.port}",
        }
        with (self._folder / "log").open("wb") as log:
            command = ["prometheus", *(f"{name}={value}" for name, value in words.items())]
            self._process = subprocess.Popen(command, cwd=self._folder, stdout=log, stderr=log)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(30)

    def log(self) -> str:
        return (self._folder / "log").read_text()

    def ask(self, path: str, **words: str) -> Any:
        """The data of an answer of its HTTP API; None while it gives none."""
        query = urllib.parse.urlencode(words)
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/{path}?{query}", timeout=5) as answer:
                return json.load(answer)["data"]
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return None

    def value(self, query: str) -> float | None:
        """The one number that a query gives; None while it gives none."""
        found = self.ask("query", query=query)
        return float(found["result"][0]["value"][1]) if found and found["result"] else None


@pytest.fixture
def product(databases: Databases, redis_url: str, tmp_path: Path) -> Iterator[Product]:
    """Web, worker and scheduler as in containers: each counts for itself and has a door of its own."""
    url = databases.blank()
    product = Product(folder=tmp_path, database_url=url, redis_url=redis_url, settings={"METRICS_TOKEN": TOKEN})
    product.run(str(ROOT / "bin" / "migrate"))
    yield product
    product.stop_everything()
    databases.drop(url)


def test_prometheus_tells_calories_jobs_and_the_age_of_queues(product: Product, tmp_path: Path) -> None:
    doors = {"web": product.port, "worker": free_port(), "scheduler": free_port()}
    for name, port in doors.items():
        own = {} if name == "web" else {"METRICS_PORT": str(port)}
        if name != "worker":
            product.start(name, PROMETHEUS_MULTIPROC_DIR=str(tmp_path / f"{name}-metrics"), **own)
    product.wait_until_it_answers()
    prometheus = Prometheus(tmp_path / "prometheus", targets=doors, token=TOKEN)
    prometheus.start()
    try:
        product.log(product.make_person(), [RUN] * COUNT)
        waiting = 'max(queue_oldest_ready_seconds{queue="activities"})'
        wait_until(lambda: (prometheus.value(waiting) or 0) > 1, what=prometheus.log)
        assert prometheus.value('max(jobs_state{queue="activities", state="ready"})') == COUNT
        assert prometheus.value("max(calories_burned_kcal_total)") == 0

        metrics = str(tmp_path / "worker-metrics")
        product.start("worker", PROMETHEUS_MULTIPROC_DIR=metrics, METRICS_PORT=str(doors["worker"]))
        wait_until(lambda: prometheus.value("max(calories_burned_kcal_total)") == 315.0 * COUNT, what=prometheus.log)
        finished = 'sum(jobs_finished_total{kind="activities.count_calories", outcome="succeeded"})'
        wait_until(lambda: prometheus.value(finished) == COUNT, what=prometheus.log)
        wait_until(lambda: prometheus.value(waiting) == 0, what=prometheus.log)
        assert prometheus.value("sum(max by (kind) (activities_logged_total))") == COUNT
        assert prometheus.value('sum(jobs_enqueued_total{kind="activities.count_calories"})') == COUNT

        wait_until(lambda: prometheus.value("sum(up)") == 3, what=prometheus.log)
        roles = prometheus.ask("query", query="count by (role) (process_resident_memory_bytes)")
        assert {one["metric"]["role"] for one in roles["result"]} == {"web", "worker", "scheduler"}
        rules = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
        assert {rule["health"] for rule in rules} == {"ok"}
        wait_until(lambda: alarms(prometheus) == [], what=lambda: alarms(prometheus))

        product.stop("worker")
        wait_until(lambda: "ProcessDown" in alarms(prometheus), what=lambda: alarms(prometheus))
    finally:
        prometheus.stop()


def alarms(prometheus: Prometheus) -> list[str]:
    """What is pending or fires."""
    return sorted(one["labels"]["alertname"] for one in prometheus.ask("alerts")["alerts"])
