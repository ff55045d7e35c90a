"""test_framing.py - requests that are not good HTTP, or come too slowly: 400, 408, 431 and the connection ends."""

import signal
import socket
import time
import unittest

UPSTREAM_RULES = "its clients send bytes of their own, and what they mean is relayed"

import client
import upstream
from harness import Case, Gateway, provider, tsan

BODY = b'{"model":"m","messages":[]}'
POST = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
INVALID = "invalid_request_error"
DEADLINE = 1.0


class Framing(Case):
    @classmethod
    def make(cls):
        cls.up = upstream.Upstream(upstream.good)
        return Gateway(
            provider("up", cls.up) + 'model "m" { { "up/real" } }\n'
            'listen { workers = 1 }\nlimits { header_s = %g, body_s = %g, body_mb = 1 }' % (DEADLINE, DEADLINE)
        )

    def fine(self):
        self.assertEqual(self.gw.chat().status, 200)

    def test_bad_framing_is_400_and_the_end(self):
        good = b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
        cases = {
            "two lengths": POST + b"Content-Length: 5\r\n" + good,
            "length and chunked": POST + b"Transfer-Encoding: chunked\r\n" + good,
            "length is no number": POST + b"Content-Length: five\r\n\r\nhello",
            "length with a sign": POST + b"Content-Length: +5\r\n\r\nhello",
            "negative length": POST + b"Content-Length: -5\r\n\r\nhello",
            "a list of lengths": POST + b"Content-Length: 5, 6\r\n\r\nhello",
            "huge length": POST + b"Content-Length: 99999999999999999999999\r\n\r\nhello",
            "chunk size is no number": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
            "huge chunk": POST + b"Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n",
            "chunk longer than said": POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n",
            "blank before the colon": POST + b"X-A : b\r\n" + good,
            "folded header": POST + b"X-A: b\r\n c\r\n" + good,
            "header without a colon": POST + b"X-A\r\n" + good,
            "header without a name": POST + b": b\r\n" + good,
            "NUL in a header": POST + b"X-A: b\0c\r\n" + good,
            "bare CR in a header": POST + b"X-A: b\rc\r\n" + good,
            "no host": POST.replace(b"Host: localhost\r\n", b"") + good,
            "two hosts": POST + b"Host: y\r\n" + good,
            "blank in the target": POST.replace(b"/completions ", b"/completions x ") + good,
            "no version": b"POST /v1/chat/completions\r\nHost: localhost\r\n" + good,
        }
        for name, raw in cases.items():
            with self.subTest(name), client.Conn(self.gw.port) as conn:
                self.up.take()
                conn.send(raw)
                answer = conn.head()
                self.assertEqual(answer.status, 413 if "huge" in name and answer.status == 413 else 400, answer)
                self.assertTrue(conn.closed_by_peer(), "the connection is still open")
                self.assertEqual(self.up.take(), [], "it reached the upstream")
                self.fine()

    def test_other_codings_and_versions(self):
        for name, raw, statuses in (
            ("unknown coding", POST + b"Transfer-Encoding: gzip\r\n\r\n", (400, 501)),
            ("coding after chunked", POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n", (400, 501)),
            ("chunked twice", POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n", (400, 501)),
            ("a later version", POST.replace(b"1.1", b"2.0") + b"\r\n", (400, 505)),
            ("binary", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", (400,)),
            ("only blanks", b"    \r\n\r\n", (400,)),
        ):
            with self.subTest(name), client.Conn(self.gw.port) as conn:
                conn.send(raw)
                self.assertIn(conn.head().status, statuses)
                self.assertTrue(conn.closed_by_peer(), "the connection is still open")
                self.fine()

    def test_what_a_bad_body_was_is_logged(self):
        for name, raw, status, code in (
            ("chunk size is no number", b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n", 400, "bad_request"),
            ("chunk longer than said", b"Transfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n", 400, "bad_request"),
            ("huge chunk", b"Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello", 413, "bad_request"),
            ("it leaves", b"Content-Length: 9\r\n\r\n{", 499, "client_gone"),
        ):
            with self.subTest(name), client.Conn(self.gw.port) as conn:
                before = len(self.gw.lines)
                conn.send(POST + raw)
                if status != 499:
                    self.assertEqual(conn.head().status, status)
                conn.close()
                self.gw.log_when(lambda line: len(self.gw.lines) > before)
                line = self.gw.lines[-1]
                self.assertEqual((line["status"], line["error"]["code"]), (status, code), line)

    def test_empty_lines_and_names_without_case(self):
        """RFC 9112, 2.2 and 7: an empty line before a request is skipped, a coding's name has no case."""
        whole = POST + b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
        for name, raw, count in (
            ("before the first", b"\r\n" + whole, 1),
            ("between two", whole + b"\r\n" + whole, 2),
            ("behind a body", whole + b"\r\n", 1),
            ("behind each", b"\r\n".join([whole] * 5 + [b""]), 5),
            ("in capitals", POST + b"Transfer-Encoding: CHUNKED\r\n\r\n" + client.chunked(BODY, 7), 1),
        ):
            with self.subTest(name), client.Conn(self.gw.port) as conn:
                conn.send(raw)
                for _ in range(count):
                    self.assertEqual(conn.response().status, 200)
                if name != "in capitals":
                    self.assertFalse(conn.closed_by_peer(DEADLINE * 1.6), "closed as if a head had begun")
                    conn.send(whole)
                    self.assertEqual(conn.response().status, 200)
        with client.Conn(self.gw.port) as conn:  # more than that is the beginning of a head, and it is late
            conn.send(whole)
            self.assertEqual(conn.response().status, 200)
            conn.send(b"\r\nPOST /v1/ch")
            self.assertEqual(conn.response().status, 408)
            self.assertTrue(conn.closed_by_peer())

    def test_what_is_no_request_line_has_an_answer(self):
        """libmicrohttpd closes without a word: more empty lines than one, a line that is none. The client learns why."""
        whole = POST + b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
        for name, raw, before in (
            ("two empty lines", b"\r\n\r\n" + whole, 0),
            ("many empty lines", b"\r\n" * 50 + whole, 0),
            ("two between two", whole + b"\r\n\r\n" + whole, 1),
            ("bare line feeds", b"\n\n" + whole, 0),
            ("a blank first", b" " + whole, 0),
            ("only blanks", b"    \r\n\r\n", 0),
            ("a line without an end", b"A" * 100000, 0),
            ("an unknown method without a target", b"NONSENSE\r\n\r\n", 0),
            ("binary", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 0),
        ):
            for apart in (False, True):
                with self.subTest(name, apart=apart), client.Conn(self.gw.port) as conn:
                    if apart:
                        for i in range(0, len(raw), max(1, len(raw) // 7)):
                            conn.send(raw[i : i + max(1, len(raw) // 7)])
                            time.sleep(0.01)
                    else:
                        conn.send(raw)
                    for _ in range(before):
                        self.assertEqual(conn.response().status, 200)
                    answer = conn.response()
                    self.assert_error(answer, 400, INVALID, "bad_request", retry=False)
                    self.assertTrue(conn.closed_by_peer(), "the connection is still open")
                self.fine()
        with client.Conn(self.gw.port) as conn:  # one that leaves gets nothing, nor does one that has nothing sent
            conn.sock.shutdown(socket.SHUT_WR)
            self.assertEqual(conn.sock.recv(100), b"")

    def test_no_second_answer_to_bytes_of_a_body(self):
        inner = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for name, raw in (
            (
                "CL.TE",
                POST
                + b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" % (5 + len(inner))
                + inner,
            ),
            ("TE.TE", POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n" + inner),
            (
                "refused early",
                POST.replace(b"/v1/chat", b"/nope") + b"Content-Length: %d\r\n\r\n" % len(inner) + inner,
            ),
        ):
            with self.subTest(name), client.Conn(self.gw.port) as conn:
                conn.send(raw)
                conn.response()
                conn.sock.settimeout(2)
                try:
                    second = conn.response()
                    self.fail("a second answer: %r" % second)
                except (client.Cut, OSError):
                    pass
            self.fine()

    def test_a_head_that_is_too_large(self):
        heads = {
            "a little too much": [("X-Long", "a" * 9000)],
            "one header": [("X-Long", "a" * 20000)],
            "a few headers too many": [("X-%d" % i, "a") for i in range(110)],
            "many headers": [("X-%d" % i, "a") for i in range(300)],
            "authorization": [("Authorization", "Bearer " + "a" * 60000)],
        }
        # Heads that outgrow libmicrohttpd's own memory never reach the gateway: the status is right and the connection ends,
        # the text is the library's (README, limits).
        beyond = ("one header", "many headers", "authorization")
        for name, headers in heads.items():
            with self.subTest(name), client.Conn(self.gw.port) as conn:
                conn.send(client.build("POST", "/v1/chat/completions", headers, BODY))
                answer = conn.response()
                if name in beyond:
                    self.assertEqual(answer.status, 431)
                else:
                    self.assert_error(answer, 431, INVALID, "request_too_large", retry=False)
                self.assertTrue(conn.closed_by_peer())
                self.fine()
        with self.subTest("target"), client.Conn(self.gw.port) as conn:
            conn.send(client.build("POST", "/v1/chat/completions?" + "a" * 20000, (), BODY))
            self.assertIn(conn.head().status, (414, 431))
            self.assertTrue(conn.closed_by_peer())
        self.fine()

    def late(self, conn, before, body_too=True):
        """Reads the 408; it must come near the deadline, and the connection end."""
        conn.sock.settimeout(DEADLINE + 6)
        try:
            answer = conn.response()
        except client.Cut:
            self.fail("no answer after %.2f s" % (time.monotonic() - before))
        took = time.monotonic() - before
        self.assert_error(answer, 408, INVALID, "request_timeout", retry=False, retry_after=False)
        self.assertGreater(took, DEADLINE * 0.8)
        self.assertLess(took, DEADLINE + 4)
        self.assertTrue(conn.closed_by_peer())

    def sent_while_it_sleeps(self, neighbour=None):
        """A new connection with the beginning of a head, after a neighbour's request; all of it waits when the gateway
        wakes. And since when."""
        self.gw.signal(signal.SIGSTOP)
        try:
            if neighbour is not None:
                neighbour.send(client.build("GET", "/livez"))
            conn = client.Conn(self.gw.port)
            conn.send(POST)
        finally:
            before = time.monotonic()
            self.gw.signal(signal.SIGCONT)
        return conn, before

    @tsan
    def test_slow_heads(self):
        with self.subTest("stops"), client.Conn(self.gw.port) as conn:
            before = time.monotonic()
            conn.send(POST)
            self.late(conn, before)
        with self.subTest("stops, sent before the connection is accepted"):
            conn, before = self.sent_while_it_sleeps()
            with conn:
                self.late(conn, before)
        # A neighbour's request wakes the HTTP server in the very round that accepts: it reads before the gateway has looked.
        with self.subTest("stops, read in the round that accepts"), client.Conn(self.gw.port) as neighbour:
            self.assertEqual(neighbour.ask("GET", "/livez").status, 200)
            conn, before = self.sent_while_it_sleeps(neighbour)
            with conn:
                self.assertEqual(neighbour.response().status, 200)
                self.late(conn, before)
        with self.subTest("stops, after a whole request in the same segment"), client.Conn(self.gw.port) as conn:
            before = time.monotonic()
            conn.send(client.build("GET", "/livez") + POST)
            self.assertEqual(conn.response().status, 200)
            self.late(conn, before)
        with self.subTest("drips"), client.Conn(self.gw.port) as conn:
            before = time.monotonic()
            conn.sock.settimeout(0.1)
            answer = b""
            for byte in POST + b"X-Slow: " + b"a" * 200:
                try:
                    conn.send(bytes([byte]))
                    answer = conn.sock.recv(4096)
                    break
                except socket.timeout:
                    continue
                except OSError:
                    break
            took = time.monotonic() - before
            self.assertLess(took, DEADLINE + 4, "it was allowed to drip on")
            self.assertTrue(answer.startswith(b"HTTP/1.1 408"), answer)
        with self.subTest("says nothing"), client.Conn(self.gw.port) as conn:
            self.assertTrue(conn.closed_by_peer(DEADLINE + 4))
        self.fine()

    @tsan
    def test_slow_bodies(self):
        head = POST + b"Content-Length: %d\r\n\r\n" % len(BODY)
        with self.subTest("stops"), client.Conn(self.gw.port) as conn:
            before = time.monotonic()
            conn.send(head + BODY[:5])
            self.late(conn, before)
        with self.subTest("never starts"), client.Conn(self.gw.port) as conn:
            before = time.monotonic()
            conn.send(head)
            self.late(conn, before)
        with self.subTest("chunked, stops"), client.Conn(self.gw.port) as conn:
            before = time.monotonic()
            conn.send(POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{\"mod\r\n")
            self.late(conn, before)
        with self.subTest("drips"), client.Conn(self.gw.port) as conn:
            before = time.monotonic()
            conn.send(head)
            conn.sock.settimeout(0.1)
            for byte in BODY[:-1]:
                try:
                    conn.send(bytes([byte]))
                    conn.buf += conn.sock.recv(4096)
                    break
                except socket.timeout:
                    continue
                except OSError:
                    break
            self.assertLess(time.monotonic() - before, DEADLINE + 4, "it was allowed to drip on")
            self.assertTrue(conn.buf.startswith(b"HTTP/1.1 408"), conn.buf)
        self.fine()

    def test_a_client_that_leaves_while_it_sends(self):
        for raw in (
            b"PO",
            POST,
            POST + b"Content-Length: 500\r\n\r\n{",
            POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
        ):
            for ending in ("close", "reset"):
                with self.subTest(raw=raw[-10:], ending=ending):
                    conn = client.Conn(self.gw.port)
                    conn.send(raw)
                    time.sleep(0.02)
                    getattr(conn, ending)()
                    self.fine()


if __name__ == "__main__":
    unittest.main()
