"""test_loop.py - a provider that leads back to the gateway: refused at start where that is certain, else stopped at once."""

import hashlib
import json
import socket
import subprocess
import unittest

import upstream
from harness import BINARY, UP_KEY, Gateway, provider
from upstream import reply_json


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Loop(unittest.TestCase):
    def assert_loop(self, gw, path, body):
        answer = gw.request("POST", path, [("Content-Type", "application/json"), ("Authorization", "Bearer " + UP_KEY)], json.dumps(body))
        self.assertEqual((answer.status, answer.header("x-should-retry")), (508, "false"), answer)
        error = answer.json()["error"]
        self.assertIn("leads back to this gateway", error["message"])
        if path == "/v1/messages":
            self.assertEqual(error["details"]["error_code"], "loop_detected")
        else:
            self.assertEqual((error["type"], error["code"]), ("upstream_error", "loop_detected"))
        return answer

    def ask_all(self, gw):
        talk = [{"role": "user", "content": "hi"}]
        self.assert_loop(gw, "/v1/chat/completions", {"model": "m", "messages": talk})
        self.assert_loop(gw, "/v1/chat/completions", {"model": "m", "messages": talk, "stream": True})
        self.assert_loop(gw, "/v1/messages", {"model": "m", "messages": talk, "max_tokens": 9})
        self.assert_loop(gw, "/v1/embeddings", {"model": "m", "input": "hi"})

    def test_refused_at_start(self):
        port = free_port()
        for host in ("127.0.0.1", "localhost", "0.0.0.0"):
            lua = provider("self", "http://%s:%d/v1" % (host, port)) + 'model "m" { { "self/m" } }'
            gw = Gateway(lua, listen="127.0.0.1:%d" % port, wait=False)
            self.assertEqual(gw.wait(), 78)
            self.assertIn('gateway.lua:1: provider "self": base_url http://%s:%d/v1 is the gateway itself' % (host, port), gw.said())
        usual = subprocess.run([BINARY, "check", "--listen", "127.0.0.1:8080", "/dev/stdin"], text=True, capture_output=True,
                               input='provider "llamacpp" { base_url = "http://127.0.0.1:8080/v1" }\nmodel "m" { { "llamacpp/m" } }')
        self.assertEqual(usual.returncode, 78, usual.stderr)
        self.assertIn("is the gateway itself", usual.stderr)

    def test_one_that_is_not_known_at_start(self):
        port = free_port()
        # The same address, in an old spelling; with a key, for without one a foreign Host is refused before all else.
        lua = provider("self", "http://127.1:%d/v1" % port) + 'model "m" { { "self/m" } }\nteam "t" { }\n'
        lua += 'key { sha256 = "%s", team = "t", name = "self" }\n' % hashlib.sha256(UP_KEY.encode()).hexdigest()
        with Gateway(lua, listen="127.0.0.1:%d" % port) as gw:
            self.ask_all(gw)
            lines = gw.stop()
            self.assertEqual(len(lines), 8)  # each request and its one return
            self.assertEqual({line["error"]["code"] for line in lines}, {"loop_detected"})

    def test_through_another_gateway(self):
        port = free_port()
        with Gateway(provider("a", "http://127.0.0.1:%d/v1" % port) + 'model "m" { { "a/m" } }') as b:
            lua = provider("b", b.base + "/v1") + 'model "m" { { "b/m" } }'
            with Gateway(lua, listen="127.0.0.1:%d" % port) as a:
                self.ask_all(a)
                self.ask_all(b)

    def test_gateways_in_a_row_are_no_loop(self):
        up = upstream.Upstream(upstream.good)
        with Gateway(provider("up", up) + 'model "m" { { "up/m" } }') as last:
            with Gateway(provider("next", last.base + "/v1") + 'model "m" { { "next/m" } }') as first:
                self.assertEqual(first.chat().status, 200)
                self.assertEqual(first.chat(headers=[("x-gw-hop", "0123456789abcdef")]).status, 200)
                one, two = (r.headers["x-gw-hop"].split(", ") for r in up.take())
                self.assertEqual((len(one), len(two)), (2, 3))
                self.assertEqual(two, ["0123456789abcdef"] + one)
                self.assertEqual(first.chat(headers=[("x-gw-hop", ", ".join(["0123456789abcdef"] * 30))]).status, 508)
                lines = [("x-gw-hop", "%016x" % i) for i in range(3)]  # in several lines it is one list
                self.assertEqual(first.chat(headers=lines).status, 200)
                self.assertEqual(up.take()[0].headers["x-gw-hop"].split(", "), [value for _, value in lines] + one)
                self.assertEqual(first.chat(headers=[("x-gw-hop", "0123456789abcdef")] * 30).status, 508)
                self.assertEqual(first.chat(headers=[("x-gw-hop", one[0]), ("x-gw-hop", "0123456789abcdef")]).status, 508)
        up.stop()

    def test_another_target_answers(self):
        bad, good = upstream.Upstream([reply_json({"error": {"message": "loop", "code": "loop_detected"}}, 508)]), upstream.Upstream(upstream.good)
        with Gateway(provider("bad", bad) + provider("good", good) + 'model "m" { { "bad/m" }, { "good/m" } }') as gw:
            self.assertEqual(gw.chat().status, 200)
        bad.stop()
        good.stop()


if __name__ == "__main__":
    unittest.main()
