"""machines.py - what the bench starts and stops: its two tools, nginx and the gateway, each on its own core."""

import atexit
import ctypes
import hashlib
import json
import os
import resource
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
KEY = "gw-bench-0123456789abcdef0123456789abcdef"
UPSTREAM_KEY = "sk-upstream-0123456789abcdef"

# What the fake upstream offers: name -> mode. Each is a port, an nginx location, and a provider and model of the gateway.
# All are asked for a chat, so what speaks Anthropic's language is for the gateway only, which translates.
MODES = {
    "w1k": "whole:1024",
    "w10k": "whole:10240",
    "w100k": "whole:102400",
    "s10k": "sse:50:200:0",
    "s100k": "sse:512:200:0",
    "t10": "sse:60:200:100",  # 10 events a second for 6 s
    "t1": "sse:15:200:1000",  # 1 event a second for 15 s
    "long": "sse:600:200:100",
    "slow": "delay:2000:1024",
    "a1k": "anthropic:whole:1024",
    "a100k": "anthropic:sse:512:200:0",
    "a10": "anthropic:sse:60:200:100",
}

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


class Broken(Exception):
    """Something that the bench needs does not work."""


def raise_nofile(wanted):
    """Raises the limit of open files as far as may be, for this process and all it starts; returns it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(wanted, hard), max(wanted, hard)))
    except (ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def keep_awake():
    """Lets idle cores poll instead of halting until this process ends. On a virtual machine the waking of a halted core costs
    the one who wakes it more than a system call, the same for every proxy, and so hides what they differ in. False: may not."""
    try:
        keep_awake.file = open("/dev/cpu_dma_latency", "wb", buffering=0)
        keep_awake.file.write(struct.pack("i", 0))
        return True
    except OSError:
        return False


def cores():
    """(of the proxy, of the load generator, of the upstream); None where there is but one core."""
    free = sorted(os.sched_getaffinity(0))
    if len(free) == 1:
        return None, None, None
    return free[0], free[1], free[2 % len(free)] if len(free) > 2 else free[1]


def spawn(argv, core, **more):
    """Starts a process on a core that does not outlive us."""

    def prepare():
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if core is not None:
            os.sched_setaffinity(0, {core})

    return subprocess.Popen(argv, preexec_fn=prepare, stdin=subprocess.DEVNULL, **more)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def rss_kb(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        for line in f:
            if line.startswith("Rss:"):
                return int(line.split()[1])
    raise Broken(f"no Rss of process {pid}")


def cpu_seconds(pid):
    """CPU that all threads of a process used since it started, exactly."""
    return time.clock_gettime((~pid << 3) | 2) if pid else 0.0


def machine_busy():
    """Seconds in which the machine's cores were busy, or taken away by the host, since it started."""
    with open("/proc/stat", encoding="ascii") as f:
        user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, f.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def wait_until(ready, seconds, what):
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise Broken(f"{what}: not ready after {seconds} s")
        time.sleep(0.02)


def tail(path, size=2000):
    with open(path, "rb") as f:
        f.seek(max(0, os.path.getsize(path) - size))
        return f.read().decode("utf-8", "replace")


class Workshop:
    """The folder in which everything is written, and the two tools, compiled into it."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="gw-bench-")
        atexit.register(shutil.rmtree, self.dir, ignore_errors=True)

    def compile(self):
        flags = ["-O2", "-g", "-std=gnu11", "-D_GNU_SOURCE"]
        for tool, sources in {
            "fake-upstream": ["fake_upstream.c", "fake_mode.c", "fake_shape.c", "bench.c"],
            "load": ["load.c", "load_answer.c", "load_options.c", "histogram.c", "bench.c"],
        }.items():
            argv = [os.environ.get("CC", "cc"), *flags, *sources, "-o", self.path(tool)]
            if subprocess.run(argv, cwd=HERE, check=False).returncode != 0:
                raise Broken(f"cannot compile {tool}")

    def path(self, *names):
        return os.path.join(self.dir, *names)


class Upstream:
    """The fake upstream."""

    def __init__(self, shop):
        argv = [shop.path("fake-upstream")]
        for mode in MODES.values():
            argv += ["--mode", mode]
        self.process = spawn(argv, cores()[2], stdout=subprocess.PIPE, text=True)
        self.port = {name: json.loads(self.process.stdout.readline())["port"] for name in MODES}

    def stats(self):
        """What it counted since the last time."""
        self.process.send_signal(signal.SIGUSR1)
        return json.loads(self.process.stdout.readline())

    def stop(self):
        self.process.terminate()
        self.process.wait(5)


class Direct:
    """No proxy at all: what the tools themselves cost."""

    name = "direct"
    pid = 0
    cached = ""  # to be started with a cache of its own, the gateway with this plugin

    def __init__(self, upstream):
        self.upstream = upstream

    def start(self):
        pass

    def stop(self):
        pass

    def url(self, mode):
        return f"http://127.0.0.1:{self.upstream.port[mode]}/v1/chat/completions"

    def after_load(self, answers, mode):
        """What is wrong with the last load, as seen from inside; nothing here."""


CACHED = 'proxy_cache answers; proxy_cache_methods POST; proxy_cache_valid 200 10m; proxy_cache_key "$request_uri $request_body"; '


class Nginx(Direct):
    """nginx, one worker, proxy_pass over kept-alive upstream connections; it neither checks nor logs anything."""

    name = "nginx"

    def __init__(self, upstream, shop, program):
        super().__init__(upstream)
        self.shop, self.program = shop, program
        self.process = self.port = None

    def _config(self):
        big = "proxy_buffer_size 16k; proxy_buffers 16 16k; "
        upstreams = locations = ""
        for name, mode in MODES.items():
            if mode.startswith("anthropic:"):
                continue
            upstreams += (
                f"  upstream {name} {{ server 127.0.0.1:{self.upstream.port[name]}; keepalive 12000; "
                "keepalive_requests 1000000000; keepalive_timeout 600s; }\n"
            )
            extra = "proxy_buffering off; " if mode.startswith("sse") else ""
            extra += big if name in ("w10k", "w100k", "s10k", "s100k") else ""
            extra += CACHED if self.cached else ""
            locations += f"    location /{name}/ {{ {extra}proxy_pass http://{name}/; }}\n"
        temp = "".join(
            f"  {kind}_temp_path {self.shop.path('nginx', kind)};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        nofile = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        if self.cached:
            temp += f"  proxy_cache_path {self.shop.path('nginx', 'cache')} keys_zone=answers:10m use_temp_path=off;\n"
        return f"""{"user root;" if os.geteuid() == 0 else ""}
worker_processes 1;
worker_rlimit_nofile {nofile};
daemon off;
pid {self.shop.path("nginx", "nginx.pid")};
error_log {self.shop.path("nginx", "error.log")} warn;
events {{ worker_connections {min(nofile, 40000)}; use epoll; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  client_body_buffer_size 256k;
  client_max_body_size 32m;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_read_timeout 600s;
  proxy_max_temp_file_size 0;
{temp}{upstreams}  server {{
    listen 127.0.0.1:{self.port} backlog=4096;
{locations}  }}
}}
"""

    def start(self):
        os.makedirs(self.shop.path("nginx"), exist_ok=True)
        self.port = free_port()
        with open(self.shop.path("nginx.conf"), "w", encoding="utf-8") as f:
            f.write(self._config())
        error_log = self.shop.path("nginx", "error.log")
        self.process = spawn(
            [self.program, "-p", self.shop.path("nginx"), "-e", error_log, "-c", self.shop.path("nginx.conf")], cores()[0]
        )
        wait_until(self._ready, 10, "nginx")

    def _ready(self):
        if self.process.poll() is not None:
            raise Broken("nginx ended: " + tail(self.shop.path("nginx", "error.log")))
        path = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        with open(path, encoding="ascii") as f:
            workers = f.read().split()
        if not workers or (len(workers) > 1 and not self.cached):  # a cache has a manager and a loader behind the worker
            return False
        self.pid = int(workers[0])
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(10)
            self.process = None

    def url(self, mode):
        return f"http://127.0.0.1:{self.port}/{mode}/v1/chat/completions"


class NginxPlus(Nginx):
    """nginx that does the gateway's work on a relay: it checks a key, sends another one upstream, and writes one JSON line a
    request. It knows nothing of tokens, models or retries."""

    name = "nginx+"

    def __init__(self, upstream, shop, program):
        super().__init__(upstream, shop, program)
        self.log = shop.path("nginx-plus.log")

    def _config(self):
        line = ('{"time":"$time_iso8601","id":"$request_id","status":$status,"path":"$uri","in":$request_length,"out":$body_bytes_sent,'
                '"seconds":$request_time,"upstream":"$upstream_addr","upstream_seconds":"$upstream_response_time","key":"bench"}')
        http = (f"  map_hash_bucket_size 128;\n  log_format line escape=json '{line}';\n  access_log {self.log} line;\n"
                f'  map $http_authorization $known {{ "Bearer {KEY}" 1; default 0; }}\n'
                f'  proxy_set_header Authorization "Bearer {UPSTREAM_KEY}";\n')
        text = super()._config().replace("  access_log off;\n", http)
        return text.replace("backlog=4096;\n", "backlog=4096;\n    if ($known = 0) { return 401; }\n")

    def after_load(self, answers, mode):
        lines, end = 0, time.monotonic() + 2
        while lines < answers and time.monotonic() < end:
            with open(self.log, "rb") as f:
                lines = sum(block.count(b"\n") for block in iter(lambda: f.read(1 << 20), b""))
            time.sleep(0.02)
        os.truncate(self.log, 0)
        return f"{answers} answers but {lines} lines in the access log" if lines < answers else None


class Gateway(Direct):
    """The gateway, one worker, with a key, metering and the access log (to a file)."""

    name = "gateway"

    def __init__(self, upstream, shop, program):
        super().__init__(upstream)
        self.shop, self.program = shop, program
        self.process = self.port = self.memcached = self.memcached_port = None
        self.log = shop.path("access.log")
        self.talk = shop.path("gateway.err")

    def _config(self):
        lines = [f'listen {{ address = "127.0.0.1:{self.port}", workers = 1 }}']
        for name, mode in MODES.items():
            at = f"http://127.0.0.1:{self.upstream.port[name]}"
            service = f'plugin = "openai", base_url = "{at}/v1"'
            if mode.startswith("anthropic:"):
                service = f'plugin = "anthropic", base_url = "{at}"'
            lines.append(f'provider "p-{name}" {{ {service}, secrets = {{ env "GW_BENCH_KEY" }} }}')
            lines.append(f'model "{name}" {{ {{ "p-{name}/m" }} }}')
        if self.cached:
            lines.append("cache { mb = 64, ttl_s = 600 }" if self.cached == "memory" else
                         f'cache {{ plugin = "memcached", servers = {{ "127.0.0.1:{self.memcached_port}" }}, seal = env "GW_BENCH_SEAL", ttl_s = 600 }}')
        lines.append('team "bench" { }')
        digest = hashlib.sha256(KEY.encode()).hexdigest()
        lines.append(f'key {{ sha256 = "{digest}", team = "bench", name = "bench" }}')
        return "\n".join(lines) + "\n"

    def start_memcached(self):
        """Beside the tools; it has a core of its own in no real machine either."""
        program = shutil.which("memcached")
        if program is None:
            raise Broken("there is no memcached: install it")
        self.memcached_port = free_port()
        who = ["-u", "nobody"] if os.geteuid() == 0 else []
        self.memcached = spawn([program, "-l", "127.0.0.1", "-p", str(self.memcached_port), "-U", "0", "-t", "1", *who], cores()[1])

        def is_ready():
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", self.memcached_port)) == 0

        wait_until(is_ready, 10, "memcached")

    def start(self):
        self.port = free_port()
        if self.cached == "memcached":
            self.start_memcached()
        config = self.shop.path("gateway.lua")
        with open(config, "w", encoding="utf-8") as f:
            f.write(self._config())
        with open(self.log, "ab") as log, open(self.talk, "ab") as talk:
            self.process = spawn(
                [self.program, "serve", "-c", config, "--listen", f"127.0.0.1:{self.port}"],
                cores()[0],
                stdout=log,
                stderr=talk,
                env={**os.environ, "GW_BENCH_KEY": UPSTREAM_KEY, "GW_BENCH_SEAL": UPSTREAM_KEY},
            )
        self.pid = self.process.pid
        wait_until(self._ready, 10, "the gateway")

    def _ready(self):
        if self.process.poll() is not None:
            raise Broken("the gateway ended: " + tail(self.talk))
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/livez", timeout=2) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def stop(self):
        if self.memcached:
            self.memcached.kill()
            self.memcached.wait(5)
            self.memcached = None
        if not self.process:
            return
        for seconds in (3, 3):  # the second SIGTERM ends the drain
            self.process.terminate()
            try:
                self.process.wait(seconds)
                break
            except subprocess.TimeoutExpired:
                pass
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(5)
        self.process = None

    def url(self, mode, api="chat/completions"):
        return f"http://127.0.0.1:{self.port}/v1/{api}"

    def after_load(self, answers, mode):
        """Was every answer logged, with its usage? Empties the log."""
        lines, last, end = 0, b"", time.monotonic() + 2
        with open(self.log, "rb") as f:
            while lines < answers and time.monotonic() < end:
                while block := f.read(1 << 20):
                    lines += block.count(b"\n")
                    last = (last + block)[-4000:]
                time.sleep(0.02)
        os.truncate(self.log, 0)
        if self.process.poll() is not None:
            raise Broken("the gateway ended: " + tail(self.talk))
        if lines < answers:
            return f"{answers} answers but {lines} lines in the access log"
        if answers and b"12345" not in last:
            return "the access log does not have the usage (12345 input tokens)"
        return None
