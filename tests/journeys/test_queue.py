"""Taking turns to write, an unreachable store, and the queue that wakes the workers: the real ones."""

from __future__ import annotations

import os
import pickle
import signal
import sqlite3
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from passes import sweep
from passes.errors import Busy, ConfigError
from passes.nudges import open_queue
from passes.store import Store
from passes.store import tables as t
from passes.store.queue import Queue
from passes.work import Round, Worker
from tests.corner_shop import CornerShop, forked, together


@pytest.fixture
def file_shop(tmp_path: Path) -> Iterator[CornerShop]:
    """One on SQLite that waits for a second at most."""
    url = f"sqlite:///{tmp_path}/passes.db"
    CornerShop.open(url).close()
    shop = CornerShop.at(url, wait_seconds=1)
    yield shop
    shop.close()


def hold(lock: Path) -> int:
    """A process that has its turn and never ends it; its id, once it has it."""
    reads, writes = os.pipe()

    def holds() -> None:
        with Queue(str(lock)).turn(5):
            os.write(writes, b"!")
            time.sleep(60)

    child = forked(holds)
    assert os.read(reads, 1) == b"!"
    os.close(reads)
    os.close(writes)
    return child


def end(child: int) -> None:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def test_nobody_in_a_crowd_of_threads_starves(tmp_path: Path):
    """Each takes its turns again and again; when the first is done, the last has had a fair share too."""
    queue, turns = Queue(str(tmp_path / "turn")), [0] * 6
    is_over = threading.Event()

    def works(number: int) -> None:
        while not is_over.is_set():
            with queue.turn(10):
                turns[number] += 1
                time.sleep(0.0005)
            if turns[number] == 60:
                is_over.set()

    together(*[partial(works, number) for number in range(6)])
    assert min(turns) >= 15, turns


def test_a_process_among_busy_threads_gets_its_turns(tmp_path: Path):
    lock = str(tmp_path / "turn")

    def works() -> None:
        queue, waits = Queue(lock), []
        for _ in range(25):
            began = time.monotonic()
            with queue.turn(10):
                waits.append(time.monotonic() - began)
                time.sleep(0.001)
        assert max(waits) < 3 and statistics.median(waits) < 0.5, waits

    children = [forked(works) for _ in range(3)]
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]


def test_who_comes_back_at_once_stands_behind_those_who_wait(tmp_path: Path):
    """A sweep that wants the next turn as soon as it gave one up must not keep a till waiting."""
    lock, done = str(tmp_path / "turn"), os.open(tmp_path / "done", os.O_WRONLY | os.O_CREAT)

    def is_greedy() -> None:
        queue = Queue(lock)
        while True:
            with queue.turn(10):
                os.write(done, b"!")
                busy_until = time.monotonic() + 0.005
                while time.monotonic() < busy_until:
                    pass

    child, queue, passed_over = forked(is_greedy), Queue(lock), []
    while not os.fstat(done).st_size:
        time.sleep(0.01)
    for _ in range(20):
        time.sleep(0.003)
        before = os.fstat(done).st_size
        with queue.turn(10):
            passed_over.append(os.fstat(done).st_size - before)
    end(child)
    os.close(done)
    assert sum(passed_over) < 20 * 4, passed_over


def test_the_turn_of_a_killed_process_is_free_at_once(tmp_path: Path):
    lock = tmp_path / "turn"
    child = hold(lock)
    threading.Timer(0.2, end, [child]).start()
    with Queue(str(lock)).turn(10):
        pass


def test_waiting_for_a_turn_has_an_end_and_leaves_nothing_behind(tmp_path: Path):
    lock = tmp_path / "turn"
    child = hold(lock)
    queue = Queue(str(lock))
    for _ in range(2):
        with pytest.raises(Busy), queue.turn(0.1):
            raise AssertionError
    end(child)
    for _ in range(3):
        with queue.turn(5), pytest.raises(Busy), Queue(str(lock)).turn(0.05):
            raise AssertionError


def test_a_turn_given_up_is_not_kept_by_whoever_waited(tmp_path: Path):
    """The one who left gets the lock much later, and must give it back at once."""
    lock = tmp_path / "turn"
    child = hold(lock)
    queue, other = Queue(str(lock)), Queue(str(lock))
    with pytest.raises(Busy), queue.turn(0.05):
        raise AssertionError
    end(child)
    order = together(*[lambda queue=queue: takes(queue) for queue in (queue, other, queue, other)])
    assert order == [True] * 4


def takes(queue: Queue) -> bool:
    with queue.turn(5):
        time.sleep(0.01)
        return True


def test_a_child_process_takes_turns_of_its_own(tmp_path: Path):
    queue = Queue(str(tmp_path / "turn"))
    with queue.turn(1):
        pass

    def tries() -> None:
        with pytest.raises(Busy), queue.turn(0.2):
            raise AssertionError

    child = forked(partial(waits_and, 0.1, tries))
    with queue.turn(1):
        assert os.waitpid(child, 0)[1] == 0


def waits_and(seconds: float, act: Callable[[], None]) -> None:
    time.sleep(seconds)
    act()


def test_a_transaction_within_a_transaction_is_a_bug(file_shop: CornerShop):
    with (
        file_shop.store.transaction(),
        pytest.raises(RuntimeError, match="already open"),
        file_shop.store.transaction(),
    ):
        raise AssertionError
    assert isinstance(file_shop.joins(), str), "the thread is free again"


def test_readers_see_the_last_commit_while_somebody_writes(file_shop: CornerShop):
    anna = file_shop.joins()
    with file_shop.store.transaction() as tx:
        tx.execute(t.table(t.Card).update().values(status="blocked"))
        seen = together(partial(file_shop.card, anna), partial(file_shop.card, anna), wait_seconds=5)
        assert [card.status for card in seen] == ["active", "active"]
        with file_shop.store.reading() as other:
            assert other.execute(text("SELECT status FROM card")).scalar() == "active"


def test_one_look_is_consistent_though_others_write(store_url: str):
    shop = CornerShop.open(store_url)
    anna = shop.joins()
    with shop.store.reading() as tx:
        assert tx.execute(text("SELECT coalesce(sum(balance), 0) FROM purse")).scalar() == 0
        together(partial(shop.gives, anna, 10))
        assert tx.execute(text("SELECT coalesce(sum(balance), 0) FROM purse")).scalar() == 0
    assert shop.balance(anna) == 10
    shop.close()


def test_a_store_locked_by_a_stranger_is_busy_and_not_a_hang(file_shop: CornerShop):
    anna = file_shop.joins()
    began = time.monotonic()
    with closing(sqlite3.connect(str(file_shop.store.url.database), isolation_level=None)) as stranger:
        stranger.execute("BEGIN IMMEDIATE")
        with pytest.raises(Busy):
            file_shop.gives(anna, 10)
        assert file_shop.balance(anna) == 0, "reading goes on"
        stranger.execute("ROLLBACK")
    assert time.monotonic() - began < 8
    assert file_shop.gives(anna, 10)["balances"] == {"points": 10}


def test_a_turn_that_a_stopped_process_holds_is_busy_and_not_a_hang(file_shop: CornerShop):
    anna = file_shop.joins()
    file_shop.close()
    child = hold(Path(f"{file_shop.store.url.database}-turn"))
    told = together(*[partial(file_shop.gives, anna, 10)] * 3, wait_seconds=15)
    assert all(isinstance(answer, Busy) for answer in told), told
    end(child)
    assert file_shop.gives(anna, 10)["balances"] == {"points": 10}


def test_a_connection_cut_in_the_middle_is_busy_and_leaves_nothing(postgres: Any):
    shop = CornerShop.open(postgres.create())
    anna = shop.joins()
    with pytest.raises(Busy), shop.store.transaction() as tx:
        tx.execute(t.table(t.Card).update().values(status="blocked"))
        pid = tx.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with postgres.connect() as admin:
            admin.execute("SELECT pg_terminate_backend(%s)", [pid])
        tx.execute(text("SELECT 1"))
    assert shop.card(anna).status == "active"
    assert shop.gives(anna, 10)["balances"] == {"points": 10}, "the next one connects anew"
    shop.close()


def test_a_server_cut_off_at_the_commit_is_busy(postgres: Any):
    shop = CornerShop.open(postgres.create())
    shop.joins()
    with pytest.raises(Busy), shop.store.transaction() as tx:
        pid = tx.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with postgres.connect() as admin:
            admin.execute("SELECT pg_terminate_backend(%s)", [pid])
            while admin.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone():
                time.sleep(0.01)
    shop.close()


def test_a_row_held_too_long_is_busy(postgres: Any):
    url = postgres.create()
    shop = CornerShop.open(url)
    anna = shop.joins()
    shop.close()
    shop = CornerShop.at(url, wait_seconds=1)
    with psycopg.connect(url.replace("+psycopg", "")) as stranger:
        stranger.execute("SELECT * FROM card FOR UPDATE")
        with pytest.raises(Busy):
            shop.gives(anna, 10)
    assert shop.gives(anna, 10)["balances"] == {"points": 10}
    shop.close()


def test_a_server_that_is_not_there_is_busy():
    store = Store("postgresql+psycopg://nobody@/nothing?host=/nonexistent")
    with pytest.raises(Busy), store.reading():
        raise AssertionError


@pytest.mark.parametrize("address", ["mysql://x/y", "sqlite", "", "sqlite://"])
def test_an_address_that_is_no_store_of_ours_is_refused_in_a_sentence(address: str):
    with pytest.raises(ConfigError, match=r"\[store.url\]"):
        Store(address)


# --- the queue that wakes the workers


@pytest.fixture(params=["sqlite", "redis", "postgresql"])
def queue_url(request: pytest.FixtureRequest) -> Iterator[str]:
    match request.param:
        case "sqlite":
            yield "sqlite:///work.db"
        case "redis":
            yield request.getfixturevalue("redis_url")
        case _:
            server = request.getfixturevalue("postgres")
            url = server.create()
            yield url
            server.drop(url)


class Running:
    """A consumer of a queue with one kind of round, at work in threads of this process."""

    def __init__(self, url: str, home: Path, step: Callable[[], int], next_due: Callable[[], int | None]) -> None:
        self.worker = Worker(open_queue(url, home), [Round("work", step, next_due)])
        self.worker.huey.flush()
        self._consumer = self.worker.consume()
        self._consumer.start()

    def __enter__(self) -> Worker:
        return self.worker

    def __exit__(self, *_: object) -> None:
        self._consumer.stop(graceful=True)


def nothing_due() -> None:
    return None


def test_a_nudge_starts_a_round_at_once(queue_url: str, tmp_path: Path):
    started: list[float] = []

    def step() -> int:
        started.append(time.monotonic())
        return 0

    with Running(queue_url, tmp_path, step, nothing_due) as worker:
        time.sleep(0.5)
        lags = []
        for _ in range(5):
            before, asked = len(started), time.monotonic()
            worker.nudge()
            until(partial(has_more, started, before))
            lags.append(started[before] - asked)
            time.sleep(0.15)
    assert min(lags) < 0.2 and statistics.median(lags) < 1, lags


def test_nudges_during_a_round_are_one_round_more_and_fill_no_queue(queue_url: str, tmp_path: Path):
    steps: list[float] = []
    goes_on = threading.Event()

    def step() -> int:
        steps.append(time.monotonic())
        assert goes_on.wait(15)
        return 0

    with Running(queue_url, tmp_path, step, nothing_due) as worker:
        worker.nudge()
        until(partial(has_more, steps, 0))
        for _ in range(50):
            worker.nudge()
        # The clock may have put itself there meanwhile.
        waiting = worker.huey.pending_count()
        goes_on.set()
        until(partial(has_more, steps, 1))
        time.sleep(0.3)
    assert waiting <= 1 and len(steps) <= 3


def has_more(happened: Sequence[object], than: int) -> bool:
    return len(happened) > than


def until(is_so: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.005)


def test_a_round_asks_for_its_own_next_time(queue_url: str, tmp_path: Path):
    """Nobody writes, nobody nudges: what is due in two seconds is done in two seconds."""
    due = int(time.time()) + 2
    done: list[float] = []

    def step() -> int:
        if time.time() < due or done:
            return 0
        done.append(time.time())
        return 1

    with Running(queue_url, tmp_path, step, lambda: None if done else due) as worker:
        worker.nudge()
        until(lambda: bool(done))
    assert done[0] - due < 5


def test_a_nudge_that_comes_during_a_round_is_not_lost(tmp_path: Path):
    """A hundred writers, each with a row and a nudge; when the nudges stop, no row is left."""
    rows: list[int] = []

    def step() -> int:
        taken = len(rows)
        del rows[:taken]
        return taken

    with Running("sqlite:///work.db", tmp_path, step, nothing_due) as worker:
        for number in range(100):
            rows.append(number)
            worker.nudge()
            time.sleep(0.001)
        until(lambda: not rows)


def test_a_failing_round_does_not_end_the_worker(tmp_path: Path):
    tries: list[int] = []

    def step() -> int:
        tries.append(1)
        if len(tries) == 1:
            raise ZeroDivisionError
        if len(tries) == 2:
            raise Busy("not now")
        return 0

    with Running("sqlite:///work.db", tmp_path, step, nothing_due) as worker:
        for number in range(1, 4):
            worker.nudge()
            until(partial(has_more, tries, number - 1))


def test_an_unreachable_queue_costs_a_nudge_and_no_more(tmp_path: Path):
    worker = Worker(open_queue("redis://127.0.0.1:1/0", tmp_path), [Round("work", lambda: 0, nothing_due)])
    worker.nudge()


def test_what_somebody_slipped_into_the_queue_is_not_run(queue_url: str, tmp_path: Path):
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "evil"),)

    done: list[int] = []

    def step() -> int:
        done.append(1)
        return 0

    with Running(queue_url, tmp_path, step, nothing_due) as worker:
        worker.huey.storage.enqueue(pickle.dumps(Evil()))
        worker.huey.storage.enqueue(b"{}")
        worker.huey.storage.enqueue(b"\xff\x00")
        time.sleep(0.3)
        worker.nudge()
        until(lambda: bool(done))
    assert not (tmp_path / "evil").exists()


def test_an_address_that_is_no_queue_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"\[work.queue\]"):
        open_queue("amqp://x", tmp_path)


def test_an_offer_is_drawn_and_told_when_it_begins_without_any_write(store_url: str, tmp_path: Path):
    shop = CornerShop.open(store_url)
    shop.now = int(time.time())
    anna = shop.joins()
    shop.installs(anna, "phone")
    shop.settles()

    def now() -> int:
        shop.now = int(time.time())
        return shop.now

    def draws() -> int:
        return sweep.sweep(shop.store, now())

    def next_draw() -> int | None:
        with shop.store.reading() as tx:
            return sweep.next_due(tx)

    def tells() -> int:
        now()
        return shop.reconciles()

    rounds = [Round("sweep", draws, next_draw), Round("reconcile", tells, nothing_due)]
    worker = Worker(open_queue("sqlite:///work.db", tmp_path), rounds)
    shop.store.nudge = worker.nudge
    consumer = worker.consume()
    consumer.start()
    starts = int(time.time()) + 2
    shop.publishes("Free cake", starts=starts)
    until(lambda: shop.wallet.told["phone"][-1] > 1)
    late_seconds = time.time() - starts
    consumer.stop(graceful=True)
    assert [offer.title["en"] for offer in shop.card(anna).offers] == ["Free cake"]
    assert 0 <= late_seconds < 8
    shop.close()
