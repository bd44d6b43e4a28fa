"""Real servers for tests and measurements: a PostgreSQL and a Redis of our own.

Each is started from the installed programs in a folder of its own, seen by this machine alone, and is gone
with all it held when the `with` block ends. If this process is killed, the servers end with it. Nothing is
kept safe from power cuts here: syncing to disk is off. A program that is missing is an error that says which
package has it.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
import redis
from psycopg.sql import SQL, Composed, Identifier
from sqlalchemy.engine import make_url

START_SECONDS = 30
STOP_SECONDS = 10
PORTS_TRIED = 5

FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""For tests. A measurement that means something on disk passes `settings` of its own."""

Prepare = Callable[[str], object]
"""Fills the empty database at the given address, and closes every connection it made."""


class ServerError(RuntimeError):
    """A server cannot be started; the sentence says what to do."""


class Postgres:
    """A running PostgreSQL, reached through a socket in its own folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count(1)
        self._templates: dict[Prepare, str] = {}

    def create(self, prepare: Prepare | None = None) -> str:
        """The address of a fresh database: empty, or a copy of one that `prepare` filled once."""
        if prepare is None:
            return self._create("template0")
        if prepare not in self._templates:
            url = self._create("template0")
            prepare(url)
            self._templates[prepare] = _database(url)
        return self._create(self._templates[prepare])

    def drop(self, url: str) -> None:
        """Whoever is still connected is thrown out."""
        self._order(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(_database(url))))

    def _create(self, template: str) -> str:
        name = f"passes_{next(self._numbers)}"
        self._order(SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(name), Identifier(template)))
        return f"postgresql+psycopg://postgres@/{name}?host={self._folder}"

    def greet(self) -> None:
        self.connect().close()

    def _order(self, order: Composed) -> None:
        with self.connect() as connection:
            connection.execute(order)

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self._folder), user="postgres", dbname="postgres", autocommit=True, connect_timeout=5
        )


@contextmanager
def postgres(settings: Mapping[str, str] = FAST) -> Iterator[Postgres]:
    """PostgreSQL refuses to run as root, so root starts it as the user that Debian's package made."""
    programs = _postgres_programs()
    user = _unprivileged_user("postgres")
    with _folder("passes-postgres-", user) as folder:
        cluster = f"{folder}/cluster"
        initdb = [f"{programs}/initdb", "--pgdata", cluster, "--username=postgres", "--auth=trust"]
        _run([*_as(user), *initdb, "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"])
        chosen = {"listen_addresses": "", "unix_socket_directories": str(folder), **settings}
        options = [f"--{name}={value}" for name, value in chosen.items()]
        server = Postgres(folder)
        with _running([*_as(user), f"{programs}/postgres", "-D", cluster, *options], folder) as process:
            _wait_until(server.greet, process, folder)
            yield server


@contextmanager
def redis_server() -> Iterator[str]:
    """The address of an empty Redis."""
    program = _program("redis-server", package="redis-server")
    with _folder("passes-redis-", None) as folder:
        for tries_left in reversed(range(PORTS_TRIED)):
            port = _free_port()
            client = redis.Redis(host="127.0.0.1", port=port)
            options = ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder), "--save", ""]
            with _running([*_as(None), program, *options], folder) as process:
                try:
                    _wait_until(client.ping, process, folder)
                except ServerError:  # somebody else may have taken the port
                    if not tries_left:
                        raise
                    continue
                yield f"redis://127.0.0.1:{port}/0"
                return


def _database(url: str) -> str:
    return make_url(url).database or ""


def _postgres_programs() -> Path:
    """Debian keeps one folder per version; the newest is taken. Elsewhere the search path says where."""
    versions = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()]
    if versions:
        return max(versions, key=lambda path: int(path.parent.name))
    return Path(_program("initdb", package="postgresql")).resolve().parent


def _program(name: str, package: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise ServerError(f"The tests need {name}; install the Debian package {package}, or run: make test")
    return found


def _unprivileged_user(name: str) -> pwd.struct_passwd | None:
    """Whom root becomes; None: this process is not root and stays who it is."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(name)
    except KeyError:
        raise ServerError(f"As root the tests need a user {name}; Debian's package {name} makes it.") from None


def _as(user: pwd.struct_passwd | None) -> list[str]:
    """The words before a command that let it run as `user` and end with this process."""
    setpriv = [_program("setpriv", package="util-linux"), "--pdeathsig=KILL"]
    if user is None:
        return setpriv
    return [*setpriv, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


@contextmanager
def _folder(prefix: str, owner: pwd.struct_passwd | None) -> Iterator[Path]:
    """Straight under the system's temporary folder: pytest's own ones are closed to other users."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    if owner is not None:
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=START_SECONDS, cwd="/")
    if done.returncode:
        raise ServerError(f"This command failed: {' '.join(command)}\n{done.stderr}")


@contextmanager
def _running(command: list[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)  # to both servers: end now, whoever is connected
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until(greet: Callable[[], object], process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            greet()
        except (psycopg.OperationalError, redis.ConnectionError):
            time.sleep(0.02)
        else:
            return
    raise ServerError(f"A server did not start:\n{(folder / 'log').read_text(errors='replace')[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
