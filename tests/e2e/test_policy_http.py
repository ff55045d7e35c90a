"""test_policy_http.py - gw.http: a policy asks a place that its block names, and its worker goes on meanwhile."""

import asyncio
import json
import os
import selectors
import socket
import tempfile
import threading
import time

import client
from client import wait_for
from harness import Case, Gateway, sanitized, tsan

SECRET = "place-secret-7f3a"
MANY = 200 if sanitized() else 1000

RULES = {
    "check.lua": """
local policy = {}
function policy.on_request(req)
    local word = req.last_user:match("^(%a+)")
    if word == "plain" then return end
    if word == "post" then
        local reply, why = gw.http.post("place", { path = "/check?x=1", json = { input = req.last_user }, headers = { ["X-From"] = "policy" } })
        if not reply then return gw.deny(503, "away", why) end
        if reply.json.flagged then return gw.deny(400, "flagged", reply.headers["x-why"]) end
    elseif word == "get" then
        local reply, why = gw.http.get("place", { path = req.last_user:match("(/%S*)"), timeout_ms = 300 })
        return gw.answer((reply and reply.status .. " " .. #reply.text .. " " .. tostring(reply.json == nil)) or why)
    elseif word == "nowhere" then
        return gw.answer(select(2, gw.http.get("closed")) or "it answered")
    elseif word == "wait" then
        local reply, why = gw.http.get("place", { path = "/wait" })
        if not reply then return gw.deny(503, "away", why) end
    elseif word == "place" then gw.http.get("plce")
    elseif word == "dots" then gw.http.get("place", { path = "/a/../b" })
    elseif word == "far" then gw.http.get("place", { path = ".evil.example/" })
    elseif word == "host" then gw.http.get("place", { headers = { Host = "x" } })
    elseif word == "token" then gw.http.get("place", { headers = { ["x-token"] = "x" } })
    elseif word == "split" then gw.http.get("place", { headers = { ["x-a"] = "a\\r\\nb: c" } })
    elseif word == "body" then gw.http.get("place", { json = {} })
    elseif word == "often" then for _ = 1, 9 do gw.http.get("place", { path = "/none" }) end
    elseif word == "sort" then table.sort({ 1, 2 }, function() return gw.http.get("place") ~= nil end)
    end
end
function policy.on_finish(req, done)
    if req:find("finish") then gw.http.get("place") end
end
return policy
""",
}

LUA = """
listen { workers = 1 }
provider "demo" {}
model "m" { { "demo/a" } }
policy "%(dir)s/check.lua" {
    wait_ms = 8000,
    http = { place = { url = "%(url)s/v1/", headers = { ["X-Token"] = env "PLACE_TOKEN", Accept = "*/*" } },
             closed = { url = "http://127.0.0.1:9" } },
}
"""


class Place:
    """A service on a thread of its own, which waits without threads. What it got is in `seen`."""

    def __init__(self):
        self.seen, self.open, self.waiting, self.most, self.hold = [], 0, 0, 0, 0.1
        self.loop = asyncio.new_event_loop()
        self.server = self.loop.run_until_complete(asyncio.start_server(self.serve, "127.0.0.1", 0, backlog=2048))
        self.port = self.server.sockets[0].getsockname()[1]
        self.url = "http://127.0.0.1:%d" % self.port
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()

    async def serve(self, reader, writer):
        self.open += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                lines = head.split("\r\n")
                headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                self.seen.append((lines[0], head, body))
                writer.write(await self.answer(lines[0].split()[1], body, reader))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()

    async def answer(self, path, body, reader):
        def reply(text, status="200 OK", more=""):
            return ("HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n" % (status, len(text), more)).encode() + text

        if path == "/v1/wait":
            self.waiting += 1
            self.most = max(self.most, self.waiting)
            await asyncio.sleep(self.hold)
            self.waiting -= 1
        if path == "/v1/check?x=1":
            flagged = "bad" in json.loads(body)["input"]
            return reply(json.dumps({"flagged": flagged}).encode(), more="Content-Type: application/json\r\nX-Why: it is bad\r\n")
        if path == "/v1/slow":
            await asyncio.sleep(3)
        if path == "/v1/large":
            return reply(b"x" * ((1 << 20) + 1))
        if path == "/v1/moved":
            return reply(b"", "302 Found", "Location: %s/v1/other\r\n" % self.url)
        if path == "/v1/none":
            return reply(b"none", "404 Not Found")
        if path == "/v1/broken":
            return reply(b'{"a":', more="Content-Type: application/json\r\n")
        return reply(b"ok")


def body(text):
    return {"model": "m", "messages": [{"role": "user", "content": text}]}


class Http(Case):
    @classmethod
    def make(cls):
        cls.place = Place()
        cls.folder = tempfile.TemporaryDirectory()
        for name, text in RULES.items():
            with open(os.path.join(cls.folder.name, name), "w", encoding="utf-8") as f:
                f.write(text)
        return Gateway(LUA % {"dir": cls.folder.name, "url": cls.place.url}, env={"PLACE_TOKEN": SECRET})

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.place.stop()

    def said(self, text):
        answer = self.gw.chat(text)
        self.assertEqual(answer.status, 200, answer)
        return answer.json()["choices"][0]["message"]["content"]

    @tsan
    def test_what_it_sends_and_what_it_decides(self):
        good = self.gw.chat("post something good", headers=[("Authorization", "Bearer mine-alone"), ("X-Client", "mine-too")])
        self.assertEqual(good.status, 200, good)
        line, head, sent = self.place.seen[-1]
        self.assertEqual(line, "POST /v1/check?x=1 HTTP/1.1")
        self.assertEqual(json.loads(sent), {"input": "post something good"})
        names = sorted(l.split(":")[0].lower() for l in head.split("\r\n")[1:] if l)
        self.assertEqual(names, ["accept", "accept-encoding", "content-length", "content-type", "host", "user-agent", "x-from", "x-token"])
        self.assertIn("X-Token: " + SECRET, head)
        self.assertNotIn("mine", head)
        bad = self.gw.chat("post something bad")
        self.assertEqual((bad.status, bad.error["code"]), (400, "flagged"), bad)
        self.assertIn(b"it is bad", bad.body)
        call = self.gw.log_for(bad.id)["policies"][0]["calls"][0]
        self.assertEqual((call["word"], call["what"], call["status"]), ("http", "place", 200))
        self.assertNotIn(SECRET, json.dumps(self.gw.lines) + self.gw.said())

    @tsan
    def test_what_can_happen_is_returned(self):
        self.assertEqual(self.said("get /x"), "200 2 true")
        self.assertEqual(self.said("get /none"), "404 4 true")
        self.assertEqual(self.said("get /broken"), "200 5 true")
        self.assertEqual(self.said("get /moved"), "302 0 true")
        self.assertNotIn("/v1/other", [seen[0].split()[1] for seen in self.place.seen], "it followed")
        self.assertEqual(self.said("get /large"), "its answer has more than 1 MB")
        self.assertEqual(self.said("get /slow"), "timeout")
        self.assertEqual(self.said("nowhere"), "it cannot be reached")
        line = self.gw.log_for(self.gw.chat("get /slow").id)
        self.assertEqual(line["policies"][0]["calls"][0]["error"], "timeout")

    def test_what_is_a_mistake_raises(self):
        for word, error in {
            "place": 'unknown place "plce" (did you mean "place"?)',
            "dots": "path begins with / or ?",
            "far": "path begins with / or ?",
            "host": "the header Host is set by",
            "token": "the header x-token is set by",
            "body": "gw.http.post does",
            "often": "at most 8 calls",
            "sort": "gw.http.get waits: it cannot be called inside the function given to sort",
        }.items():
            answer = self.gw.chat(word)
            self.assertEqual(answer.status, 500, (word, answer))
            reason = self.gw.log_for(answer.id)["policies"][0]["reason"]
            self.assertIn(error, reason)
            self.assertIn("check.lua:", reason)
        last = self.gw.log_for(self.gw.chat("plain finish").id)["policies"][-1]
        self.assertIn("gw.http.get is not available in on_finish", last["reason"])

    def test_a_value_splits_no_head(self):
        self.assertEqual(self.gw.chat("split").status, 200)
        head = self.place.seen[-1][1].lower().split("\r\n")
        self.assertIn("x-a: a  b: c", head)
        self.assertNotIn("b: c", head)

    def many(self, text, count=MANY, leave=False):
        """`count` requests at once; the seconds until all are answered, and their statuses."""
        socks, heads = selectors.DefaultSelector(), {}
        request = client.build("POST", "/v1/chat/completions", [("Connection", "close")], body(text))
        began = time.monotonic()
        for _ in range(count):
            sock = socket.create_connection(("127.0.0.1", self.gw.port))
            sock.sendall(request)
            sock.setblocking(False)
            heads[sock] = b""
            socks.register(sock, selectors.EVENT_READ)
        if leave:
            self.assertTrue(wait_for(lambda: self.place.waiting >= count // 2, 20))
            for sock in heads:
                sock.close()
            return 0, []
        left = count
        while left > 0:
            for key, _ in socks.select(20):
                data = key.fileobj.recv(65536)
                heads[key.fileobj] += data
                if not data:
                    socks.unregister(key.fileobj)
                    key.fileobj.close()
                    left -= 1
        return time.monotonic() - began, [int(head.split()[1]) for head in heads.values()]

    @tsan
    def test_many_wait_at_once(self):
        self.many("plain", 50)  # warm
        without, statuses = self.many("plain")
        self.assertEqual(set(statuses), {200})
        self.place.most = 0
        waited, statuses = self.many("wait")
        self.assertEqual(statuses.count(200), MANY, statuses)
        print("%d requests on one worker: %.2f s without, %.2f s where each waits 100 ms; %d at a time" % (MANY, without, waited, self.place.most))
        self.assertLess(waited, MANY * 0.1 / 4, "one after the other they take %d s" % (MANY * 0.1))
        self.assertGreater(self.place.most, 8)

    @tsan
    def test_their_clients_leave(self):
        count = 100
        self.gw.chat("plain")
        wait_for(lambda: self.place.waiting == 0, 10)
        self.place.hold = 5
        try:
            before, fds = len(self.gw.lines), self.gw.fds()
            self.many("wait", count, leave=True)
            began = time.monotonic()
            gone = lambda: [l for l in self.gw.lines[before:] if l["status"] == 499]
            self.assertTrue(wait_for(lambda: len(gone()) == count, 4), "%d of %d are gone" % (len(gone()), count))
            self.assertLess(time.monotonic() - began, 4.5)
            self.assertEqual({l["row"] for l in gone()} - {"body", "decode"}, {"policy.request"})  # some leave before
            self.assertTrue(wait_for(lambda: self.gw.fds() <= fds, 4), "%d files were open, %d are" % (fds, self.gw.fds()))
        finally:
            self.place.hold = 0.1
        self.assertEqual(self.gw.chat("wait").status, 200)
