"""Open e-cards: pages that ask every three seconds whether their card has changed, and a till that must not notice."""

from __future__ import annotations

import asyncio
import time
from urllib.parse import urlsplit

from passes import cards

from . import processes, servers, shop, wrk
from .cast import Till, settled
from .figures import Report, most
from .passes import Maker
from .receipts import new_key
from .servers import Served

MEMBERS = 10_000
SECONDS_BETWEEN = 3
PAGES = (100, 300, 900)
CONNECTIONS = 32
SALES_PER_SECOND = 20


def run(report: Report) -> None:
    seconds = 4 if report.quick else 15
    with shop.home(MEMBERS) as home:
        maker = Maker(home)
        seats = shop.seats(maker.service, 2_000)
        paths = [_path(maker, seat) for seat in seats[:1_000]]
        key = new_key(maker.service)
        with servers.serve(home) as served:
            till = Till(served.port, key, seats[1_000:], "poll")
            settled(maker.service)
            wrk.load(served.url, [wrk.Request(path, {}) for path in paths], home, 2, 16)
            most_rate = wrk.load(served.url, [wrk.Request(path, {}) for path in paths], home, 2, 16).rate
            report.add(
                "",
                "polls answered at most, nothing changed (204)",
                f"{most_rate:,.0f}/s",
                f"enough for {most_rate * SECONDS_BETWEEN:,.0f} open pages",
            )
            with till.at_work(SALES_PER_SECOND):
                time.sleep(1)
                till.taken()
                before = processes.cpu_seconds(served.process.pid)
                time.sleep(seconds)
                alone = (processes.cpu_seconds(served.process.pid) - before) / seconds
            idle = till.taken()
            for pages in PAGES:
                with till.at_work(SALES_PER_SECOND):
                    share, asked = _open_pages(served, paths, pages, seconds)
                share -= alone
                busy = till.taken()
                report.add(
                    "",
                    f"{pages} open pages: {asked / seconds:,.0f} polls/s",
                    f"{share:.0%} of one core",
                    f"{share / pages * 1_000:.2f} cores per 1,000 pages",
                )
                report.add(
                    "",
                    f"till beside {pages} open pages",
                    str(busy),
                    f"idle {idle}",
                    busy.at(0.99) / idle.at(0.99),
                    most(3),
                )


def _path(maker: Maker, seat: shop.Seat) -> str:
    with maker.service.store.reading() as tx:
        revision = cards.by_serial(tx, seat.serial).revision
    return f"{urlsplit(maker.service.links.card(revision)).path}/state?revision={revision.number}"


def _open_pages(served: Served, paths: list[str], pages: int, seconds: float) -> tuple[float, int]:
    """The share of a core that the server used meanwhile, and how often they asked."""
    before, began = processes.cpu_seconds(served.process.pid), time.perf_counter()
    asked = asyncio.run(_polls(served.port, paths, pages / SECONDS_BETWEEN, seconds))
    used = processes.cpu_seconds(served.process.pid) - before
    return used / (time.perf_counter() - began), asked


async def _polls(port: int, paths: list[str], rate: float, seconds: float) -> int:
    """So many requests a second, evenly, over a few kept connections."""
    counts = await asyncio.gather(
        *(_connection(port, paths[lane::CONNECTIONS], rate / CONNECTIONS, seconds, lane) for lane in range(CONNECTIONS))
    )
    return sum(counts)


async def _connection(port: int, paths: list[str], rate: float, seconds: float, lane: int) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    loop, asked = asyncio.get_running_loop(), 0
    due = loop.time() + lane / CONNECTIONS / rate
    ends = loop.time() + seconds
    while due < ends:
        await asyncio.sleep(max(0.0, due - loop.time()))
        path = paths[asked % len(paths)]
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        if status != 204:
            # A card the till has sold to: read its new face, as the page does.
            length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(length)
        assert status in (200, 204), head
        asked += 1
        due += 1 / rate
    writer.close()
    return asked
