"""debugger.py GATEWAY FOLDER - gdb attaches to a gateway that has loaded FOLDER/echo.so, and shows a frame of the plugin by name.

Exits with 0 when it does, with 77 and a reason when this machine lets nobody attach; says what is wrong otherwise.
"""
import http.server
import re
import subprocess
import sys
import threading
import time

from echo_requests import Upstream, configuration
from gateway import WAIT_S, expect, post, running_with_pid

ASK = {"model": "echo", "messages": [{"role": "user", "content": "hello"}]}


def watch(pid, said, attached):
    """gdb stops in the plugin's build() and prints where it is; the gateway then goes on."""
    commands = ["set pagination off", "set breakpoint pending off", "break echo_build", "echo ATTACHED\\n", "continue",
                "backtrace 3", "info sharedlibrary echo", "delete", "detach"]
    argv = ["gdb", "-nx", "-batch", "-p", str(pid)]
    for command in commands:
        argv += ["-ex", command]
    gdb = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    killer = threading.Timer(WAIT_S, gdb.kill)
    killer.start()
    for line in gdb.stdout:
        said.append(line)
        if "ATTACHED" in line or "ptrace:" in line:
            attached.set()
    gdb.wait()
    killer.cancel()
    attached.set()


def main(gateway, folder):
    upstream = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    said, attached = [], threading.Event()
    try:
        with running_with_pid(gateway, configuration(folder, upstream.server_port, "voice")) as (base, pid):
            status, _, body = post(base, ASK)
            expect(status == 200, "before the debugger came: %d %s" % (status, body))
            debugger = threading.Thread(target=watch, args=(pid, said, attached))
            debugger.start()
            attached.wait(WAIT_S)
            time.sleep(0.2)  # "continue" follows
            status, _, body = post(base, ASK)
            debugger.join(WAIT_S)
            text = "".join(said)
            if "ptrace:" in text:
                print("this machine lets no debugger attach: " + re.search(r"ptrace:.*", text).group())
                sys.exit(77)
            expect(status == 200, "while the debugger looked on: %d %s" % (status, body))
            expect(re.search(r"#0 .*\becho_build\b", text), "no frame of the plugin has a name:\n" + text)
            expect(re.search(r"/echo\.so\b", text), "the plugin's file is not named:\n" + text)
            status, _, body = post(base, ASK)
            expect(status == 200, "after the debugger left: %d %s" % (status, body))
    finally:
        upstream.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
