"""memcached.py - memcached servers of the tests' own, on free loopback ports, started and stopped by process id."""

import os
import signal
import socket
import subprocess
import time
import urllib.parse

PROGRAM = "/usr/bin/memcached"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """`args`: more options of the program. It refuses root, so it runs as nobody then."""

    def __init__(self, *args, port=None):
        self.port = port or free_port()
        self.args = list(args)
        self.process = None
        self.start()

    @property
    def address(self):
        return "127.0.0.1:%d" % self.port

    def start(self):
        who = ["-u", "nobody"] if os.geteuid() == 0 else []
        self.process = subprocess.Popen([PROGRAM, "-l", "127.0.0.1", "-p", str(self.port), "-U", "0", *who, *self.args],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        limit = time.monotonic() + 10
        while True:
            try:
                self.ask("version")
                return
            except OSError:
                assert self.process.poll() is None and time.monotonic() < limit, "memcached does not start"
                time.sleep(0.02)

    def ask(self, line, end=(b"\r\n",)):
        """The answer to one line."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as s:
            s.sendall(line.encode() + b"\r\n")
            got = b""
            while not got.endswith(end):
                piece = s.recv(65536)
                if not piece:
                    raise OSError("memcached closes")
                got += piece
            return got.decode("latin-1")

    def stats(self):
        lines = self.ask("stats", end=(b"END\r\n",)).split("\r\n")
        return {word[1]: word[2] for word in (line.split(" ", 2) for line in lines) if len(word) == 3}

    def keys(self):
        lines = self.ask("lru_crawler metadump all", end=(b"END\r\n",)).split("\r\n")
        return [urllib.parse.unquote(line.split(" ")[0][4:]) for line in lines if line.startswith("key=")]

    def flush(self):
        assert self.ask("flush_all") == "OK\r\n"

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(10)

    stop = kill
