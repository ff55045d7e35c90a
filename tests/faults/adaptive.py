"""adaptive.py - cells adaptive/high and adaptive/low of cells.py: max_in_flight = "adaptive" begins with 32, which is four times what the server can do at a time, or a quarter of it.

The server does so many streams at a time, and lets the others wait, as inference servers do. Three times (low: two and a half times) as much is asked as the gateway may send at first or the
server can do. In the last third of the run: at least 90 % of what the server can do, or of what is asked, is done; a stream that begins does so within 2.5 times of an idle server's time and a
second and a half (that and the queue of the gateway); the server has at most three times as many as it can do; what is refused is a 503 that asks to come again.
"""

import asyncio
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import menu
import verdict
from wire import PATHS, Client, Service, chunk, request_bytes

START, FIRST_S, SERVICE_S = 32, 0.1, 0.4
ABLE = {"high": START // 4, "low": START * 4}
ASKED = {"high": 3 * START // 4 / SERVICE_S, "low": 2.5 * START / SERVICE_S}  # a second


class Plan:
    api, streams, texts, fault, second, first = "chat", True, ["fine"], "right", "", "o"

    def outcome(self):
        return menu.EITHER


class Run:
    def __init__(self, kind, seconds, seed):
        self.able, self.rate, self.seconds, self.dice = ABLE[kind], ASKED[kind], seconds, random.Random(seed)
        self.begun, self.now, self.most, self.done, self.first, self.refused, self.wrong, self.late = 0, 0, [], [], [], 0, [], []

    async def serve(self, call):
        self.now += 1
        self.most.append((time.monotonic(), self.now))
        try:
            async with self.places:
                took = SERVICE_S * (0.8 + 0.4 * self.dice.random())
                right = menu.Right(call, Plan.texts, None)
                await asyncio.sleep(FIRST_S)
                await call.send(right.head() + b"".join(map(chunk, right.parts[:-2])))
                await asyncio.sleep(took - FIRST_S)
        finally:
            self.now -= 1
        await call.send(b"".join(map(chunk, right.parts[-2:])) + b"0\r\n\r\n")

    async def ask(self, port):
        begun, client = time.monotonic(), Client(port)
        await client.connect()
        client.writer.write(request_bytes(PATHS["chat"], {"model": "m", "stream": True, "max_tokens": 10, "messages": [{"role": "user", "content": "x"}]}))
        first = await client.reader.read(1)
        head = time.monotonic()
        rest = await asyncio.wait_for(client.answer(first), 60)
        client.close()
        if rest.status == 200:
            read = verdict.Read(Plan(), rest)
            if read.kind != "good" or read.text != "fine":
                self.wrong.append("%r" % rest)
            self.first.append((head, head - begun))
            self.done.append(time.monotonic())
        else:
            self.refused += 1
            if rest.status != 503 or rest.header("x-should-retry") != "true" or not rest.header("retry-after"):
                self.wrong.append("refused in other words: %r" % rest)

    async def run(self):
        from harness import Gateway, provider
        self.places = asyncio.Semaphore(self.able)
        service, loop = await Service(self.serve).start(), asyncio.get_running_loop()
        lua = provider("up", service.url, 'price = "free"') + 'model "m" { { "up/x", max_in_flight = "adaptive" } }\n'
        gw = await loop.run_in_executor(None, lambda: Gateway(lua, env={"GW_TEST_HEALTH": "1"}))
        try:
            self.begun, tasks = time.monotonic(), []
            for number in range(int(self.rate * self.seconds)):
                due = self.begun + number / self.rate
                await asyncio.sleep(max(0, due - time.monotonic()))
                self.late.append(time.monotonic() - due)
                tasks.append(asyncio.ensure_future(self.ask(gw.port)))
            ended = time.monotonic()
            await asyncio.gather(*tasks)
            await loop.run_in_executor(None, gw.stop)
        finally:
            gw.kill()
            self.wrong += service.failed
            await service.stop()
        return self.judge(ended)

    def judge(self, ended):
        since = ended - self.seconds / 3
        wanted = min(self.able / SERVICE_S, self.rate) * (ended - since)
        good = sum(1 for t in self.done if since <= t < ended) / wanted
        most = max(n for t, n in self.most if t >= since)
        first = sorted(took for t, took in self.first if since <= t < ended)
        p95, late = first[int(0.95 * (len(first) - 1))], sorted(self.late)[int(0.99 * (len(self.late) - 1))]
        if good < 0.9:
            self.wrong.append("%.3f of what can be done was done" % good)
        if most > max(3 * self.able, self.able + 8):
            self.wrong.append("the server had %d at a time, and can do %d" % (most, self.able))
        if p95 > 2.5 * FIRST_S + 1.5 + 2 + late:
            self.wrong.append("a stream begins after %.2f s (p95)" % p95)
        return "%d able, at most %d sent at a time, %.3f of what can be done, a stream begins after %.2f s (p95), %d refused, asked %.2f s late" % (
            self.able, most, good, p95, self.refused, late), self.wrong


def cell(kind, seconds, seed):
    return asyncio.run(Run(kind, seconds, seed).run())
