"""hostile.py - a memcached that delays, cuts, reorders, doubles and lies."""

import random
import socket
import threading
import time

# What no server may answer to anything: lines of other commands, keys and lengths that overflow, bytes of another protocol.
LINES = [b"STORED", b"NOT_STORED", b"END", b"NOT_FOUND", b"ERROR", b"CLIENT_ERROR x", b"SERVER_ERROR y", b"1", b"42", b"18446744073709551615", b"OK", b"",
         b"DELETED", b"EXISTS", b"TOUCHED", b"VERSION 1", b"STAT a b", b"\x00\xff", b"\x81\x00\x00\x00", b"x" * 20000, b"VALUE k 0 1\r\nv", b"VALUE k 0 5\r\nv",
         b"VALUE other 1 3\r\nabc", b"VALUE k 0 -1\r\nv", b"VALUE k 0 99999999999\r\nv", b"VALUE " + b"k" * 300 + b" 0 1\r\nv"]
HARMS = ("delay", "cut", "early", "before", "twice", "lie", "other", "swap", "flip", "drip")


class Server:
    """`harm`: the share of operations that something is done to; `harms`: what."""

    def __init__(self, seed=1, harm=0.5, harms=HARMS, delay_s=(0.006, 0.06)):
        self.random = random.Random(seed)
        self.harm, self.harms, self.delay_s = harm, harms, delay_s
        self.values, self.count, self.done = {}, 0, {}
        self.lock = threading.Lock()
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def address(self):
        return "127.0.0.1:%d" % self.port

    def stop(self):
        self.socket.close()

    def accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def right(self, words, value):
        """The right answer."""
        word, key = words[0], words[1] if len(words) > 1 else b""
        with self.lock:
            if word in (b"get", b"gets"):
                found = [(k, self.values[k]) for k in words[1:] if k in self.values]
                return b"".join(b"VALUE %s 0 %d\r\n%s\r\n" % (k, len(v), v) for k, v in found) + b"END\r\n"
            if word in (b"set", b"add"):
                if word == b"add" and key in self.values:
                    return b"NOT_STORED\r\n"
                self.values[key] = value
                return b"STORED\r\n"
            if word in (b"incr", b"decr"):
                if key not in self.values:
                    return b"NOT_FOUND\r\n"
                n = int(self.values[key]) + int(words[2]) * (1 if word == b"incr" else -1)
                self.values[key] = b"%d" % max(0, n)
                return self.values[key] + b"\r\n"
            if word == b"delete":
                return b"DELETED\r\n" if self.values.pop(key, None) is not None else b"NOT_FOUND\r\n"
            return b"VERSION 1.6.18\r\n" if word == b"version" else b"ERROR\r\n"

    def harmed(self, client, harm, right, words, last):
        """Answers wrongly. The connection goes on where True is returned."""
        r = self.random
        if harm == "delay":
            time.sleep(r.uniform(*self.delay_s))
            client.sendall(right)
        elif harm == "cut":
            client.sendall(right[: r.randrange(len(right) + 1)])
            return False
        elif harm == "early":  # closes instead
            return False
        elif harm == "before":  # what belongs to the operation before: answers out of order
            client.sendall(last + right)
        elif harm == "twice":
            client.sendall(right + right)
        elif harm == "lie":
            client.sendall(r.choice(LINES) + b"\r\n" + r.choice([b"", b"", b"END\r\n"]))
        elif harm == "other":  # the value of another key, under that or under the asked one
            with self.lock:
                value = r.choice(list(self.values.values()) or [b"x"])
                name = r.choice([words[-1], r.choice(list(self.values) or [b"k"])])
            client.sendall(b"VALUE %s 0 %d\r\n%s\r\nEND\r\n" % (name, len(value), value))
        elif harm == "swap":  # two of its keys have each other's values from now on
            with self.lock:
                keys = list(self.values)
                if len(keys) > 1:
                    a, b = r.sample(keys, 2)
                    self.values[a], self.values[b] = self.values[b], self.values[a]
            client.sendall(right)
        elif harm == "flip" and len(right) > 60:
            at = r.randrange(50, len(right))
            client.sendall(right[:at] + bytes([right[at] ^ 1 << r.randrange(8)]) + right[at + 1 :])
        elif harm == "drip":
            for i in range(0, min(len(right), 12)):
                client.sendall(right[i : i + 1])
                time.sleep(0.004)
            client.sendall(right[12:])
        else:
            client.sendall(right)
        return True

    def serve(self, client):
        last = b"END\r\n"
        try:
            stream = client.makefile("rb")
            while True:
                line = stream.readline()
                words = line.split()
                if not words:
                    return
                value = stream.read(int(words[4]) + 2)[:-2] if words[0] in (b"set", b"add") else b""
                right = self.right(words, value)
                harm = self.random.choice(self.harms) if self.random.random() < self.harm else None
                self.count += 1
                self.done[harm] = self.done.get(harm, 0) + 1
                if harm is None:
                    client.sendall(right)
                elif not self.harmed(client, harm, right, words, last):
                    return
                last = right
        except (OSError, ValueError, IndexError):
            pass
        finally:
            client.close()
