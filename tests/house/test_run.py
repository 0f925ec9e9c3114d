"""bin/run: one command that starts everything, keeps it alive and leaves nothing behind."""

import http.client
import os
import shutil
import signal
import site
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.installation import ROOT, Installation, free_port
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

ENDS_WITHIN_S = 10


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    one = Installation(tmp_path / "var", database_url)
    yield one
    one.kill_everything()


def test_one_command_starts_everything_and_a_signal_ends_it(installation: Installation) -> None:
    installation.start()
    installation.said(rf"Metronome is running at http://127\.0\.0\.1:{installation.port}$")
    link = installation.said(r"http://127\.0\.0\.1:\d+(/setup/\S+)$")[1]
    assert installation.first_page() == 200
    connection = http.client.HTTPConnection("127.0.0.1", installation.port, timeout=30)
    connection.request("GET", link)
    assert connection.getresponse().status == 200
    connection.close()
    for word in ("redis-server", "app.server", "dramatiq", "app.scheduler"):
        installation.pid_of(word)
    assert list_ports_of(installation) == {installation.port}
    took_s = installation.end(signal.SIGINT)
    assert installation.process is not None
    assert installation.process.returncode == 0
    assert took_s < ENDS_WITHIN_S

    began = time.monotonic()
    installation.start()
    assert installation.first_page() == 200
    print(f"second start to first page: {time.monotonic() - began:.2f} s; end: {took_s:.2f} s")
    assert [path.name for path in installation.folder.iterdir() if path.stat().st_mode & 0o077] == []


@pytest.mark.looks
def test_who_is_stopped_while_it_asks_for_the_link_leaves_nothing_behind(installation: Installation) -> None:
    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

    with HTTPServer(("127.0.0.1", installation.port), Site) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        words = [sys.executable, "-m", "app.welcome"]
        with subprocess.Popen(words, cwd=ROOT, env=installation.environment, stdout=subprocess.DEVNULL) as welcome:
            wait_until(lambda: any("setup-link" in words for words in installation.processes().values()))
            welcome.terminate()
        site.shutdown()
    assert installation.processes() == {}


@pytest.mark.looks
def test_a_child_that_dies_is_started_again(installation: Installation) -> None:
    installation.start()
    installation.said("Metronome is running")
    for word in ("app.server", "app.scheduler", "redis-server", "dramatiq"):
        before = installation.pid_of(word)
        os.kill(before, signal.SIGKILL)
        wait_until(lambda before=before: before not in installation.processes())  # type: ignore[misc]
        assert installation.pid_of(word) != before
    assert installation.first_page() == 200


@pytest.mark.looks
def test_a_killed_supervisor_leaves_nobody_behind(installation: Installation) -> None:
    process = installation.start()
    installation.said("Metronome is running")
    installation.pid_of("dramatiq")
    process.kill()
    process.communicate(timeout=60)
    wait_until(lambda: installation.processes() == {})


@pytest.mark.looks
def test_a_taken_port_is_said(installation: Installation) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", installation.port))
        other.listen()
        code, said = installation.refused()
    assert (code, said) == (
        1,
        f"metronome: port {installation.port} on 127.0.0.1 is taken by another program; set PORT to another one.",
    )


@pytest.mark.looks
def test_a_second_start_in_the_same_folder_is_said(installation: Installation) -> None:
    installation.start()
    installation.said("Metronome is running")
    code, said = installation.refused(PORT=str(free_port()))
    assert (code, said) == (
        1,
        f"metronome: it already runs from {installation.folder}; stop that one or set another DATA_DIR.",
    )


@pytest.mark.looks
@pytest.mark.parametrize(
    ("environment", "code", "said"),
    [
        ({"PORT": "eight"}, 2, "PORT must be a whole number from 1 to 65535, not 'eight'."),
        ({"DATA_DIR": "/proc/metronome"}, 2, "DATA_DIR cannot be made: No such file or directory: /proc/metronome."),
        ({"HOST": "192.0.2.1"}, 1, "the address is not this machine's; set HOST to one that is."),
        ({"DATABASE_URL": "postgresql://ada@/nowhere?host=/nonexistent"}, 1, "DATABASE_URL cannot be reached:"),
        ({"METRONOME_COLOUR": "blue"}, 2, "METRONOME_COLOUR is not a setting;"),
    ],
)
def test_what_is_in_the_way_is_said_in_one_sentence(
    installation: Installation, environment: Mapping[str, str], code: int, said: str
) -> None:
    actual_code, actual = installation.refused(**environment)
    assert actual_code == code
    assert said in actual
    assert len(actual.splitlines()) == 1


@pytest.mark.looks
def test_a_machine_without_redis_is_told_what_to_install(installation: Installation, tmp_path: Path) -> None:
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.symlink_to(Path(sys.executable).resolve())
    packages = os.pathsep.join(site.getsitepackages())
    code, said = installation.refused(str(python), "-m", "app.launcher", PATH=str(python.parent), PYTHONPATH=packages)
    assert code == 1
    assert said == (
        "metronome: there is no Redis on this machine; install the package redis-server or valkey "
        "(Debian and Ubuntu: apt install redis-server), or set REDIS_URL."
    )


@pytest.mark.looks
def test_a_broken_venv_is_said(installation: Installation, tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / ".venv" / "bin").mkdir(parents=True)
    shutil.copytree(ROOT / "bin", project / "bin")
    code, said = installation.refused(str(project / "bin" / "run"))
    assert (code, said) == (1, "metronome: the folder .venv is broken; delete it and start again.")


def list_ports_of(installation: Installation) -> set[int]:
    """Every TCP port that a process of the installation listens on."""
    sockets = set()
    for pid in installation.processes():
        for link in Path(f"/proc/{pid}/fd").iterdir():
            try:
                sockets.add(link.readlink().name)
            except OSError:
                continue
    lines = [
        line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    return {
        int(line[1].rpartition(":")[2], 16) for line in lines if line[3] == "0A" and f"socket:[{line[9]}]" in sockets
    }
