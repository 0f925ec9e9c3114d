"""What bin/run prints once the first page answers: the address, and the link that makes the first admin."""

import http.client
import signal
import subprocess
import sys
import time

from app.config import ROOT, Config
from app.settings import reachable

PATIENCE_S = 60


def main() -> None:
    """Wait for the web, then print. Says nothing when the web does not come up: its own log says why."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # and so end what asks for the link, too
    config = Config.from_env_or_exit()
    if not _answers(config):
        return
    print(f"\n  Metronome is running at {address_of(config)}\n  Ctrl-C stops it.\n", flush=True)
    link = setup_link()
    if link:
        print(f"  There is no admin yet. This link makes one, once:\n  {link}\n", flush=True)


def address_of(config: Config) -> str:
    """Where people find it."""
    return config.public_url or f"http://{_bracketed(reachable(config.host))}:{config.port}"


def _answers(config: Config) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection(reachable(config.host), config.port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            connection.getresponse()
        except (OSError, http.client.HTTPException):
            time.sleep(0.05)
        else:
            return True
        finally:
            connection.close()
    return False


def setup_link() -> str:
    """The link that makes the first admin; empty when there is one."""
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "users", "setup-link"]
    done = subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.PIPE, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


if __name__ == "__main__":
    main()
