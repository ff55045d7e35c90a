"""test_bad_input.py - what clients get wrong, case by case: the exact status, type, code and headers.

Each case stands alone on its connection, and a good request on a fresh one must work after it.
"""

import glob
import gzip
import json
import os
import re
import threading
import time
import unittest

import client
import upstream
from harness import Case, Gateway, least, provider, shared
from test_anthropic import VERSION

INVALID = "invalid_request_error"
GOOD = '"messages":[{"role":"user","content":"canary-prompt"}]'
DEEP = 70


def nested(depth, opening="[", closing="]"):
    return opening * depth + closing * depth


class BadInput(Case):
    """An upstream that would answer anything with 200: whatever is refused here was refused by the gateway."""

    LUA = '%(up)s model "m" { { "up/real" } }\nlimits { body_mb = 0.25 }\n'

    def setUp(self):
        self.up.handler = upstream.good
        self.up.take()

    def post(self, body, headers=(), path="/v1/chat/completions"):
        return self.gw.request("POST", path, headers, body)

    def fine(self):
        answer = self.gw.chat()
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(len(self.up.take()), 1)

    def refused(self, answer, status, code, param=None, stands=True):
        self.assert_error(answer, status, INVALID, code, retry=False, retry_after=False, param=param)
        self.assertNotIn(b"canary-prompt", answer.body)
        if stands:
            self.assertEqual(self.up.take(), [], "it was sent to the upstream")
        line = self.gw.log_for(answer.id)
        self.assertEqual((line["status"], line["error"]["code"], line["attempts"]), (status, code, []), line)

    def test_json_that_is_wrong(self):
        cases = {
            "nothing": b"",
            "blank": b"  \n",
            "text": b"hello",
            "cut": b'{"model":"m",' + GOOD.encode()[:-3],
            "two values": b'{"model":"m",%s}{}' % GOOD.encode(),
            "text after it": b'{"model":"m",%s} x' % GOOD.encode(),
            "trailing comma": b'{"model":"m",%s,}' % GOOD.encode(),
            "single quotes": b"{'model':'m'}",
            "comment": b'{"model":"m",/* x */%s}' % GOOD.encode(),
            "NUL byte": b'{"model":"m\0",%s}' % GOOD.encode(),
            "NUL byte at the end": b'{"model":"m",%s}\0' % GOOD.encode(),
            "line feed in a string": b'{"model":"m\n",%s}' % GOOD.encode(),
            "not UTF-8": b'{"model":"m",%s,"user":"\xff\xfe"}' % GOOD.encode(),
            "cut UTF-8": b'{"model":"m",%s,"user":"\xe2\x82"}' % GOOD.encode(),
            "overlong UTF-8": b'{"model":"m",%s,"user":"\xc0\xaf"}' % GOOD.encode(),
            "UTF-16": ('{"model":"m",%s}' % GOOD).encode("utf-16"),
            "BOM": b'\xef\xbb\xbf{"model":"m",%s}' % GOOD.encode(),
            "bad number": b'{"model":"m",%s,"temperature":01}' % GOOD.encode(),
            "NaN": b'{"model":"m",%s,"temperature":NaN}' % GOOD.encode(),
            "two models": b'{"model":"m",%s,"model":"n"}' % GOOD.encode(),
            "two models, one escaped": b'{"model":"m",%s,"m\\u006fdel":"n"}' % GOOD.encode(),
            "two messages": b'{"model":"m",%s,%s}' % (GOOD.encode(), GOOD.encode()),
            "too deep": b'{"model":"m",%s,"x":%s}' % (GOOD.encode(), nested(DEEP).encode()),
            "too deep, objects": b'{"model":"m",%s,"x":%s}' % (GOOD.encode(), b'{"a":' * DEEP + b"1" + b"}" * DEEP),
            "100,000 deep": b'{"model":"m",%s,"x":%s' % (GOOD.encode(), b"[" * 100000),
        }
        for name, body in cases.items():
            with self.subTest(name):
                self.refused(self.post(body), 400, "invalid_json")
                self.fine()

    def test_a_body_that_is_compressed(self):
        """Nobody inflates what a client sends: it is refused for what it is, in the words of each API, before it is read."""
        body = gzip.compress(b'{"model":"m","max_tokens":5,%s}' % GOOD.encode())
        for coding in ("gzip", "GZIP", "br", "zstd", "deflate, gzip", "identity, gzip"):
            for path in ("/v1/chat/completions", "/v1/responses", "/v1/embeddings", "/v1/completions"):
                with self.subTest(coding=coding, path=path):
                    answer = self.post(body, [("Content-Encoding", coding), ("Content-Type", "application/json")], path)
                    self.refused(answer, 415, "unsupported_media_type")
                    self.assertIn("Content-Encoding", answer.error["message"])
        answer = self.post(body, [VERSION, ("content-encoding", "gzip")], "/v1/messages")
        self.assertEqual((answer.status, answer.json()["type"], answer.json()["error"]["type"]), (415, "error", "invalid_request_error"), answer)
        self.assertIn("Content-Encoding", answer.json()["error"]["message"])
        self.fine()
        for coding in ("identity", "Identity", ""):
            self.assertEqual(self.post('{"model":"m",%s}' % GOOD, [("Content-Encoding", coding)]).status, 200, coding)
        self.assertEqual(self.gw.request("GET", "/v1/models", [("Content-Encoding", "gzip")]).status, 200)

    def test_values_of_the_wrong_type(self):
        cases = [
            ("model", '{%s}' % GOOD),
            ("model", '{"model":null,%s}' % GOOD),
            ("model", '{"model":7,%s}' % GOOD),
            ("model", '{"model":["m"],%s}' % GOOD),
            ("model", '{"model":{"name":"m"},%s}' % GOOD),
            ("model", '{"model":"",%s}' % GOOD),
            ("messages", '{"model":"m"}'),
            ("messages", '{"model":"m","messages":"hello"}'),
            ("messages", '{"model":"m","messages":{"role":"user"}}'),
            ("messages", '{"model":"m","messages":null}'),
            ("stream", '{"model":"m",%s,"stream":"yes"}' % GOOD),
            ("stream", '{"model":"m",%s,"stream":1}' % GOOD),
            ("stream", '{"model":"m",%s,"stream":{}}' % GOOD),
            ("stream_options", '{"model":"m",%s,"stream":true,"stream_options":"usage"}' % GOOD),
            ("stream_options", '{"model":"m",%s,"stream":true,"stream_options":{"include_usage":1}}' % GOOD),
            ("n", '{"model":"m",%s,"n":"two"}' % GOOD),
            ("n", '{"model":"m",%s,"n":0}' % GOOD),
        ]
        for param, body in cases:
            with self.subTest(body):
                self.refused(self.post(body), 400, "invalid_parameter", param)
                self.fine()
        for body in (b"[]", b'"m"', b"7", b"true", b"null"):
            with self.subTest(body):
                answer = self.post(body)
                self.assertEqual(answer.status, 400)
                self.assertIn(answer.error["code"], ("invalid_json", "invalid_parameter"))
                self.fine()

    def test_null_is_as_if_absent(self):
        for extra in ('"stream":null', '"stream":false', '"stream_options":null', '"n":null', '"user":null'):
            with self.subTest(extra):
                self.assertEqual(self.post('{"model":"m",%s,%s}' % (GOOD, extra)).status, 200)

    def test_addresses_and_credentials_come_from_the_configuration_only(self):
        for name in ("api_base", "base_url", "api_key", "organization", "extra_headers", "model_list", "Api_Base"):
            with self.subTest(name):
                self.refused(
                    self.post('{"model":"m",%s,"%s":"http://127.0.0.1:9/"}' % (GOOD, name)),
                    400,
                    "invalid_parameter",
                    name,
                )
                self.fine()

    def test_names_in_capitals_are_refused(self):
        """Go's servers ignore case: they would read another model than the one that was checked."""
        for member in ('"Model":"other"', '"STREAM":true', '"\u017ftream":true', '"Messages":[]', '"mod\\u0045l":"other"'):
            with self.subTest(member):
                name = json.loads("{%s}" % member).popitem()[0]
                answer = self.post('{"model":"m",%s,%s}' % (GOOD, member))
                self.refused(answer, 400, "invalid_parameter", name)
                self.assertIn("only by case", answer.error["message"])
        self.refused(self.post('{"model":"m","stream":true,"stream_options":{"Include_Usage":false},%s}' % GOOD),
                             400, "invalid_parameter", "stream_options")
        self.assertEqual(self.up.take(), [])

    def test_unknown_models(self):
        for name in (
            "nope",
            "M",
            "m ",
            "up",
            "up/",
            "/real",
            "nobody/real",
            "m\\u0000",
            "../m",
            "x" * 5000,
            "%s%n",
            "\\ud83d\\ude00",
        ):
            with self.subTest(name[:20]):
                answer = self.post('{"model":"%s",%s}' % (name, GOOD))
                if "u0000" in name:
                    self.assertIn(answer.status, (400, 404), answer)
                    self.up.take()
                else:
                    self.refused(answer, 404, "model_not_found")
                self.fine()

    def test_unknown_paths(self):
        for method, path in (
            ("GET", "/nope"),
            ("POST", "/nope"),
            ("POST", "/v1"),
            ("POST", "/v1/chat"),
            ("GET", "/v2/models"),
            ("POST", "/v1/chat/completionsx"),
            ("GET", "/v1/models//"),
            ("POST", "/V1/CHAT/COMPLETIONS"),
            ("GET", "/favicon.ico"),
            ("GET", "/admin/v1/keys"),
        ):
            with self.subTest(path):
                answer = self.gw.request(method, path, body=b"{}" if method == "POST" else None)
                self.refused(answer, 404, "not_found")
        self.fine()

    def test_paths_are_read_as_they_stand(self):
        for path in (
            "/v1/./chat/completions",
            "/v1/x/../chat/completions",
            "/v1%2Fchat%2Fcompletions",
            "/v1/chat/completions%00",
            "/%76%31/chat/completions",
            "/v1/chat/completions;x=1",
            "/v1\\chat\\completions",
        ):
            with self.subTest(path):
                answer = self.post('{"model":"m",%s}' % GOOD, path=path)
                self.assertIn(answer.status, (400, 404), answer)
                self.assertEqual(self.up.take(), [])
        self.assertEqual(
            self.post('{"model":"m",%s}' % GOOD, path="/v1/chat/completions?beta=true&x=%20").status, 200
        )

    def test_wrong_methods(self):
        for method, path, allowed in (
            ("GET", "/v1/chat/completions", "POST"),
            ("PUT", "/v1/chat/completions", "POST"),
            ("DELETE", "/v1/chat/completions", "POST"),
            ("POST", "/v1/models", "GET"),
            ("DELETE", "/v1/models/m", "GET"),
            ("POST", "/livez", "GET"),
            ("PATCH", "/metrics", "GET"),
        ):
            with self.subTest("%s %s" % (method, path)):
                answer = self.gw.request(method, path, body=b"{}" if method != "GET" else None)
                self.refused(answer, 405, "method_not_allowed")
                self.assertIn(allowed, re.split(r"\s*,\s*", answer.header("allow", "")), answer)
        self.fine()

    def test_a_body_that_is_too_large(self):
        big = ('{"model":"m","messages":[{"role":"user","content":"%s"}]}' % ("x" * 300000)).encode()
        with self.subTest("told beforehand"):
            self.refused(self.post(big), 413, "request_too_large")
        self.fine()
        with self.subTest("told beforehand, not sent"):
            with client.Conn(self.gw.port) as conn:
                conn.send(client.build("POST", "/v1/chat/completions", [("Content-Length", "300000000")], b""))
                self.refused(conn.response(), 413, "request_too_large")
                self.assertTrue(conn.closed_by_peer())
        self.fine()
        with self.subTest("asked first"):
            with client.Conn(self.gw.port) as conn:
                conn.send(
                    client.build(
                        "POST",
                        "/v1/chat/completions",
                        [("Content-Length", str(len(big))), ("Expect", "100-continue")],
                        b"",
                    )
                )
                answer = conn.head(interim=True)
                self.assertEqual(answer.status, 413, answer)
        self.fine()
        with self.subTest("in chunks"):
            with client.Conn(self.gw.port) as conn:
                conn.send(client.build("POST", "/v1/chat/completions", [("Transfer-Encoding", "chunked")], b""))
                try:
                    conn.send(client.chunked(big, 4096))
                except OSError:
                    pass  # it need not read on
                self.refused(conn.response(), 413, "request_too_large")
        self.fine()
        with self.subTest("just small enough"):
            body = ('{"model":"m","messages":[{"role":"user","content":"%s"}]}' % ("x" * 249000)).encode()
            self.assertEqual(self.post(body).status, 200)

    def test_what_it_says_about_itself(self):
        answer = self.post(b"{")
        self.assertIn("no-store", answer.header("cache-control", ""))
        self.assertNotIn("stack", answer.body.decode())
        for name in ("x-powered-by",):
            self.assertIsNone(answer.header(name))


class JsonTestSuite(Case):
    """JSONTestSuite as bodies: an upstream that refuses everything, so that 400 is right whoever says it."""

    @classmethod
    def make(cls):
        cls.files = sorted(glob.glob(shared("vectors", "jsontestsuite", "test_parsing") + "/*.json"))
        cls.up = upstream.Upstream(
            [upstream.reply_json({"error": {"message": "no", "type": INVALID, "code": "no", "param": None}}, 400)]
        )
        return Gateway(provider("up", cls.up) + 'model "m" { { "up/real" } }')

    def test_as_the_whole_body(self):
        self.assertGreaterEqual(len(self.files), least(301))
        with client.Conn(self.gw.port) as conn:
            for path in self.files:
                name = os.path.basename(path)
                with self.subTest(name), open(path, "rb") as f:
                    answer = conn.ask("POST", "/v1/chat/completions", (), f.read())
                    if name.startswith("n_"):
                        self.assert_error(answer, 400, INVALID, "invalid_json", retry=False)
                    else:
                        self.assertEqual(answer.status, 400, answer)
                        self.assertIn(answer.error["code"], ("invalid_json", "invalid_parameter"))
        self.assertEqual(self.up.take(), [])

    def test_inside_a_message(self):
        def refuse_constant(_):
            raise ValueError

        with client.Conn(self.gw.port) as conn:
            for path in self.files:
                name = os.path.basename(path)
                with self.subTest(name), open(path, "rb") as f:
                    body = b'{"model":"m","messages":[{"role":"user","content":%s}]}' % f.read()
                    answer = conn.ask("POST", "/v1/chat/completions", (), body)
                    self.assertEqual(answer.status, 400, answer)
                    sent = self.up.take()
                    if name.startswith("y_") and b"\\u0000" not in body:
                        self.assertEqual((answer.error["code"], len(sent)), ("no", 1), name)
                        self.assertEqual(sent[0].body, body.replace(b'"m"', b'"real"', 1))
                    elif name.startswith("n_") and b"\0" not in body:
                        with self.assertRaises((ValueError, RecursionError)):
                            json.loads(body, parse_constant=refuse_constant)
                        # Deep inside, a wrong literal is the upstream's to refuse; the structure is ours.
                        self.assertEqual(answer.error["code"], "no" if sent else "invalid_json", name)


class Memory(unittest.TestCase):
    def test_bodies_of_all_requests_have_a_bound(self):
        release, started = threading.Event(), threading.Semaphore(0)
        self.addCleanup(release.set)

        def handler(request, out):
            started.release()
            release.wait(20)
            out.send(upstream.reply_json(upstream.completion()))

        up = upstream.Upstream(handler)
        self.addCleanup(up.stop)
        large = client.build("POST", "/v1/chat/completions", (), {"model": "m", "messages": [{"content": "x" * (2 << 20)}]})
        head, body = large.split(b"\r\n\r\n", 1)
        chunked = re.sub(rb"Content-Length: \d+", b"Transfer-Encoding: chunked", head) + b"\r\n\r\n" + client.chunked(body, 9000)
        with Gateway(provider("up", up) + 'model "m" { { "up/real" } }\nlimits { bodies_mb = 5 }') as gw:
            conns = [client.Conn(gw.port) for _ in range(2)]
            for conn in conns:
                conn.send(large)
                self.assertTrue(started.acquire(timeout=15))
            for raw in (large, chunked):
                with client.Conn(gw.port) as conn:
                    conn.send(raw)
                    answer = conn.response()
                    self.assertEqual((answer.status, answer.error["code"]), (503, "server_is_overloaded"), answer)
                    self.assertIn("bodies_mb", answer.error["message"])
                    self.assertEqual(gw.log_for(answer.id)["status"], 503)
            for raw in (large, chunked):  # and one that pauses beyond the bound has its answer at once
                with client.Conn(gw.port) as conn:
                    conn.send(raw[: len(raw) * 2 // 3])
                    start = time.monotonic()
                    answer = conn.response()
                    self.assertEqual((answer.status, answer.error["code"]), (503, "server_is_overloaded"), answer)
                    self.assertLess(time.monotonic() - start, 5)
                    self.assertTrue(conn.closed_by_peer())
            conns.append(client.Conn(gw.port))
            conns[-1].send(client.build("POST", "/v1/chat/completions", (), {"model": "m", "messages": []}))
            self.assertTrue(started.acquire(timeout=15), "a small one has no room")
            release.set()
            for conn in conns:
                self.assertEqual(conn.response().status, 200)
            for raw in [large, chunked] * 4:  # what was held is given back
                conns[0].send(raw)
                self.assertEqual(conns[0].response().status, 200)
            for conn in conns:
                conn.close()


if __name__ == "__main__":
    unittest.main()
