"""test_flight.py - equal requests in flight share one call of their upstream: who gets what when one of them leaves, fails or is slow."""

import itertools
import json
import os
import random
import tempfile
import threading
import time
import unittest

import upstream
from command import run
from harness import FULL, Conn, Cut, Gateway, auth, build, key_line, provider, sse, wait_for
from test_cache import TOOL, Cached
from upstream import DONE, chunk, completion, delta, reply_json, stream_head, usage_event

ERROR = reply_json({"error": {"message": "no", "type": "server_error", "code": "x"}}, 500)


class Gate:
    """An upstream whose answer goes on when the test lets it."""

    def __init__(self, whole=None, pieces=("hel", "lo"), end=True, status=None, first=b"", open_s=0):
        self.first, self.open_s = first, open_s  # before the first event; how long the body stays open behind its end mark
        self.whole, self.pieces, self.ends, self.status = whole, pieces, end, status
        self.steps = threading.Semaphore(0)
        self.asked = threading.Event()
        self.gone = threading.Event()

    def let(self, count=1):
        for _ in range(count):
            self.steps.release()

    def __call__(self, request, out):
        self.asked.set()
        self.steps.acquire(timeout=60)
        if self.status is not None:
            out.send(self.status)
            return
        if not request.json().get("stream"):
            out.send(reply_json(self.whole or completion("".join(self.pieces))))
            return
        try:
            out.send(stream_head())
            if self.first:
                out.chunk(self.first)
            for i, piece in enumerate(self.pieces):
                if i > 0:
                    self.steps.acquire(timeout=60)
                out.chunk(delta(piece))
            self.steps.acquire(timeout=60)
            if not self.ends:
                out.rst()
                return
            out.chunk(delta(finish="stop") + usage_event() + DONE)
            time.sleep(self.open_s)
            out.end()
        except upstream.Gone:
            self.gone.set()
            raise


class Flight(Cached):
    def ask(self, text, stream=False, team="red", headers=(), **more):
        """A request on a connection of its own, not answered yet."""
        conn = Conn(self.gw.port, timeout=60)
        body = {"model": "m", "messages": [{"role": "user", "content": text}], **more}
        if stream:
            body["stream"] = True
        conn.send(build("POST", "/v1/chat/completions", list(headers) + auth(team), body))
        return conn

    def metric(self, name):
        for line in self.gw.request("GET", "/metrics").body.decode().splitlines():
            if line.startswith(name + " "):
                return float(line.rsplit(" ", 1)[1])
        return None

    def listening(self, count):
        self.assertTrue(wait_for(lambda: self.metric("gw_cache_listeners") == count, 30.0), self.metric("gw_cache_listeners"))

    def lead(self, text, stream=False, gate=None, **more):
        """The leader of a flight, when its upstream was asked."""
        self.gate = gate or Gate()
        self.up.handler = self.gate
        self.up.take()
        leader = self.ask(text, stream, **more)
        self.assertTrue(self.gate.asked.wait(30.0))
        return leader

    def text_of(self, answer, stream):
        self.assertEqual(answer.status, 200, answer)
        if not stream:
            self.assertEqual(answer.json()["usage"]["total_tokens"], 7)
            return answer.json()["choices"][0]["message"]["content"]
        events = [data for _, data in sse(answer.body)]
        self.assertEqual(events[-1], "[DONE]", answer.body)
        said = [json.loads(data) for data in events[:-1]]
        return "".join(e["choices"][0]["delta"].get("content") or "" for e in said if e.get("choices"))

    def close(self, *conns):
        for conn in conns:
            conn.close()


class Shared(Flight):
    @classmethod
    def make(cls):
        cls.up, cls.other = upstream.Upstream(upstream.good), upstream.Upstream(upstream.good)
        cls.folder = tempfile.TemporaryDirectory()
        cls.ledger = os.path.join(cls.folder.name, "ledger")
        return Gateway(
            'listen { workers = 3 }\n' + provider("up", cls.up, 'price = { input_usd_per_mtok = 1, output_usd_per_mtok = 2 }')
            + provider("other", cls.other) + 'model "m" { { "up/real" } }\nmodel "fall" { { "up/real" }, fallback = { "other/real2" } }\n'
            'team "red" {}\nteam "blue" {}\n' + "".join(key_line(name, name) for name in ("red", "blue"))
            + key_line("spent", "red", ', budget = { usd = 0.000001, per = "total" }')
            + 'cache { mb = 16, ttl_s = 600 }\nledger { path = "%s", sync_ms = 0 }\n' % cls.ledger)

    @classmethod
    def tidy(cls):
        super().tidy()
        cls.other.stop()
        cls.folder.cleanup()

    def test_an_upstream_that_keeps_the_body_open_behind_its_end(self):
        text = self.once()
        leader = self.lead(text, True, Gate(open_s=1))
        followers = [self.ask(text, True) for _ in range(3)]
        self.listening(3)
        self.gate.let(3)
        for conn in [leader] + followers:
            self.assertEqual(self.text_of(conn.response(), True), "hello")
            conn.close()
        self.assertEqual(self.gw.request("GET", "/metrics").status, 200)

    def test_each_has_an_id_of_its_own_where_a_comment_comes_first(self):
        text = self.once()
        leader = self.lead(text, True, Gate(first=b": PROCESSING\n\n"))
        follower = self.ask(text, True)
        self.listening(1)
        self.gate.let(3)
        answers = [conn.response() for conn in (leader, follower)]
        ids = [{json.loads(data)["id"] for _, data in sse(a.body) if data != "[DONE]"} for a in answers]
        self.assertEqual([len(i) for i in ids], [1, 1])
        self.assertNotEqual(ids[0], ids[1])
        self.close(leader, follower)

    def all_equal(self, count, streams, leader_streams):
        text = self.once()
        leader = self.lead(text, leader_streams)
        conns = [(self.ask(text, streams(i)), streams(i)) for i in range(count - 1)]
        self.listening(count - 1)
        self.gate.let(3)
        ids = set()
        for conn, stream in [(leader, leader_streams)] + conns:
            answer = conn.response()
            conn.close()
            self.assertEqual(self.text_of(answer, stream), "hello")
            ids.add(answer.json()["id"] if not stream else json.loads(sse(answer.body)[0][1])["id"])
            log = self.gw.log_for(answer.id)
            self.assertEqual((log["cache"], answer.header("cache-status")),
                             ("stored", "llm-gateway; fwd=miss; stored" if not leader_streams else "llm-gateway; fwd=miss")
                             if conn is leader else ("collapsed", "llm-gateway; fwd=miss; collapsed"))
            self.assertEqual(log["usage"]["output"], 2)
        self.assertEqual(len(ids), count, "an answer's id is nobody else's")
        self.assertEqual(len(self.up.requests), 1)
        self.listening(0)
        self.assert_hit(self.gw.chat(text, headers=auth("red")))

    def test_500_equal_requests_are_one_call_streamed_and_whole_mixed(self):
        self.all_equal(500 if not FULL else 2000, lambda i: i % 2 == 0, True)

    def test_a_whole_call_answers_streams_too(self):
        self.all_equal(12, lambda i: i % 2 == 0, False)

    def test_a_stream_flows_to_those_who_come_later_from_its_beginning(self):
        text = self.once()
        leader = self.lead(text, True)
        self.gate.let()
        head = leader.head()
        events = leader.events(head)
        self.assertIn(b"hel", next(events)[1])
        follower = self.ask(text, True)
        late = follower.events(follower.head())
        self.assertIn(b"hel", next(late)[1], "before the upstream has sent the rest")
        self.gate.let(2)
        rest = b"".join(event for _, event in late)
        self.assertIn(b'"lo"', rest)
        self.assertIn(DONE, rest)
        self.assertIn(DONE, b"".join(event for _, event in events))
        self.assertEqual(len(self.up.requests), 1)
        self.close(leader, follower)

    def test_the_leader_leaves_and_the_call_goes_on(self):
        for stream in (False, True):
            for begun in (False, True) if stream else (False,):
                text = self.once()
                leader = self.lead(text, stream)
                if begun:
                    self.gate.let()
                    self.assertIn(b"200", leader.sock.recv(4096))
                followers = [self.ask(text, i == 1) for i in range(2)]
                self.listening(2)
                gone = self.metric('gw_events_total{event="client_gone"}') or 0
                leader.close()
                self.assertTrue(wait_for(lambda: (self.metric('gw_events_total{event="client_gone"}') or 0) > gone, 30.0))
                self.gate.let(3)
                for i, conn in enumerate(followers):
                    self.assertEqual(self.text_of(conn.response(), i == 1), "hello", (stream, begun))
                    conn.close()
                self.assertEqual(len(self.up.requests), 1, (stream, begun))
                self.assert_hit(self.gw.chat(text, headers=auth("red")))

    def test_nobody_listens_any_more_and_the_call_ends(self):
        text = self.once()
        leader = self.lead(text, True, Gate(pieces=["x"] * 3000))
        self.gate.let()
        leader.head()
        follower = self.ask(text, True)
        follower.head()
        self.listening(1)
        leader.close()
        follower.close()
        self.listening(0)

        def is_gone():
            self.gate.let()
            return self.gate.gone.is_set()

        self.assertTrue(wait_for(is_gone, 30.0))
        self.up.handler = upstream.good
        self.assertEqual(self.status_of(self.gw.chat(text, headers=auth("red"))), "llm-gateway; fwd=miss; stored")

    def test_a_follower_leaves_and_the_others_are_answered(self):
        text = self.once()
        leader = self.lead(text, True)
        first, second = self.ask(text, True), self.ask(text)
        self.listening(2)
        first.close()
        self.listening(1)
        self.gate.let(3)
        self.assertEqual(self.text_of(leader.response(), True), "hello")
        self.assertEqual(self.text_of(second.response(), False), "hello")
        self.assertEqual(len(self.up.requests), 1)
        self.close(leader, second)

    def test_a_slow_follower_and_a_slow_leader_hold_up_nobody(self):
        pieces = ["x" * 50000] * 40
        for slow_leads in (False, True):
            text = self.once()
            self.gate = Gate(pieces=pieces)
            self.up.handler = self.gate
            self.up.take()
            conns = []
            for i in range(3):
                slow = (i == 0) == slow_leads if i < 2 else False
                conn = Conn(self.gw.port, timeout=60, rcvbuf=4096 if slow else None)
                conn.send(build("POST", "/v1/chat/completions", auth("red"),
                                {"model": "m", "stream": True, "messages": [{"role": "user", "content": text}]}))
                conns.append((conn, slow))
                if i == 0:
                    self.assertTrue(self.gate.asked.wait(30.0))
            self.listening(2)
            self.gate.let(len(pieces) + 1)
            for slow_turn in (False, True):  # the slow one reads when the others have all of it
                for conn, slow in conns:
                    if slow == slow_turn:
                        self.assertEqual(len(self.text_of(conn.response(), True)), 50000 * 40)
                        conn.close()
            self.assertEqual(len(self.up.requests), 1)

    def test_a_failure_before_the_first_byte_is_everybody_s_once(self):
        for stream in (False, True):
            text = self.once()
            leader = self.lead(text, stream, Gate(status=ERROR))
            followers = [self.ask(text, i % 2 == 0) for i in range(20)]
            self.listening(20)
            self.gate.let(30)
            for conn in [leader] + followers:
                answer = conn.response()
                conn.close()
                self.assert_error(answer, 502, "upstream_error", "upstream_unavailable")
            asked = len(self.up.requests)
            self.assertEqual(asked, 1)
            late = self.gw.chat(text, headers=auth("red"))  # within the second
            self.assertEqual((late.status, len(self.up.requests)), (502, asked))
            self.up.handler = upstream.good
            self.assertTrue(wait_for(lambda: self.gw.chat(text, headers=auth("red")).status == 200, 30.0))

    def test_the_caller_s_own_error_comes_with_the_upstream_s_words(self):
        text = self.once()
        words = "the member is wrong: " + "x" * 600
        bad = reply_json({"error": {"message": words, "type": "invalid_request_error", "code": "odd", "param": "a", "metadata": {"b": 1}}}, 400)
        leader = self.lead(text, False, Gate(status=bad))
        followers = [self.ask(text, i == 0) for i in range(3)]
        self.listening(3)
        self.gate.let(4)
        errors = [conn.response().error for conn in [leader] + followers]
        self.assertEqual([e for e in errors if e != errors[0]], [])
        self.assertEqual((errors[0]["code"], errors[0]["message"].endswith(words), errors[0].get("metadata")), ("odd", True, {"b": 1}))
        self.assertEqual(len(self.up.requests), 1)
        self.close(leader, *followers)

    def test_a_failure_after_the_first_byte_ends_all_and_nothing_is_kept(self):
        text = self.once()
        leader = self.lead(text, True, Gate(end=False))
        followers = [self.ask(text, True), self.ask(text)]
        self.listening(2)
        self.gate.let()
        begun = [(conn, conn.head()) for conn in (leader, followers[0])]
        self.gate.let(2)
        for conn, answer in begun:
            try:
                answer.body = b"".join(conn.pieces(answer))
            except Cut:
                self.fail("a stream is ended in its own way")
            self.assertEqual(answer.status, 200)
            self.assertIn(b'"error"', answer.body)
            self.assertNotIn(b"[DONE]", answer.body)
        self.assertEqual(followers[1].response().status, 502)
        self.assertEqual(len(self.up.requests), 1)
        self.up.handler = upstream.good
        self.assertEqual(self.status_of(self.gw.chat(text, headers=auth("red"))), "llm-gateway; fwd=miss; stored")
        self.close(leader, *followers)

    def test_a_fallback_is_inside_the_flight(self):
        text = self.once()
        leader = self.lead(text, True, Gate(status=ERROR), model="fall")
        followers = [self.ask(text, i == 0, model="fall") for i in range(4)]
        self.listening(4)
        before = len(self.other.requests)
        self.gate.let(9)
        for i, conn in enumerate([leader] + followers):
            answer = conn.response()
            self.assertEqual((answer.status, answer.header("x-gw-provider")), (200, "other"), answer)
            conn.close()
        self.assertEqual((len(self.up.requests), len(self.other.requests) - before), (1, 1))

    def test_who_does_not_join(self):
        text = self.once()
        leader = self.lead(text, False)
        only = self.gw.chat(text, headers=auth("red") + [("Cache-Control", "only-if-cached")])
        self.assertEqual(only.status, 504)
        alone = [self.ask(text, headers=[("x-gw-cache", "refresh")]), self.ask(text, headers=[("Cache-Control", "no-store")]),
                 self.ask(text, team="blue"), self.ask(text, tools=TOOL), self.ask(text, temperature=0.5)]
        self.assertTrue(wait_for(lambda: len(self.up.requests) == 6, 30.0))
        self.assertEqual(self.metric("gw_cache_listeners"), 0)
        self.gate.let(9)
        for conn in [leader] + alone:
            self.assertEqual(conn.response().status, 200)
            conn.close()

    def test_each_follower_has_a_deadline_of_its_own(self):
        text = self.once()
        leader = self.lead(text, False)
        hurried, patient = self.ask(text, headers=[("x-gw-timeout", "0.3")]), self.ask(text)
        self.listening(2)
        late = hurried.response()
        self.assert_error(late, 504, "upstream_error", "upstream_timeout")
        self.listening(1)
        self.gate.let()
        self.assertEqual(self.text_of(leader.response(), False), "hello")
        self.assertEqual(self.text_of(patient.response(), False), "hello")
        self.assertEqual(len(self.up.requests), 1)
        self.close(leader, hurried, patient)

    def test_a_deadline_of_the_client_s_own_is_nobody_else_s(self):
        text = self.once()
        hurried = self.lead(text, False, headers=[("x-gw-timeout", "30")])
        second = self.ask(text)
        self.assertTrue(wait_for(lambda: len(self.up.requests) == 2, 30.0), "it does not lead")
        self.gate.let(2)
        self.assertEqual(hurried.response().status, 200)
        self.assertEqual(second.response().status, 200)
        self.close(hurried, second)

    def test_a_leader_that_its_budget_refuses_leaves_the_lead_to_another(self):
        """And followers cost nothing: a row each, with what they saved."""
        text = self.once()
        refused = self.gw.chat(text, headers=auth("spent"))
        self.assertEqual(refused.status, 429, refused)
        leader = self.lead(text, True)
        followers = [self.ask(text, i == 0) for i in range(3)]
        self.listening(3)
        self.gate.let(3)
        ids = []
        for conn in [leader] + followers:
            answer = conn.response()
            conn.close()
            self.assertEqual(answer.status, 200)
            ids.append(answer.id)
            self.gw.log_for(answer.id)
        rows = [json.loads(line) for line in run("ledger", "cat", "--path", self.ledger).out.splitlines()]
        mine = [row for row in rows if row.get("request") in ids[1:] and row.get("cached")]
        self.assertEqual([(row["type"], row["saved_usd"], row.get("cost_usd")) for row in mine], [("row", "0.000009", None)] * 3)
        verified = run("ledger", "verify", "--path", self.ledger)
        self.assertEqual(verified.code, 0, verified)


class Policies(Flight):
    @classmethod
    def make(cls):
        cls.up = upstream.Upstream(upstream.good)
        cls.folder = tempfile.TemporaryDirectory()
        policy = os.path.join(cls.folder.name, "p.lua")
        with open(policy, "w", encoding="utf-8") as f:
            f.write('local policy = {}\nfunction policy.on_response(req, resp)\n'
                    '    if req.headers["x-block"] then return gw.deny(403, "blocked", "no") end\nend\nreturn policy\n')
        return Gateway(provider("up", cls.up) + 'model "m" { { "up/real" } }\nteam "red" {}\n' + key_line("red", "red") + 'cache {}\npolicy "%s" {}\n' % policy)

    @classmethod
    def tidy(cls):
        super().tidy()
        cls.folder.cleanup()

    def test_on_response_runs_for_each_listener_and_blocks_that_one_alone(self):
        block = [("x-block", "1")]
        for stream in (False, True):
            for blocked in range(3):
                text = self.once()
                leader = self.lead(text, stream, headers=block if blocked == 0 else ())
                conns = [leader] + [self.ask(text, i == 1, headers=block if blocked == i else ()) for i in (1, 2)]
                self.listening(2)
                self.gate.let(3)
                for i, conn in enumerate(conns):
                    answer = conn.response()
                    conn.close()
                    if i == blocked:
                        self.assertEqual(answer.status, 403, answer)
                    else:
                        self.assertEqual(self.text_of(answer, stream if i == 0 else i == 1), "hello")
                self.assertEqual(len(self.up.requests), 1, (stream, blocked))


class Teams(Flight):
    """Two teams that ask the same: nothing of one reaches the other, by cache or by flight."""

    @classmethod
    def make(cls):
        cls.up = upstream.Upstream()
        cls.answers = itertools.count()
        cls.up.handler = lambda request, out: out.send(reply_json(completion("answer %d" % next(cls.answers))))
        return Gateway('listen { workers = 3 }\n' + provider("up", cls.up, 'price = "free"') + 'model "m" { { "up/real" } }\nteam "red" {}\nteam "blue" {}\n'
                       + key_line("red", "red") + key_line("blue", "blue") + "cache { mb = 64 }\n")

    def test_equal_prompts_of_two_teams_never_cross(self):
        total, prompts, per_team = (1000000, 50000, 8) if FULL else (5000, 600, 4)
        teams_of, heads = {}, {"red": {}, "blue": {}}
        lock = threading.Lock()

        def ask(team, seed):
            order = random.Random(seed)
            with Conn(self.gw.port, timeout=60) as conn:
                for _ in range(total // (2 * per_team)):
                    prompt = "prompt %d" % order.randrange(prompts)
                    answer = conn.ask("POST", "/v1/chat/completions", auth(team), {"model": "m", "messages": [{"role": "user", "content": prompt}]})
                    said = answer.json()["choices"][0]["message"]["content"]
                    with lock:
                        teams_of.setdefault(said, set()).add(team)
                        heads[team].setdefault(prompt, []).append((answer.header("cache-status"), {n.lower() for n, _ in answer.headers}))

        threads = [threading.Thread(target=ask, args=(team, seed * 2 + (team == "red"))) for team in heads for seed in range(per_team)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([said for said, teams in teams_of.items() if len(teams) > 1], [])
        both = set(heads["red"]) & set(heads["blue"])
        self.assertGreater(len(both), prompts // 2)
        shapes = set()
        for team, of_team in heads.items():
            for prompt, seen in of_team.items():
                stored = [names for status, names in seen if status == "llm-gateway; fwd=miss; stored"]
                self.assertEqual(len(stored), 1, (team, prompt, seen))  # each team pays for its own, once
                shapes.add(frozenset(stored[0]))
        self.assertEqual(len(shapes), 1, "the headers of a miss do not depend on what the other team asked")
        self.assertEqual(len(self.up.requests), sum(len(of_team) for of_team in heads.values()))


if __name__ == "__main__":
    unittest.main()
