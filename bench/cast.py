"""Who plays along in the benches of the whole service: an APNs that wakes phones, phones, and a till with a watch."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count, cycle
from pathlib import Path
from queue import Empty, Queue

from sqlalchemy import select

from passes import cards
from passes.service import Service
from passes.store import tables as t
from tests.cast import Phone, outdoors

from .figures import ROOT
from .rounds import percentile
from .shop import Seat

PATIENCE_SECONDS = 60


class Apple:
    """APNs beside the service, as a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._phones: dict[str, Callable[[], None]] = {}
        self._pool = ThreadPoolExecutor(16)
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        self.url, self.ca = str(said["url"]), str(said["ca"])
        threading.Thread(target=self._listen, daemon=True).start()

    def watch(self, push_token: str, wake: Callable[[], None]) -> None:
        self._phones[push_token] = wake
        self.order(f"watch {push_token}")

    def order(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if wake := self._phones.get(line.strip()):
                self._pool.submit(wake)


@contextmanager
def apple(home: Path, latency_seconds: float) -> Iterator[Apple]:
    root = home / "certs" / "dev-root.pem"
    command = [sys.executable, "-m", "bench.apns", str(root), str(latency_seconds)]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield Apple(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(20)


class Watched:
    """A phone that says when it shows what was awaited."""

    def __init__(self, service: Service, seat: Seat, apple: Apple, root: Path) -> None:
        self.seat = seat
        self.phone = Phone(
            outdoors, root, allow_http=True, checks=False, device=seat.device, push_token=seat.push_token
        )
        with service.store.reading() as tx:
            link = service.wallets["apple"].link(cards.by_serial(tx, seat.serial).revision)
        self.phone.opens(str(link))
        self.points = int(self.phone.shows("points"))
        self._shown: Queue[tuple[int, float]] = Queue()
        self._turn = threading.Lock()
        apple.watch(seat.push_token, self._wakes)

    def await_points(self, points: int, since: float) -> float | None:
        """Seconds from `since` until the phone showed so many points; None when it took too long."""
        deadline = time.perf_counter() + PATIENCE_SECONDS
        while (left := deadline - time.perf_counter()) > 0:
            try:
                shown, at = self._shown.get(timeout=left)
            except Empty:
                break
            if shown >= points:
                return at - since
        return None

    def _wakes(self) -> None:
        with self._turn:
            self.phone.wakes()
            self._shown.put((int(self.phone.shows("points")), time.perf_counter()))


class Till:
    """Sells over the API through one kept connection, and notes how long each answer took."""

    def __init__(self, port: int, key: str, seats: list[Seat], name: str) -> None:
        self._port, self._name = port, name
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._seats = cycle(seats)
        self._numbers = count(1)
        self.seconds: list[float] = []
        self.errors = 0

    def sells(self, seat: Seat | None = None, points: int = 1) -> int:
        """The card's balance afterwards."""
        seat = seat or next(self._seats)
        body = json.dumps({"receipt": f"{self._name}-{next(self._numbers)}", "total": points * 100})
        said = self.calls("POST", f"/api/v1/cards/{seat.serial}/receipts", body)
        return int(said["balances"]["points"]) if said else 0

    def calls(self, method: str, path: str, body: str) -> dict[str, dict[str, int]]:
        began = time.perf_counter()
        self._connection.request(method, path, body, self._headers)
        answer = self._connection.getresponse()
        read = answer.read()
        self.seconds.append(time.perf_counter() - began)
        if answer.status >= 400:
            self.errors += 1
            return {}
        return dict(json.loads(read))

    @contextmanager
    def at_work(self, rate: float) -> Iterator[None]:
        """Sell so many times a second, in a thread, while the block runs."""
        stopped = threading.Event()
        thread = threading.Thread(target=self._work, args=(stopped, rate))
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            thread.join()

    def taken(self) -> Times:
        """What was noted since the last time somebody asked."""
        seconds, self.seconds = self.seconds, []
        return Times(seconds)

    def _work(self, stopped: threading.Event, rate: float) -> None:
        due = time.perf_counter()
        while not stopped.is_set():
            self.sells()
            due = max(due + 1 / rate, time.perf_counter() - 1)
            stopped.wait(max(0.0, due - time.perf_counter()))


def settled(service: Service) -> None:
    """Wait until what a start of the service touched has been drawn again."""
    deadline = time.perf_counter() + PATIENCE_SECONDS
    time.sleep(2)
    while time.perf_counter() < deadline:
        with service.store.reading() as tx:
            if tx.execute(select(t.Touch.id).limit(1)).first() is None:
                return
        time.sleep(0.5)


class Times:
    """Durations, asked for in milliseconds."""

    def __init__(self, seconds: list[float]) -> None:
        self.seconds = seconds or [0.0]

    def at(self, share: float) -> float:
        return percentile(self.seconds, share) * 1_000

    def __str__(self) -> str:
        return f"p50 {self.at(0.5):,.0f} ms, p99 {self.at(0.99):,.0f} ms"
