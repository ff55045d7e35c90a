"""leaving.py - cell leaving/anywhere of cells.py: clients leave at any byte of their request or of the answer, by FIN, by RST, or by closing their sending side, and all that
has begun for them ends.

The upstream is let go within 0.1 s (p99; times pace() of the build); where a strict budget wants to know what was used, the rest of the answer is read instead. Each request
that reached an upstream has one attempt that ended once in the ledger: with the tokens that were reported where all of the answer was read, else with what passed, and never
more than what was sent. What did not reach one has nothing there. At the end no descriptor, hold or request is left.
"""

import asyncio
import json
import os
import random
import socket
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import menu
import verdict
from client import wait_for
from wire import PATHS, Client, Service, chunk, request_bytes

CLIENTS, ROUND, EVENTS = 48, 3000, 12
PRICE = "price = { input_usd_per_mtok = 2.5, cache_read_usd_per_mtok = 0.25, output_usd_per_mtok = 10, reasoning_usd_per_mtok = 12 }"


class Plan:
    def __init__(self, seed, number):
        dice = random.Random("%s/%d" % (seed, number))
        self.number, self.api, self.model = number, dice.choice(("chat", "messages", "responses")), "o"
        if self.api != "responses":
            self.model = dice.choice("oa")
        self.streams, self.strict = dice.random() < 0.75, dice.random() < 0.2
        self.how = dice.choice(("fin", "rst", "half"))
        self.when = dice.choice(("request", "head", "answer", "answer", "answer"))
        self.share, self.pause = dice.random(), dice.uniform(0.005, 0.03)
        self.texts = ["%d \u00e9 word\n" % i * dice.randrange(1, 4) for i in range(EVENTS)]
        output = dice.randrange(2, 5000)
        self.tokens = {"input": dice.randrange(1, 9000), "cache_read": dice.randrange(1, 9000), "reasoning": 0, "output": output}

    def body(self):
        said = {"input": str(self.number), "max_output_tokens": 5000} if self.api == "responses" else {"messages": [{"role": "user", "content": str(self.number)}], "max_tokens": 5000}
        return dict(said, model=self.model, **({"stream": True} if self.streams else {}))

    def key(self):
        return "strict" if self.strict else "plain"


class Run:
    def __init__(self, seed, first, last):
        self.seed, self.first, self.last = seed, first, last
        self.calls, self.left, self.ids, self.wrong, self.late = {}, {}, {}, [], []

    async def serve(self, call):
        """Sends an answer bit by bit; notes when the gateway goes, or that all was sent."""
        plan = Plan(self.seed, int(call.prompt()))
        right = menu.Right(call, plan.texts, plan.tokens)
        self.calls.setdefault(plan.number, []).append(None)
        gone = asyncio.ensure_future(call.reader.read(1))
        parts = right.parts if call.streams else [right.parts[0][i:i + 60] for i in range(0, len(right.parts[0]), 60)]
        try:
            for i, part in enumerate(parts):
                await call.send((right.head(more=b"Connection: close\r\n") if i == 0 else b"") + chunk(part))
                await asyncio.wait((gone,), timeout=plan.pause)
                if gone.done() and i + 1 < len(parts):
                    break
            else:  # its last chunk is not waited for after an end mark
                self.calls[plan.number][-1] = "all"
                await call.send(b"0\r\n\r\n")
        except OSError:
            pass
        if self.calls[plan.number][-1] != "all":
            self.calls[plan.number][-1] = time.monotonic()
        gone.cancel()
        call.over = True

    async def leave(self, port, plan):
        client = Client(port)
        await client.connect()
        text = request_bytes(PATHS[plan.api], plan.body(), plan.key())
        if plan.when == "request":
            client.writer.write(text[: int(plan.share * len(text))])
            await client.writer.drain()
        else:
            client.writer.write(text)
            if plan.when == "head":
                await asyncio.sleep(plan.share * 0.05)
            else:
                _, headers = await client.head()
                self.ids[plan.number] = headers.get("x-request-id")
                left = int(plan.share * 2500)
                try:  # what is shorter ends it too
                    while left > 0 and (got := await asyncio.wait_for(client.reader.read(min(left, 200)), 0.3)):
                        left -= len(got)
                except asyncio.TimeoutError:
                    pass
        self.left[plan.number] = time.monotonic()
        sock = client.writer.get_extra_info("socket")
        if plan.how == "rst":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.writer.transport.abort()
        elif plan.how == "half":
            client.writer.write_eof()
            await asyncio.wait_for(client.reader.read(), 30)
        client.close()

    async def work(self, port, numbers):
        for number in numbers:
            try:
                await self.leave(port, Plan(self.seed, number))
            except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError) as error:
                self.wrong.append("%d: %r" % (number, error))

    def lua(self, folder, url):
        from harness import key_line, provider
        text = 'ledger { path = "%s" }\n' % os.path.join(folder, "ledger") + provider("o", url, PRICE)
        text += provider("a", url[:-3], PRICE).replace("openai", "anthropic")
        text += 'model "o" { { "o/x" } }\nmodel "a" { { "a/claude-x" } }\nteam "s" { budget = { usd = 100000, mode = "strict" } }\nteam "p" { budget = { usd = 100000 } }\n'
        return text + key_line("strict", "s") + key_line("plain", "p")

    async def run(self):
        from harness import Gateway
        service, loop = await Service(self.serve).start(), asyncio.get_running_loop()
        with tempfile.TemporaryDirectory() as folder:
            gw = await loop.run_in_executor(None, lambda: Gateway(self.lua(folder, service.url), env={"GW_TEST_HEALTH": "0"}))
            try:
                numbers = iter(range(self.first, self.last))
                await asyncio.gather(*(self.work(gw.port, numbers) for _ in range(CLIENTS)))
                await loop.run_in_executor(None, self.ends, gw)
                service.close_all()
                lines = await loop.run_in_executor(None, gw.stop)
                await loop.run_in_executor(None, self.check, os.path.join(folder, "ledger"), lines)
            finally:
                gw.kill()
                self.wrong += service.failed
                await service.stop()

    def ends(self, gw):
        def left():
            return {name: value for name in ("gw_inflight_requests", "gw_held_usd") if (value := verdict.metric(gw, name))}
        if not wait_for(lambda: not left(), 30):
            self.wrong.append("left at the end: %s" % left())
        sockets = [what for _, what in verdict.descriptors(gw) if what.startswith("socket:")]
        if len(sockets) > CLIENTS + 10:  # connections to upstreams that are kept
            self.wrong.append("%d sockets are open" % len(sockets))

    def check(self, path, lines):
        from harness import pace
        ledger = verdict.Ledger(path)
        if ledger.problems:
            self.wrong.append("the ledger: %s" % ledger.problems)
        came, rows = sum(map(len, self.calls.values())), sum(1 for rows in ledger.attempts.values() for _, end in rows if end["ending"] != "void")
        # Whose client left in the moment in which it was sent: the upstream may not see it for the end of its connection, and the gateway cannot know that.
        if came > len(ledger.attempts) or rows - came > (self.last - self.first) / 100:
            self.wrong.append("%d requests came to the upstream, and the ledger has %d, %d of them with a cost" % (came, len(ledger.attempts), rows))
        known = {line["id"] for line in lines}
        for id_, rows in ledger.attempts.items():
            if len(rows) != 1 or id_ not in known:
                self.wrong.append("%s: %d attempts in the ledger, %s" % (id_, len(rows), "in the log" if id_ in known else "not in the log"))
        for number, calls in self.calls.items():
            plan, call = Plan(self.seed, number), calls[-1]
            if call != "all":
                self.late.append(call - self.left[number])
            if self.ids.get(number):
                why = self.settled(plan, call, ledger.take(self.ids[number]))
                if why:
                    self.wrong.append("%d: %s (%s %s to %s, %s at its %s)" % (number, why, plan.api, "stream" if plan.streams else "whole", plan.model, plan.how, plan.when))
        self.late.sort()
        if self.late and self.late[int(0.99 * (len(self.late) - 1))] > 0.1 * pace():
            self.wrong.append("the upstream was let go after %.3f s (p99)" % self.late[int(0.99 * (len(self.late) - 1))])

    @staticmethod
    def settled(plan, call, rows):
        if len(rows) != 1:
            return "%d rows" % len(rows)
        end = rows[0][1]
        used = {row["unit"]: row["quantity"] for row in end.get("lines", [])}
        if plan.strict:  # it was read until its usage was there
            wanted = {name: count for name, count in plan.tokens.items() if count}
            return None if (end["source"], used, end["ending"]) == ("reported", wanted, "settled") else "the ledger has %s, reported were %s" % (end, wanted)
        text = sum(len(text.encode()) for text in plan.texts)
        if end["source"] == "counted" and used.get("output", 0) > max(len(plan.texts) + 1, -(-text // 3)):
            return "%s output tokens were counted of %d bytes" % (used, text)
        return None if end["source"] in ("reported", "counted", "estimated") else "source %s: %s" % (end["source"], json.dumps(end))


def cell(kind, count, seed):
    """Runs it; returns its figures in words and what was not as promised."""
    wrong, late, calls, begun = [], [], 0, time.monotonic()
    for first in range(0, count, ROUND):
        run = Run(seed, first, min(count, first + ROUND))
        asyncio.run(run.run())
        wrong, late, calls = wrong + run.wrong, sorted(late + run.late), calls + len(run.calls)
    p99 = late[int(0.99 * (len(late) - 1))] if late else 0
    return "%d clients left, %d had an upstream, %d of these let go after %.3f s (p99), %.0f s" % (count, calls, len(late), p99, time.monotonic() - begun), wrong
