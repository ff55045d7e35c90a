"""wire.py - raw HTTP/1.1 for the framing vectors: sends bytes as they are, counts the answers.

Shared by http11probe.py and te_mutations.py. Python 3 standard library only.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import socket
import struct
import sys
import threading
import time


def shared(*parts):
    """The path of vectors; ends the program with a loud skip (or failure) when they are not there."""
    root = os.environ.get("GW_SHARED")
    base = pathlib.Path(root) if root else pathlib.Path(__file__).resolve().parents[2].parent / "shared"
    path = base.joinpath(*parts)
    if not path.exists():
        print(f"SKIPPED: {path} is not there (set GW_SHARED)", file=sys.stderr)
        sys.exit(1 if os.environ.get("GW_REQUIRE_SHARED") == "1" else 0)
    return path


def load(*parts):
    with open(shared(*parts), encoding="utf-8") as file:
        return json.load(file)


class Answer:
    """One answer, parsed as strictly as a client would."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body


class Wire:
    """A connection. Everything it gets is parsed into answers; `closed` when the other side has ended it."""

    def __init__(self, port, host="127.0.0.1", timeout=5.0):
        self.sock = socket.create_connection((host, port), timeout=timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.data = b""
        self.closed = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # A reset instead of a last goodbye: a run makes thousands of connections.
        try:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
        self.sock.close()

    def send(self, data):
        """True when all of it could be sent."""
        try:
            self.sock.sendall(data)
            return True
        except OSError:
            return False

    def _more(self, deadline):
        """Reads once. False at the deadline or the end."""
        left = deadline - time.monotonic()
        if self.closed or left <= 0:
            return False
        self.sock.settimeout(left)
        try:
            data = self.sock.recv(65536)
        except socket.timeout:
            return False
        except OSError:
            data = b""
        if not data:
            self.closed = True
            return False
        self.data += data
        return True

    def _until(self, mark, deadline):
        while mark not in self.data:
            if not self._more(deadline):
                return None
        part, self.data = self.data.split(mark, 1)
        return part

    def _exactly(self, count, deadline):
        while len(self.data) < count:
            if not self._more(deadline):
                return None
        part, self.data = self.data[:count], self.data[count:]
        return part

    def _chunks(self, deadline):
        body = b""
        while True:
            line = self._until(b"\r\n", deadline)
            if line is None:
                return None
            size = int(line.split(b";")[0], 16)
            part = self._exactly(size + 2, deadline)
            if part is None:
                return None
            if size == 0:
                return body
            body += part[:-2]

    def answer(self, seconds, head=False):
        """The next answer, or None: nothing complete came in time, or the connection ended."""
        deadline = time.monotonic() + seconds
        text = self._until(b"\r\n\r\n", deadline)
        if text is None:
            return None
        lines = text.split(b"\r\n")
        try:
            status = int(lines[0].split(b" ")[1])
        except (IndexError, ValueError):
            return Answer(0, {}, text)
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(b":")
            headers[name.strip().lower()] = value.strip()
        body = b""
        if not head and status >= 200 and status not in (204, 304):
            if headers.get(b"transfer-encoding") == b"chunked":
                body = self._chunks(deadline)
            elif b"content-length" in headers:
                body = self._exactly(int(headers[b"content-length"]), deadline)
            else:
                while self._more(deadline):
                    pass
                body, self.data = self.data, b""
        return Answer(status, headers, body or b"")

    def is_closed(self, seconds):
        """Has the other side ended it? Waits that long for it; bytes that come are kept."""
        deadline = time.monotonic() + seconds
        while self._more(deadline):
            pass
        return self.closed


class TwoAnswers:
    """The control: a server that answers twice to whatever comes, as one does that was smuggled to."""

    ONE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._twice, args=(sock,), daemon=True).start()

    def _twice(self, sock):
        with sock:
            try:
                while sock.recv(65536):
                    sock.sendall(self.ONE * 2)
            except OSError:
                pass

    def close(self):
        self.listener.close()


def arguments(text):
    parser = argparse.ArgumentParser(description=text)
    parser.add_argument("--port", type=int, required=True, help="where a test build of the gateway listens")
    parser.add_argument("--jobs", type=int, default=48, help="connections at a time")
    parser.add_argument("--verbose", action="store_true", help="a line for every case")
    return parser.parse_args()


def every(function, cases, jobs):
    """function(case) for all cases, several at a time, in their order."""
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(function, cases))
