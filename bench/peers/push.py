"""Pushes with another client: `python push.py CLIENT PORT FOLDER TOPIC`; for each number on standard input so many.

FOLDER holds the sink's root and our certificate with its key. Clients: aioapns, bounded to as many pushes at a time
as it likes best; httpx2, one connection.
"""

import asyncio
import json
import ssl
import sys
import time

client, port, folder, topic = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
AT_A_TIME = {"aioapns": 500, "httpx2": 100}[client]


def context():
    made = ssl.create_default_context(cafile=f"{folder}/server-root.pem")
    made.load_cert_chain(f"{folder}/pass.pem", f"{folder}/pass.key")
    return made


def token(number):
    return f"{number:064x}"


def with_aioapns():
    from aioapns import APNs, NotificationRequest
    from aioapns.connection import APNsProductionClientProtocol

    class Local(APNsProductionClientProtocol):
        APNS_SERVER, APNS_PORT = "localhost", port

    secure = context()
    secure.set_alpn_protocols(["h2"])
    apns = APNs(client_cert=f"{folder}/both.pem", topic=topic, max_connections=1, ssl_context=secure)
    apns.pool.protocol_class = Local

    async def push(number):
        result = await apns.send_notification(NotificationRequest(device_token=token(number), message={}))
        assert result.is_successful

    return push


def with_httpx2():
    import httpx2

    limits = httpx2.Limits(max_connections=1)
    http = httpx2.AsyncClient(http2=True, verify=context(), limits=limits, timeout=60)

    async def push(number):
        headers = {"apns-topic": topic, "apns-priority": "10"}
        answer = await http.post(f"https://localhost:{port}/3/device/{token(number)}", content=b"{}", headers=headers)
        assert answer.status_code == 200

    return push


async def many(push, times):
    """So many at a time, never a task for each."""
    numbers = iter(range(times))

    async def one_after_another():
        for number in numbers:
            await push(number)

    await asyncio.gather(*(one_after_another() for _ in range(AT_A_TIME)))


async def main():
    push = with_aioapns() if client == "aioapns" else with_httpx2()
    await push(0)
    print(json.dumps({"client": client}), flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        began = time.perf_counter()
        await many(push, int(line))
        print(json.dumps({"seconds": time.perf_counter() - began}), flush=True)


asyncio.run(main())
