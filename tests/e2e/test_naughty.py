"""test_naughty.py - strings that break things, in every place a client can put text: nothing breaks."""

import json
import unittest

import client
import upstream
from harness import Case, Gateway, provider, shared


def echo(request, out):
    """Says the user's text back, whole or streamed."""
    body = request.json()
    text = body["messages"][0]["content"]
    if body.get("stream"):
        out.send(upstream.stream(upstream.delta(text), upstream.delta(finish="stop"), upstream.DONE))
    else:
        out.send(upstream.reply_json(upstream.completion(text, model=body["model"])))


class Naughty(Case):
    @classmethod
    def make(cls):
        with open(shared("vectors", "naughty-strings", "blns.json"), encoding="utf-8") as f:
            cls.strings = json.load(f)
        cls.up = upstream.Upstream(echo)
        return Gateway(provider("up", cls.up) + 'model "m" { { "up/real" } }\nmodel "x-*" { { "up/*" } }')

    def setUp(self):
        self.up.take()
        self.conn = client.Conn(self.gw.port)

    def tearDown(self):
        self.conn.close()

    def post(self, body, headers=()):
        if not isinstance(body, bytes):
            body = json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
        self.conn.send(client.build("POST", "/v1/chat/completions", headers, body))
        answer = self.conn.response()
        if (answer.header("connection") or "").lower() == "close":
            self.conn.close()
            self.conn = client.Conn(self.gw.port)
        return answer, body

    def test_as_what_the_user_says(self):
        for text in self.strings:
            for ascii_only in (True, False):
                with self.subTest(text, ascii=ascii_only):
                    body = json.dumps(
                        {"model": "m", "messages": [{"role": "user", "content": text}]}, ensure_ascii=ascii_only
                    ).encode()
                    answer, _ = self.post(body)
                    self.assertEqual(answer.status, 200, answer)
                    self.assertEqual(self.up.take()[0].body, body.replace(b'"m"', b'"real"', 1))
                    self.assertEqual(answer.json()["choices"][0]["message"]["content"], text)

    def test_as_what_the_model_streams(self):
        for text in self.strings:
            with self.subTest(text):
                answer, _ = self.post(
                    {"model": "m", "messages": [{"role": "user", "content": text}], "stream": True}
                )
                self.assertEqual(answer.status, 200, answer)
                self.assertEqual(answer.body, upstream.delta(text) + upstream.delta(finish="stop") + upstream.DONE)

    def test_as_the_name_of_a_model(self):
        answers = []
        for text in self.strings:
            with self.subTest(text):
                answer, _ = self.post({"model": text, "messages": [{"role": "user", "content": "x"}]})
                self.assertIn(answer.status, (400, 404), answer)
                self.assert_any_error(answer)
                answers.append(answer)
        for answer in answers:
            self.assertEqual(self.gw.log_for(answer.id)["status"], answer.status)
        self.assertEqual(self.up.take(), [])

    def test_as_the_name_of_a_model_that_is_passed_on(self):
        asked = []
        for text in self.strings:
            with self.subTest(text):
                answer, _ = self.post({"model": "x-" + text, "messages": [{"role": "user", "content": "x"}]})
                if answer.status != 200:
                    self.assert_any_error(answer)
                    continue
                self.assertEqual(self.up.take()[0].json()["model"], "x-" + text)
                asked.append(("x-" + text, answer.id))
        for name, id_ in asked:
            logged = self.gw.log_for(id_)["model"]
            if logged != name:  # a long one may be cut
                self.assertGreater(len(name.encode()), 255)
                self.assertTrue(name.startswith(logged.rstrip("\ufffd")) and len(logged.encode()) > 250, logged)

    def test_as_the_clients_own_request_id(self):
        body, asked = {"model": "m", "messages": [{"role": "user", "content": "x"}]}, []
        for text in self.strings:
            raw = text.encode("utf-8", "surrogatepass")
            if not raw.strip() or any(b < 32 and b != 9 for b in raw):
                continue  # cannot stand in a header
            with self.subTest(text):
                self.conn.send(
                    b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nX-Request-Id: "
                    + raw
                    + b"\r\nContent-Length: %d\r\n\r\n%s" % (len(json.dumps(body)), json.dumps(body).encode())
                )
                answer = self.conn.response()
                if answer.status == 400:
                    self.conn.close()
                    self.conn = client.Conn(self.gw.port)
                    continue
                self.assertEqual(answer.status, 200, answer)
                self.assert_ids(answer)
                asked.append((text.strip(" \t"), answer.id))
        for text, id_ in asked:
            logged = self.gw.log_for(id_).get("client_id", "")
            self.assertTrue(text.startswith(logged.rstrip("\ufffd")), (text, logged))

    def test_a_plain_request_id_is_kept(self):
        body = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
        answer, _ = self.post(body, [("X-Request-Id", "my-own-id.42")])
        self.assertNotEqual(answer.id, "my-own-id.42")
        self.assertEqual(self.gw.log_for(answer.id)["client_id"], "my-own-id.42")

    def test_in_the_path_and_other_headers(self):
        for text in self.strings:
            raw = text.encode("utf-8", "surrogatepass")
            if any(b < 33 for b in raw):
                continue
            with self.subTest(text), client.Conn(self.gw.port) as conn:
                conn.send(
                    b"GET /v1/models/"
                    + raw
                    + b" HTTP/1.1\r\nHost: localhost\r\nUser-Agent: "
                    + raw
                    + b"\r\nAuthorization: Bearer "
                    + raw
                    + b"\r\n\r\n"
                )
                answer = conn.response()
                self.assertIn(answer.status, (200, 400, 404), answer)


if __name__ == "__main__":
    unittest.main()
