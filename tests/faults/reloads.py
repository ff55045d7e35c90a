"""reloads.py - cell reload/streams of cells.py: SIGHUP again and again, with another configuration each time, while 200 streams are open and others ask for whole answers.

No request fails, no stream is cut or loses a word, each request has the configuration with which it began, and what a configuration has taken is given back: it is so large that each one
that stays is seen in the memory of the process, and the sanitizer looks for what nobody has.
"""

import asyncio
import json
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import menu
import verdict
from client import wait_for
from harness import pace, sanitized
from wire import PATHS, Client, Service, chunk

STREAMS, ASKING, KEYS, STEP_S = 200, 6, 2000, 0.1
APIS = ("chat", "messages")


class Plan:
    fault, second, first = "right", "", "o"

    def __init__(self, api, streams, texts):
        self.api, self.streams, self.texts = api, streams, texts

    def outcome(self):
        return menu.FINE


class Run:
    def __init__(self, rounds):
        self.rounds, self.over, self.wrong, self.counts = rounds, asyncio.Event(), [], {"streams": 0, "whole": 0}

    async def serve(self, call):
        if not call.streams:
            return await call.send(menu.Right(call, ["fine"], None).bytes(head=None))
        number = int(call.prompt())
        right = menu.Right(call, ["begin"], None)
        await call.send(right.head() + b"".join(map(chunk, right.opening_and_words())))
        words = 0
        while not self.over.is_set():
            await asyncio.sleep(STEP_S * (1 + number % 7 / 7))
            await call.send(chunk(menu.wire.words_of(call.api, [" %d" % words])[0]))
            words += 1
        await call.send(b"".join(map(chunk, menu.wire.words_of(call.api, [" end %d" % words]))) + b"".join(chunk(part) for part in right.parts[right.last:]) + b"0\r\n\r\n")

    def lua(self, folder, url, number):
        """`number` is in the configuration, so that each is another one; its keys make it large."""
        from harness import key_line, provider
        keys = "".join(key_line("key-%d-%d" % (number, i), "t") for i in range(KEYS))
        return ('ledger { path = "%s" }\nlisten { workers = 2 }\n' % os.path.join(folder, "ledger") + provider("o", url, "price = { request_usd = 0.001 }")
                + 'model "m" { { "o/x", max_in_flight = %d } }\nmodel "other-%d" { { "o/x" } }\nteam "t" { budget = { usd = %d, mode = "strict" } }\n' % (1000 + number, number, 1000 + number)
                + key_line("k", "t") + keys)

    async def ask(self, client, api, streams, number=0):
        body = {"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "%d" % number}], **({"stream": True} if streams else {})}
        return await client.ask(PATHS[api], body, "k")

    async def stream(self, port, number):
        client, api = Client(port), APIS[number % 2]
        answer = await self.ask(client, api, True, number)
        client.close()
        read = verdict.Read(Plan(api, True, ()), answer)
        words = read.text.split()
        if read.kind != "good" or words[0] != "begin" or words[1:-2] != [str(i) for i in range(len(words) - 3)] or words[-2:] != ["end", str(len(words) - 3)]:
            self.wrong.append("stream %d: %s %s %r" % (number, read.kind, read.why, answer))
        self.counts["streams"] += 1

    async def whole(self, port, number):
        client = Client(port)
        while not self.over.is_set():
            answer = await self.ask(client, APIS[number % 2], False)
            if answer.status != 200 or b"fine" not in answer.body:
                self.wrong.append("a whole answer: %r" % answer)
            self.counts["whole"] += 1
        client.close()

    async def reload(self, gw, folder, url):
        """Sends the signals one after another; the resident bytes after a quarter of them, and after all."""
        loop, sizes = asyncio.get_running_loop(), []
        for number in range(1, self.rounds + 1):
            with open(gw.config, "w", encoding="utf-8") as f:
                f.write(self.lua(folder, url, number))
            gw.signal(signal.SIGHUP)
            if not await loop.run_in_executor(None, wait_for, lambda number=number: gw.said().count("a new configuration is in use") >= number, 10 * pace()):
                self.wrong.append("reload %d was not done: %s" % (number, gw.said()[-500:]))
                break
            if number in (1 + self.rounds // 4, self.rounds):
                sizes.append(gw.rss())
        return sizes

    async def run(self, folder):
        from harness import Gateway
        service, loop = await Service(self.serve).start(), asyncio.get_running_loop()
        gw = await loop.run_in_executor(None, lambda: Gateway(self.lua(folder, service.url, 0), env={"GW_TEST_HEALTH": "1"}))
        try:
            streams = [asyncio.ensure_future(self.stream(gw.port, number)) for number in range(STREAMS)]
            open_ = await loop.run_in_executor(None, wait_for, lambda: verdict.metric(gw, "gw_inflight_requests") >= STREAMS, 20)
            wholes = [asyncio.ensure_future(self.whole(gw.port, number)) for number in range(ASKING)]
            sizes = await self.reload(gw, folder, service.url)
            if not open_ or any(task.done() for task in streams):
                self.wrong.append("not all streams were open all the time")
            self.over.set()
            await asyncio.gather(*streams, *wholes)
            if verdict.metric(gw, 'gw_config_reloads_total{result="ok"}') != self.rounds:
                self.wrong.append("not all reloads were counted")
            fresh = await self.ask(Client(gw.port), "chat", False)
            if fresh.status != 200:
                self.wrong.append("after the last one: %r" % fresh)
            lines = await loop.run_in_executor(None, gw.stop)
        finally:
            gw.kill()
            self.wrong += service.failed
            await service.stop()
        if len({line["config"] for line in lines if line["stream"]}) != 1 or len({line["config"] for line in lines}) < min(3, self.rounds):
            self.wrong.append("requests have other configurations than those with which they began")
        ledger = verdict.Ledger(os.path.join(folder, "ledger"))
        if ledger.problems or len(ledger.attempts) != len(lines):
            self.wrong.append("%d requests in the ledger, %d in the log, %s" % (len(ledger.attempts), len(lines), ledger.problems))
        grown = (sizes[-1] - sizes[0]) / (1 << 20)
        if not sanitized() and grown > 16:
            self.wrong.append("the memory grew by %.0f MB" % grown)
        return grown


def cell(kind, rounds, seed):
    """Runs it; returns its figures in words and what was not as promised."""
    import tempfile
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        run = Run(int(rounds))
        grown = asyncio.run(run.run(folder))
    return "%d reloads, %d streams open, %d whole answers, memory %+.1f MB, %.0f s" % (run.rounds, run.counts["streams"], run.counts["whole"], grown, time.monotonic() - begun), run.wrong
