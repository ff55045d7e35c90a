"""upstream.py - a fake upstream: a threaded server on a raw socket that does what a test tells it, right or wrong.

    up = Upstream(lambda request, out: out.send(reply_json({...})))
    up.handler = [b"HTTP/1.1 200 OK\\r\\n", 0.5, "rst"]          # bytes to send, seconds to wait, "close", "rst"

Every request is recorded in `up.requests` before its handler runs, and judged: what a real service would refuse fails
the test that sent it (rules.py).
"""

import json
import select
import socket
import threading
import time

import rules

TIMEOUT = 30.0


class Request:
    """One request as it came: raw head, method, path, headers (lower case), body."""

    def __init__(self, raw_head, body, connection):
        lines = raw_head.decode("latin-1").split("\r\n")
        self.raw_head, self.body, self.connection = raw_head, body, connection
        self.method, self.path = (lines[0].split(" ") + ["", ""])[:2]
        self.header_list = []
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.header_list.append((name.lower(), value.strip()))
        self.headers = dict(self.header_list)
        self.time = time.monotonic()

    def json(self):
        return json.loads(self.body)


class Gone(Exception):
    """The gateway closed the connection."""


class Out:
    """What a handler answers through."""

    def __init__(self, sock):
        self.sock = sock
        self.open = True
        self.gone_at = None
        self.sent = 0

    def send(self, data):
        try:
            self.sock.sendall(data)
            self.sent += len(data)
        except OSError:
            self.note_gone()
            raise Gone()

    def note_gone(self):
        self.open = False
        if self.gone_at is None:
            self.gone_at = time.monotonic()

    def chunk(self, data):
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def end(self):
        self.send(b"0\r\n\r\n")

    def close(self):
        if self.open:
            self.open = False
            try:
                self.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def rst(self):
        """Ends the connection with RST."""
        self.open = False
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.sock.close()

    def wait_gone(self, timeout=TIMEOUT):
        """Waits until the gateway closes; the time of it, or None."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            ready, _, _ = select.select([self.sock], [], [], 0.05)
            if ready:
                try:
                    if self.sock.recv(65536, socket.MSG_PEEK) == b"":
                        break
                    return None  # bytes, not an end
                except OSError:
                    break
        else:
            return None
        self.note_gone()
        return self.gone_at


class Upstream:
    """`service`: what it stands for, where its address and the model do not show that (rules.py)."""

    def __init__(self, handler=None, tls=None, service=None):
        self.handler = handler
        self.service = service
        self.requests = []
        self.lock = threading.Lock()
        self.connections = 0
        self.tls = tls
        self.stopping = False
        self.socks = set()
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(1024)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def url(self):
        return "http://127.0.0.1:%d/v1" % self.port

    def stop(self):
        self.stopping = True
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        with self.lock:
            socks = list(self.socks)
        for sock in socks:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close_idle(self):
        """Closes every open connection (a server that restarts)."""
        with self.lock:
            socks = list(self.socks)
        for sock in socks:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def take(self):
        """The requests recorded so far; forgets them."""
        with self.lock:
            out, self.requests = self.requests, []
        return out

    def _accept(self):
        while not self.stopping:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
                number = self.connections
                self.socks.add(sock)
            threading.Thread(target=self._serve, args=(sock, number), daemon=True).start()

    def _serve(self, sock, number):
        raw = sock
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls is not None:
                sock = self.tls.wrap_socket(sock, server_side=True)
            sock.settimeout(120.0)
            self._loop(sock, number)
        except (OSError, Gone, ValueError):
            pass
        finally:
            with self.lock:
                self.socks.discard(raw)
            sock.close()

    def _loop(self, sock, number):
        buf = b""

        def fill():
            nonlocal buf
            data = sock.recv(262144)
            if not data:
                raise Gone()
            buf += data

        while not self.stopping:
            while b"\r\n\r\n" not in buf:
                fill()
            head, _, buf = buf.partition(b"\r\n\r\n")
            request = Request(head, b"", number)
            body = b""
            if request.headers.get("transfer-encoding", "").lower() == "chunked":
                while True:
                    while b"\r\n" not in buf:
                        fill()
                    size, _, buf = buf.partition(b"\r\n")
                    size = int(size, 16)
                    while len(buf) < size + 2:
                        fill()
                    body, buf = body + buf[:size], buf[size + 2 :]
                    if size == 0:
                        break
            else:
                length = int(request.headers.get("content-length", 0))
                while len(buf) < length:
                    fill()
                body, buf = buf[:length], buf[length:]
            request.body = body
            rules.note(request.path, body, request.headers, self.service)
            with self.lock:
                self.requests.append(request)
            out = Out(sock)
            self._answer(request, out)
            if not out.open:
                return

    def _answer(self, request, out):
        handler = self.handler
        if handler is None:
            out.send(reply(500, b"no handler"))
        elif callable(handler):
            handler(request, out)
        else:
            play(out, handler)


def play(out, steps):
    """Runs scripted steps: bytes are sent, numbers waited, "close" and "rst" end the connection."""
    for step in steps:
        if isinstance(step, (bytes, bytearray)):
            out.send(step)
        elif isinstance(step, (int, float)):
            time.sleep(step)
        elif step == "close":
            out.close()
        elif step == "rst":
            out.rst()
        else:
            raise ValueError("unknown step %r" % (step,))


def reply(status, body=b"", headers=(), reason="Whatever"):
    """A whole answer with a Content-Length."""
    lines = ["HTTP/1.1 %d %s" % (status, reason)] + ["%s: %s" % h for h in headers]
    lines.append("Content-Length: %d" % len(body))
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def reply_json(value, status=200, headers=()):
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return reply(status, body, [("Content-Type", "application/json")] + list(headers))


def stream_head(headers=(), status=200, content_type="text/event-stream"):
    """The head of a chunked stream."""
    lines = ["HTTP/1.1 %d OK" % status, "Content-Type: %s" % content_type, "Transfer-Encoding: chunked"]
    lines += ["%s: %s" % h for h in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def event(value):
    """One SSE event of a JSON value (or of text as it is)."""
    return b"data: %s\n\n" % (value.encode() if isinstance(value, str) else json.dumps(value).encode())


def stream(*events, headers=()):
    """A whole streamed answer, one chunk an event."""
    return stream_head(headers) + b"".join(chunk(e) for e in events) + b"0\r\n\r\n"


DONE = b"data: [DONE]\n\n"


def completion(text="hello", prompt=5, output=2, model="real", **more):
    """A chat completion."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": model,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output},
        **more,
    }


def delta(text=None, finish=None, model="real", **more):
    """One chunk of a streamed completion, as an SSE event."""
    choice = {"index": 0, "delta": {} if text is None else {"content": text}, "finish_reason": finish}
    return event(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1700000000,
            "model": model,
            "choices": [choice],
            **more,
        }
    )


def usage_event(prompt=5, output=2, model="real"):
    """The extra chunk that carries usage and nothing else."""
    return event(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1700000000,
            "model": model,
            "choices": [],
            "usage": {"prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output},
        }
    )


def good(request, out):
    """A handler: a right answer, whole or streamed as asked."""
    if request.json().get("stream"):
        out.send(stream(delta("hel"), delta("lo"), delta(finish="stop"), usage_event(), DONE))
    else:
        out.send(reply_json(completion()))
