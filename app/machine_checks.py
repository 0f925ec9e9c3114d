"""What can be wrong with the settings and the machine, found without asking the database."""

import resource
import shutil
import socket
import stat
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from app.config import ROOT, Config
from app.mail import trouble_with_mail
from app.monitoring.queries import Condition, Part
from app.settings import reachable
from app.units import size

LEAST_FREE_BYTES = 500_000_000
LEAST_TOKEN_LENGTH = 16
FILES_WANTED = 4_500
"""What the web server asks for: a socket for each connection it takes, and some more."""
OPEN_TO_OTHERS = 0o077
OF_THE_NETWORK = {
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "afs",
    "ceph",
    "glusterfs",
    "fuse.sshfs",
    "fuse.glusterfs",
}
MOUNTS = Path("/proc/self/mounts")

Check = Callable[[Config], Part]


def checks(config: Config) -> Iterator[Part]:
    """Everything of this file, the gravest first."""
    looks: tuple[Check, ...] = (
        data_dir, disk, secrets, local_disk, port, address, proxy, host_names, metrics_door, mail, threads, open_files,
        demonstration,
    )  # fmt: skip
    for look in looks:
        yield look(config)


def well(name: str, words: str = "") -> Part:
    """A part with which nothing is wrong."""
    return Part(name, Condition.OK, words)


def weak(name: str, words: str, remedy: str) -> Part:
    """A part that works, but not as it should."""
    return Part(name, Condition.DEGRADED, words, remedy)


def wrong(name: str, words: str, remedy: str) -> Part:
    """A part that keeps the product from working."""
    return Part(name, Condition.DOWN, words, remedy)


def data_dir(config: Config) -> Part:
    """Whether everything in DATA_DIR belongs to whom the folder belongs to: commands run as root leave files behind."""
    folder = config.data_dir
    owner = folder.stat().st_uid
    strangers = sorted(one.name for one in folder.iterdir() if one.lstat().st_uid != owner)
    if strangers:
        words = f"in {folder}, {', '.join(strangers[:5])} belong to somebody else than the folder"
        return wrong("data", words, f"Run chown -R --reference={folder} {folder}, and commands as that user.")
    return well("data", str(folder))


def disk(config: Config) -> Part:
    """Whether there is room on the disk of DATA_DIR."""
    free = shutil.disk_usage(config.data_dir).free
    words = f"{size(free)} free"
    if free < LEAST_FREE_BYTES:
        return weak("disk", words, "Make room: a full disk stops everything that writes.")
    return well("disk", words)


def secrets(config: Config, *, root: Path = ROOT) -> Part:
    """Whether others on this machine can read what is secret."""
    files = [config.data_dir / "secret_key", root / ".env"]
    for file in files:
        if file.exists() and stat.S_IMODE(file.stat().st_mode) & OPEN_TO_OTHERS:
            return weak("secrets", f"others can read {file}", f"Run chmod 600 {file}.")
    return well("secrets", "for the owner alone")


def local_disk(config: Config, *, mounts: Path = MOUNTS) -> Part:
    """Whether SQLite's file is on a disk whose locks hold."""
    if not config.database_url.startswith("sqlite"):
        return well("local disk", "the database is a server")
    file = Path(config.database_url.removeprefix("sqlite:///"))
    kind = _filesystem_of(file, mounts)
    if kind in OF_THE_NETWORK:
        return wrong(
            "local disk", f"{file} is on {kind}, whose locks SQLite cannot trust", "Put DATA_DIR on a local disk."
        )
    return well("local disk", kind)


def _filesystem_of(file: Path, mounts: Path) -> str:
    try:
        lines = [line.split() for line in mounts.read_text().splitlines()]
    except OSError:
        return "unknown"
    above = [(where, kind) for _, where, kind, *_ in lines if file.resolve().is_relative_to(where)]
    return max(above, key=lambda one: len(one[0]), default=("", "unknown"))[1]


def port(config: Config) -> Part:
    """Whether PORT is free, or it is we who listen there."""
    try:
        is_ours = web_answers(config)
    except OSError as error:
        return weak("port", f"{config.host}:{config.port} {error.strerror or error}", "Look at HOST and PORT.")
    if is_ours is None:
        return well("port", f"{config.port} is free: the web does not run here")
    if is_ours:
        return well("port", f"the web answers on {config.port}")
    return wrong("port", f"{config.port} is taken by another program", "Set PORT to another one, or end that program.")


def web_answers(config: Config) -> bool | None:
    """Whether it is our web that answers on PORT; None when nobody does. Raises OSError when that cannot be said."""
    try:
        with socket.create_connection((reachable(config.host), config.port), timeout=2) as connection:
            connection.sendall(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")
            connection.settimeout(5)
            said = _all_of(connection)
    except ConnectionRefusedError:
        return None
    return said.endswith(b"\r\n\r\nok\n") or b" 400 " in said[:13]


def _all_of(connection: socket.socket) -> bytes:
    said = b""
    while len(said) < 4_096 and (more := connection.recv(4_096)):
        said += more
    return said


def address(config: Config) -> Part:
    """Whether passwords travel encrypted."""
    remedy = "Put a proxy with TLS before it and set PUBLIC_URL=https://…; docs/operations.md shows how."
    if config.public_url is None:
        if _is_this_machine(config.host):
            return well("address", "only this machine reaches it")
        return weak("address", f"HOST is {config.host}, and PUBLIC_URL is not set: passwords travel in clear", remedy)
    parts = urlsplit(config.public_url)
    if parts.scheme != "https" and not _is_this_machine(parts.hostname or ""):
        return weak("address", f"PUBLIC_URL is {config.public_url}: passwords travel in clear", remedy)
    return well("address", config.public_url)


def proxy(config: Config) -> Part:
    """Whether the addresses of people are known, and cannot be made up."""
    if config.trusted_proxy == "*" and not _is_this_machine(config.host):
        words = f"TRUSTED_PROXY is * and HOST is {config.host}: anybody can claim to be any address"
        return weak("proxy", words, "Set TRUSTED_PROXY to the proxy's address, or HOST to 127.0.0.1.")
    if (config.public_url or "").startswith("https://") and config.trusted_proxy is None:
        words = "PUBLIC_URL is https, and TRUSTED_PROXY is not set: limits per address count the proxy"
        return weak("proxy", words, "Set TRUSTED_PROXY to the address that the proxy connects from.")
    return well("proxy", config.trusted_proxy or "none")


def host_names(config: Config) -> Part:
    """Whether the name people use is one that is answered."""
    name = urlsplit(config.public_url or "").hostname
    if name is None:
        return well("host names", ", ".join(config.trusted_hosts) or "any")
    if not config.trusted_hosts:
        words = "TRUSTED_HOSTS is empty: any name is answered"
        return weak("host names", words, f"Set TRUSTED_HOSTS={name}, and what probes and Prometheus ask by.")
    if not any(name == one or (one.startswith(".") and name.endswith(one)) for one in config.trusted_hosts):
        words = f"{name} of PUBLIC_URL is not in TRUSTED_HOSTS: everybody gets 400"
        return wrong("host names", words, f"Add {name} to TRUSTED_HOSTS.")
    return well("host names", ", ".join(config.trusted_hosts))


def metrics_door(config: Config) -> Part:
    """Whether Prometheus gets in, and nobody else does."""
    token = config.metrics_token
    if token is not None and len(token) < LEAST_TOKEN_LENGTH:
        return weak("metrics", "METRICS_TOKEN can be guessed", "Make one with openssl rand -hex 32.")
    if token is None and (config.public_url or config.trusted_proxy or not _is_this_machine(config.host)):
        words = "METRICS_TOKEN is not set: nobody else than this machine can read the numbers, Prometheus neither"
        return weak("metrics", words, "Set METRICS_TOKEN, and give it to Prometheus as credentials.")
    return well("metrics", "with METRICS_TOKEN" if token else "from this machine only")


def mail(config: Config) -> Part:
    """Whether mail gets away."""
    if config.mail_url is None:
        if not _is_local(config):
            words = f"MAIL_URL is not set: mail is put into {config.data_dir / 'outbox'}, and nobody gets it"
            return weak("mail", words, "Set MAIL_URL=smtp://name:password@mail.example.org:587.")
        return well("mail", "into files")
    trouble = trouble_with_mail(config.mail_url)
    if trouble:
        return weak("mail", trouble, "Correct MAIL_URL, or start the server; letters wait and are tried again.")
    return well("mail", urlsplit(config.mail_url).hostname or "")


def threads(config: Config) -> Part:
    """Whether every thread gets a connection to the database when all are at work."""
    most = max(config.web_threads, config.worker_threads + 2)  # the heartbeat and the outbox ask, too
    if most > 2 * config.db_pool_size:
        words = f"{most} threads share at most {2 * config.db_pool_size} connections: some will wait and give up"
        return weak("threads", words, f"Set DB_POOL_SIZE to {-(-most // 2)} or more, or take fewer threads.")
    return well("threads", f"{most} share up to {2 * config.db_pool_size} connections")


def open_files(_config: Config) -> Part:
    """Whether as many connections may be open as the web server can hold."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < FILES_WANTED:
        words = f"a process may hold {hard} files open; the web server wants {FILES_WANTED}"
        return weak("open files", words, "Raise it: LimitNOFILE= in the systemd unit, or ulimit -Hn.")
    return well("open files", "unlimited" if hard == resource.RLIM_INFINITY else f"up to {hard}")


def demonstration(config: Config) -> Part:
    """Whether a setting for showing around was forgotten."""
    delay = f"ACTIVITY_DELAY_S is {config.activity_delay_s:g}"
    if config.activity_delay_s and not _is_local(config):
        return weak("delay", f"{delay}: every calculation is slowed down", "Take ACTIVITY_DELAY_S away.")
    return well("delay", delay if config.activity_delay_s else "none")


def _is_local(config: Config) -> bool:
    """Whether nobody but this machine's people uses it."""
    return _is_this_machine(urlsplit(config.public_url).hostname or "" if config.public_url else config.host)


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
