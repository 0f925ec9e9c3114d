"""bin/start and bin/stop: in the background and back again, by pid and never by pattern."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.daemon import Running
from tests.installation import ROOT, Installation, free_port
from tests.waiting import wait_until

slow = pytest.mark.slow


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    one = Installation(tmp_path / "var", database_url)
    yield one
    one.kill_everything()


def run(installation: Installation, name: str, **environment: str) -> tuple[int, list[str]]:
    code, said = installation.refused(str(ROOT / "bin" / name), within_s=120, **environment)
    return code, said.splitlines()


@slow
def test_it_starts_answers_is_found_again_and_stops(installation: Installation) -> None:
    address = f"http://127.0.0.1:{installation.port}"
    code, said = run(installation, "start")
    assert code == 0, said
    pid = int((installation.folder / "metronome.pid").read_text().split()[0])
    log = installation.folder / "metronome.log"
    assert said[:3] == [
        f"Metronome is running at {address} (pid {pid}).",
        f"Its log is {log}; bin/stop stops it.",
        "There is no admin yet. This link makes one, once:",
    ]
    assert said[3].startswith(f"{address}/setup/")
    assert installation.first_page() == 200

    assert run(installation, "start") == (0, [f"It already runs at {address} (pid {pid}). bin/stop stops it."])
    for word in ("app.server", "dramatiq", "app.scheduler", "redis-server"):
        installation.pid_of(word)
    assert log.exists()

    code, said = run(installation, "stop")
    assert code == 0, said
    assert said[0].startswith("Stopped after ")
    assert installation.processes() == {}
    assert not (installation.folder / "metronome.pid").exists()
    assert run(installation, "stop") == (0, [f"It does not run from {installation.folder}."])


@pytest.mark.looks
@slow
def test_what_was_killed_leaves_a_name_that_is_not_believed(installation: Installation) -> None:
    assert run(installation, "start")[0] == 0
    pid = int((installation.folder / "metronome.pid").read_text().split()[0])
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: installation.processes() == {})
    code, said = run(installation, "start")
    assert (code, said[0].startswith("Metronome is running")) == (0, True), said
    assert run(installation, "stop")[0] == 0


@pytest.mark.looks
@slow
def test_what_is_in_the_way_is_said(installation: Installation) -> None:
    installation.folder.mkdir()
    assert run(installation, "start", DATABASE_URL="postgresql://ada@/nowhere?host=/nonexistent")[0] == 1
    code, said = run(installation, "start", HOST="192.0.2.1", PORT=str(free_port()))
    assert code == 1
    assert said[-1].endswith("the address is not this machine's; set HOST to one that is.")
    assert installation.processes() == {}
    assert not (installation.folder / "metronome.pid").exists()


def test_a_pid_that_another_process_got_is_not_ours(tmp_path: Path) -> None:
    file = tmp_path / "metronome.pid"
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        found = Running.of(other.pid)
        assert found is not None
        found.write(file)
        assert Running.read(file) == found
        file.write_text(f"{other.pid} {int(found.began) - 1}\n")
        assert Running.read(file) is None
        Running(other.pid, "1").tell_to_end()
        assert found.lives()
        found.tell_to_end()
        other.wait()
        assert not found.lives()
        assert Running.of(other.pid) is None


@pytest.mark.parametrize("content", ["", "7", "seven eight", "0 0", "-1 5", "99999999 1", "1 2 3"])
def test_a_file_that_names_nobody_is_nobody(tmp_path: Path, content: str) -> None:
    file = tmp_path / "metronome.pid"
    assert Running.read(file) is None
    file.write_text(content)
    assert Running.read(file) is None


@pytest.mark.parametrize("name", ["start", "stop"])
def test_nobody_is_looked_for_by_a_pattern(name: str) -> None:
    text = (ROOT / "bin" / name).read_text() + (ROOT / "app" / "daemon.py").read_text()
    assert [word for word in ("pkill", "killall", "pgrep", "kill -9") if word in text] == []
