"""test_relay_recordings.py - what real services sent passes through byte for byte, however it is cut, and is metered.

A fake upstream replays the recordings. Each test asks with a model name that the upstream sees as its slot
number, so that many can be asked at once.
"""

import json
import random
import re
import threading
import time
import unittest

import client
import upstream
from harness import FULL, UP_KEY, Case, Gateway, least, provider, tsan
from recordings import buckets, data_of, finish, load_chat, split_events, told_usage, without_usage_chunk

SLOTS = 8
SMALL = 4096
SEED = 20260601
FINISHES = {"stop", "length", "tool_calls", "content_filter"}


def replay_head(rec, whole_length=None):
    lines = ["HTTP/1.1 %d Recorded" % rec.status] + ["%s: %s" % h for h in rec.headers]
    lines.append("transfer-encoding: chunked" if whole_length is None else "content-length: %d" % whole_length)
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Relay(Case):
    @classmethod
    def make(cls):
        cls.recs = load_chat()
        cls.slots = [None] * SLOTS
        cls.seen = [None] * SLOTS

        def handler(request, out):
            slot = int(request.json()["model"].split("-")[-1])
            cls.seen[slot] = request
            head, pieces, pause, coded = cls.slots[slot]
            if pause:
                out.send(head)
                for piece in pieces:
                    out.send(upstream.chunk(piece) if coded else piece)
                    time.sleep(pause)
                if coded:
                    out.end()
            else:
                body = (
                    b"".join(upstream.chunk(p) for p in pieces if p) + b"0\r\n\r\n" if coded else b"".join(pieces)
                )
                out.send(head + body)

        cls.up = upstream.Upstream(handler)
        lua = provider("up", cls.up)
        lua += "".join('model "rec%d" { { "up/slot-%d" } }\n' % (i, i) for i in range(SLOTS))
        return Gateway(lua)

    def whole(self):
        return [r for r in self.recs if r.status == 200 and not r.stream]

    def streams(self):
        return [r for r in self.recs if r.status == 200 and r.stream]

    def good_streams(self):
        return [r for r in self.streams() if "error-midstream" not in r.name]

    def ask(self, rec, slot=0, pieces=None, pause=0, coded=True, body=None, conn=None):
        """Replays `rec` in `pieces`; the answer, and what was sent."""
        pieces = [rec.body] if pieces is None else pieces
        head = replay_head(rec, None if coded else sum(len(p) for p in pieces))
        self.slots[slot] = (head, pieces, pause, coded)
        if body is None:
            body = json.dumps(dict(rec.request, model="rec%d" % slot)).encode()
        if conn is not None:
            return conn.ask("POST", "/v1/chat/completions", (), body), body
        return self.gw.request("POST", "/v1/chat/completions", (), body), body

    def short(self, rec, slot):
        """A small request that wants the same kind of answer."""
        body = {"model": "rec%d" % slot, "messages": [{"role": "user", "content": "x"}]}
        if rec.stream:
            body["stream"] = True
            if rec.asked_usage:
                body["stream_options"] = {"include_usage": True}
        return json.dumps(body).encode()

    def expected(self, rec, asked=None):
        asked = rec.asked_usage if asked is None else asked
        return rec.body if asked or not rec.stream else without_usage_chunk(rec.body)

    def assert_relayed(self, rec, answer, note="", asked=None):
        self.assertEqual(answer.status, rec.status, "%s %s %r" % (rec, note, answer))
        self.assertTrue(answer.complete, "%s %s: the body was cut" % (rec, note))
        wanted = self.expected(rec, asked)
        if answer.body != wanted:
            at = next(
                (i for i, (a, b) in enumerate(zip(answer.body, wanted)) if a != b),
                min(len(answer.body), len(wanted)),
            )
            self.fail(
                "%s %s: %d bytes for %d, first difference at %d:\n got %r\nwant %r"
                % (
                    rec,
                    note,
                    len(answer.body),
                    len(wanted),
                    at,
                    answer.body[max(0, at - 40) : at + 80],
                    wanted[max(0, at - 40) : at + 80],
                )
            )
        self.assert_ids(answer)

    def assert_logged(self, rec, answer, body):
        line = self.gw.log_for(answer.id)
        self.assertEqual(
            (line["status"], line["stream"], line["face"], line["fallback"]), (200, rec.stream, "chat", False), line
        )
        self.assertNotIn("error", line)
        self.assertEqual(
            [(a["provider"], a["outcome"], a["status"]) for a in line["attempts"]], [("up", "ok", 200)], line
        )
        self.assertEqual(line["row"], "finish")
        self.assertGreaterEqual(line["bytes_in"], len(body))
        self.assertGreaterEqual(line["bytes_out"], len(answer.body))
        reason = finish(rec)
        if reason in FINISHES:
            self.assertEqual(line["finish"], reason, "%s %r" % (rec, line))
        self.assert_usage(rec, line["usage"])

    def assert_usage(self, rec, logged):
        told = told_usage(rec)
        logged = dict(logged)
        source = logged.pop("source")
        if told is None:
            self.assertNotEqual(source, "reported", "%s told nothing: %r" % (rec, logged))
            return
        self.assertEqual(source, "reported", "%s %r" % (rec, logged))
        wanted = buckets(told)
        if wanted is None:  # the service contradicts itself: kept, but marked, or put right by its own total
            refused = logged.pop("refused", False)
            self.assertTrue(
                refused or sum(logged.values()) == told["total_tokens"], "%s %r for %r" % (rec, logged, told)
            )
            return
        self.assertEqual(logged, wanted, "%s of %r" % (rec, told))

    def assert_request(self, rec, body, slot):
        """The upstream saw what the client sent, but for the model and the usage that we need ourselves."""
        seen = self.seen[slot]
        self.assertEqual((seen.method, seen.path), ("POST", "/v1/chat/completions"))
        self.assertEqual(seen.headers.get("authorization"), "Bearer " + UP_KEY)
        self.assertEqual(seen.headers.get("content-type", "").split(";")[0], "application/json")
        wanted = body.replace(b'"rec%d"' % slot, b'"slot-%d"' % slot, 1)
        if not rec.stream or rec.asked_usage:
            self.assertEqual(seen.body, wanted, rec)
            return
        pairs = json.loads(seen.body, object_pairs_hook=list)
        mine = json.loads(wanted, object_pairs_hook=list)
        self.assertEqual(
            [p for p in pairs if p[0] != "stream_options"], [p for p in mine if p[0] != "stream_options"], rec
        )
        options = dict(rec.request.get("stream_options") or {}, include_usage=True)
        self.assertEqual(json.loads(seen.body)["stream_options"], options)
        self.assertEqual(len([p for p in pairs if p[0] == "stream_options"]), 1)

    def test_whole_answers_pass_and_are_metered(self):
        for rec in self.whole():
            for coded in (False, True):
                with self.subTest(rec=rec.name, chunked=coded):
                    answer, body = self.ask(rec, coded=coded)
                    self.assert_relayed(rec, answer)
                    self.assertEqual(answer.header("content-type", "").split(";")[0], "application/json")
                    self.assert_request(rec, body, 0)
                    self.assert_logged(rec, answer, body)

    @tsan
    def test_streams_pass_and_are_metered(self):
        for rec in self.good_streams():
            with self.subTest(rec=rec.name):
                answer, body = self.ask(rec, pieces=split_events(rec.body))
                self.assert_relayed(rec, answer)
                self.assertEqual(answer.header("content-type", "").split(";")[0], "text/event-stream")
                self.assert_request(rec, body, 0)
                self.assert_logged(rec, answer, body)

    def test_streams_with_every_byte_a_chunk(self):
        small = [r for r in self.good_streams() if len(r.body) <= SMALL]
        self.assertGreaterEqual(len(small), least(24))
        for rec in small:
            with self.subTest(rec=rec.name):
                answer, _ = self.ask(
                    rec, pieces=[rec.body[i : i + 1] for i in range(len(rec.body))], body=self.short(rec, 0)
                )
                self.assert_relayed(rec, answer)

    def in_parallel(self, jobs, work):
        """Runs work(job, slot, connection) over all jobs on SLOTS threads; fails with the first failures."""
        jobs, lock, failures = list(jobs), threading.Lock(), []

        def run(slot):
            conn = client.Conn(self.gw.port)
            while not failures:
                with lock:
                    if not jobs:
                        break
                    job = jobs.pop()
                try:
                    work(job, slot, conn)
                except (AssertionError, client.Cut, OSError, ValueError) as e:
                    failures.append("%r: %s %s" % (job, type(e).__name__, e))
            conn.close()

        threads = [threading.Thread(target=run, args=(i,)) for i in range(SLOTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            self.fail("\n".join(failures[:3]))

    def test_streams_cut_at_200_random_positions_at_once(self):
        chance = random.Random(SEED)

        def work(rec, slot, conn):
            cuts = sorted(chance.sample(range(1, len(rec.body)), min(200, len(rec.body) - 1)))
            pieces = [rec.body[a:b] for a, b in zip([0] + cuts, cuts + [len(rec.body)])]
            answer, _ = self.ask(rec, slot, pieces, pause=0.0005, body=self.short(rec, slot), conn=conn)
            self.assert_relayed(rec, answer, "cuts %r" % cuts)

        self.in_parallel(self.good_streams(), work)

    def test_whole_answers_cut_at_random_positions(self):
        chance = random.Random(SEED)

        def work(rec, slot, conn):
            cuts = sorted(chance.sample(range(1, len(rec.body)), min(60, len(rec.body) - 1)))
            pieces = [rec.body[a:b] for a, b in zip([0] + cuts, cuts + [len(rec.body)])]
            answer, _ = self.ask(
                rec, slot, pieces, pause=0.0005, coded=chance.random() < 0.5, body=self.short(rec, slot), conn=conn
            )
            self.assert_relayed(rec, answer, "cuts %r" % cuts)

        self.in_parallel(self.whole(), work)

    @tsan
    def test_streams_cut_once(self):
        """Small ones at every position, all at 200 (a sample of both in the short run)."""
        chance = random.Random(SEED)
        jobs = []
        for rec in self.good_streams():
            every = range(1, len(rec.body))
            if len(rec.body) <= SMALL:
                at = list(every) if FULL else chance.sample(every, min(400, len(every)))
            else:
                at = chance.sample(every, 200 if FULL else 50)
            jobs += [(rec, cut) for cut in at]
        chance.shuffle(jobs)

        def work(job, slot, conn):
            rec, cut = job
            answer, _ = self.ask(rec, slot, [rec.body[:cut], rec.body[cut:]], body=self.short(rec, slot), conn=conn)
            self.assert_relayed(rec, answer, "cut at %d" % cut)

        self.in_parallel(jobs, work)

    def test_usage_chunk_is_hidden_from_who_did_not_ask(self):
        """Recordings with an extra usage chunk, asked for without it: all bytes but that chunk's, and it is metered."""
        tried = 0
        for rec in self.good_streams():
            if without_usage_chunk(rec.body) == rec.body:
                continue
            tried += 1
            for options in (None, {"include_usage": False}):
                request = {k: v for k, v in rec.request.items() if k != "stream_options"}
                request["model"] = "rec0"
                if options:
                    request["stream_options"] = options
                with self.subTest(rec=rec.name, options=options):
                    for pieces in (
                        [rec.body],
                        split_events(rec.body),
                        [rec.body[i : i + 7] for i in range(0, len(rec.body), 7)],
                    ):
                        answer, _ = self.ask(rec, pieces=pieces, body=json.dumps(request).encode())
                        self.assert_relayed(rec, answer, asked=False)
                        self.assertIs(self.seen[0].json()["stream_options"]["include_usage"], True)
                        self.assert_usage(rec, self.gw.log_for(answer.id)["usage"])
        self.assertGreaterEqual(tried, least(20))

    def test_errors_in_the_middle_pass_and_are_logged(self):
        broken = [r for r in self.streams() if "error-midstream" in r.name]
        self.assertEqual(len(broken), least(2))
        for rec in broken:
            for pieces in (split_events(rec.body), [rec.body[i : i + 11] for i in range(0, len(rec.body), 11)]):
                with self.subTest(rec=rec.name):
                    answer, _ = self.ask(rec, pieces=pieces)
                    self.assert_relayed(rec, answer)
                    line = self.gw.log_for(answer.id)
                    self.assertTrue(line["error"]["code"], line)
                    self.assertEqual(len(line["attempts"]), 1, line)
                    self.assertNotEqual(line["attempts"][0]["outcome"], "ok", line)

    def test_an_error_as_first_event_is_an_http_error(self):
        broken = [r for r in self.streams() if "error-midstream" in r.name]
        for rec in broken:
            for event in split_events(rec.body):
                if "error" in (data_of(event) or {}):
                    break
            for body in (event, event + upstream.DONE, b": PROCESSING\n\n" + event):
                with self.subTest(rec=rec.name, body=body[:20]):
                    answer, _ = self.ask(rec, pieces=[body])
                    self.assertIn(answer.status, (400, 502), answer)
                    if answer.status == 502:
                        self.assert_error(answer, 502, "upstream_error", "upstream_unavailable")
                    else:
                        code = data_of(event)["error"]["code"]
                        error = answer.error
                        self.assertEqual(error["type"], "invalid_request_error")
                        if isinstance(code, str):
                            self.assertEqual(error["code"], code)
                    self.assertNotIn(b"data:", answer.body)
                    self.assertEqual(self.gw.log_for(answer.id)["status"], answer.status)

    def test_recorded_errors_in_our_shape(self):
        errors = [r for r in self.recs if r.status != 200]
        self.assertGreaterEqual(len(errors), least(24))
        for rec in errors:
            with self.subTest(rec=rec.name):
                answer, body = self.ask(rec)
                value = json.loads(rec.body)
                inner = value.get("error") if isinstance(value.get("error"), dict) else {}
                if rec.status in (401, 403):
                    error = self.assert_error(answer, 502, "upstream_error", "upstream_auth", retry=False)
                    self.assertNotIn(str(inner.get("message") or value.get("detail")), error["message"])
                elif rec.status == 429:
                    self.assert_error(answer, 429, "rate_limit_error", "upstream_rate_limited", retry=True)
                else:
                    code = inner.get("code")
                    error = answer.error
                    self.assert_error(answer, rec.status, "invalid_request_error", error["code"], retry=False,
                                      more={"failed_generation", "metadata", "innererror"} & set(inner))
                    if re.search(r"maximum context|too long", str(inner.get("message"))):
                        self.assertEqual(error["code"], "context_length_exceeded")
                    elif isinstance(code, str):
                        self.assertEqual(error["code"], code)
                    else:
                        self.assertTrue(error["code"] is None or isinstance(error["code"], str))
                    self.assertIn(inner["message"][:60], error["message"])
                    if inner.get("param"):
                        self.assertEqual(error["param"], inner["param"])
                line = self.gw.log_for(answer.id)
                self.assertEqual(
                    (line["status"], line["error"]["code"]), (answer.status, answer.error["code"]), line
                )
                self.assertEqual(line["attempts"][-1]["status"], rec.status, line)


if __name__ == "__main__":
    unittest.main()
