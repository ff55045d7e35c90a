"""client.py - a raw HTTP/1.1 client for the tests: it sends the bytes it is told and reports what came back.

Nothing is hidden: chunk boundaries, times of arrival, a body that was cut. Every wait has an end.
"""

import json
import socket
import ssl
import time

import rules

TIMEOUT = 30.0


class Cut(Exception):
    """The connection ended, or nothing came for TIMEOUT, before the message was complete."""


class Response:
    """One answer. `headers` keeps order and case; `chunks` are the pieces of a chunked body."""

    def __init__(self, version, status, reason, headers):
        self.version, self.status, self.reason, self.headers = version, status, reason, headers
        self.body = b""
        self.chunks = []
        self.times = []
        self.complete = False

    def header(self, name, default=None):
        values = self.all(name)
        return values[0] if values else default

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def json(self):
        return json.loads(self.body)

    @property
    def id(self):
        return self.header("x-request-id")

    @property
    def error(self):
        """The `error` object of an OpenAI-shaped error body."""
        return self.json()["error"]

    def __repr__(self):
        return "<%s %r %r>" % (self.status, self.headers, self.body[:300])


class Conn:
    """One connection to the gateway. Usable as a context manager."""

    def __init__(self, port, host="127.0.0.1", tls=None, timeout=TIMEOUT, rcvbuf=None):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        if rcvbuf:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        sock.settimeout(timeout)
        sock.connect((host, port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            sock = tls.wrap_socket(sock, server_hostname="localhost")
        self.sock = sock
        self.buf = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def reset(self):
        """Closes with RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def more(self):
        """Reads some bytes into the buffer; False at the end of the connection."""
        try:
            data = self.sock.recv(65536)
        except (ConnectionResetError, BrokenPipeError, ssl.SSLError):
            data = b""
        except socket.timeout:
            raise Cut("nothing came for %s s, so far: %r" % (self.sock.gettimeout(), self.buf[-200:]))
        self.buf += data
        return bool(data)

    def until(self, mark):
        start = 0
        while True:
            at = self.buf.find(mark, start)
            if at >= 0:
                out, self.buf = self.buf[:at], self.buf[at + len(mark) :]
                return out
            start = max(0, len(self.buf) - len(mark))
            if not self.more():
                raise Cut("connection ended in %r" % self.buf[:200])

    def exactly(self, n):
        while len(self.buf) < n:
            if not self.more():
                raise Cut("connection ended %d bytes early" % (n - len(self.buf)))
        out, self.buf = self.buf[:n], self.buf[n:]
        return out

    def head(self, interim=False):
        """Reads a head. 1xx answers are skipped unless `interim`."""
        while True:
            lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
            version, status, reason = (lines[0].split(" ", 2) + ["", ""])[:3]
            headers = []
            for line in lines[1:]:
                name, _, value = line.partition(":")
                headers.append((name, value.strip()))
            response = Response(version, int(status), reason, headers)
            if response.status >= 200 or interim:
                return response

    def pieces(self, response, method="POST"):
        """Yields the pieces of the body as they arrive and fills `response`; raises Cut."""
        if method == "HEAD" or response.status in (204, 304) or response.status < 200:
            response.complete = True
            return
        coding = (response.header("transfer-encoding") or "").lower()
        if coding == "chunked":
            while True:
                size = int(self.until(b"\r\n").split(b";")[0], 16)
                data = self.exactly(size)
                if size == 0:
                    while self.until(b"\r\n"):
                        pass
                    break
                if self.exactly(2) != b"\r\n":
                    raise Cut("bad end of a chunk")
                self._piece(response, data)
                yield data
        elif response.header("content-length") is not None:
            left = int(response.header("content-length"))
            while left:
                if not self.buf and not self.more():
                    raise Cut("body ended %d bytes early" % left)
                data, self.buf = self.buf[:left], self.buf[left:]
                left -= len(data)
                self._piece(response, data)
                yield data
        else:
            while self.buf or self.more():
                data, self.buf = self.buf, b""
                self._piece(response, data)
                yield data
        response.complete = True

    @staticmethod
    def _piece(response, data):
        response.chunks.append(data)
        response.times.append(time.monotonic())

    def response(self, method="POST"):
        """One whole answer. A body that is cut is told by complete = False."""
        response = self.head()
        try:
            for _ in self.pieces(response, method):
                pass
        except Cut:
            pass
        response.body = b"".join(response.chunks)
        return response

    def events(self, response):
        """Yields (time, raw bytes of one SSE event, ended by its empty line) as they arrive."""
        rest = b""
        for data in self.pieces(response):
            rest += data
            while True:
                at = rest.find(b"\n\n")
                if at < 0:
                    break
                event, rest = rest[: at + 2], rest[at + 2 :]
                yield time.monotonic(), event
        if rest:
            yield time.monotonic(), rest

    def closed_by_peer(self, timeout=5.0):
        """True when the other side closes within `timeout`. What comes before is thrown away."""
        end = time.monotonic() + timeout
        self.buf = b""
        while time.monotonic() < end:
            self.sock.settimeout(max(0.01, end - time.monotonic()))
            try:
                if not self.sock.recv(65536):
                    return True
            except socket.timeout:
                return False
            except OSError:
                return True
        return False

    def ask(self, method, path, headers=(), body=None):
        self.send(build(method, path, headers, body))
        return self.response(method)


def build(method, path, headers=(), body=None, version="HTTP/1.1"):
    """The bytes of a request. `body`: bytes, text or something for JSON."""
    if body is not None and not isinstance(body, (bytes, bytearray)):
        body = (body if isinstance(body, str) else json.dumps(body)).encode()
    rules.sent(body)
    names = {n.lower() for n, _ in headers}
    lines = ["%s %s %s" % (method, path, version)]
    if "host" not in names:
        lines.append("Host: localhost")
    lines += ["%s: %s" % (n, v) for n, v in headers]
    if body is not None:
        if "content-type" not in names:
            lines.append("Content-Type: application/json")
        if "content-length" not in names and "transfer-encoding" not in names:
            lines.append("Content-Length: %d" % len(body))
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (body or b"")


def chunked(body, size):
    """`body` in chunks of `size`."""
    out = b"".join(
        b"%x\r\n%s\r\n" % (len(body[i : i + size]), body[i : i + size]) for i in range(0, len(body), size)
    )
    return out + b"0\r\n\r\n"


def request(port, method, path, headers=(), body=None, timeout=TIMEOUT, tls=None):
    """One request on a connection of its own."""
    with Conn(port, timeout=timeout, tls=tls) as conn:
        return conn.ask(method, path, headers, body)


def sse(body):
    """The events of a stream as (name, data) pairs, comments left out; LF, CRLF and CR end lines."""
    text = body.decode("utf-8", "surrogateescape").replace("\r\n", "\n").replace("\r", "\n")
    out, name, data = [], "", []
    for line in text.split("\n"):
        if line == "":
            if data:
                out.append((name, "\n".join(data)))
            name, data = "", []
        elif not line.startswith(":"):
            field, _, value = line.partition(":")
            value = value[1:] if value.startswith(" ") else value
            if field == "data":
                data.append(value)
            elif field == "event":
                name = value
    return out


def wait_for(question, timeout=10.0, step=0.01):
    """Asks until the answer is true; the last answer."""
    end = time.monotonic() + timeout
    while True:
        answer = question()
        if answer or time.monotonic() > end:
            return answer
        time.sleep(step)
