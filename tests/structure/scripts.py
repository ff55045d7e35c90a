"""The scripts of examples/, run with stand-ins for the programs that they call: nothing is installed or built."""

import os
import re
import socket
import subprocess
import tempfile

SCRIPTS = ("quickstart.sh", "setup.sh", "progress.sh")
UBUNTU = 'NAME=Ubuntu\nID=ubuntu\nVERSION_ID="22.04"\nPRETTY_NAME="Ubuntu 22.04.5 LTS"\n'
DEBIAN = 'ID=debian\nVERSION_ID="13"\nVERSION_CODENAME=trixie\nPRETTY_NAME="Debian 13"\n'


class Stage:
    """A copy of the scripts in a folder whose path has a blank, and stand-ins that come first in PATH."""

    def __init__(self, files, programs, os_release=DEBIAN, scripts=SCRIPTS):
        self.place = tempfile.TemporaryDirectory(prefix="gateway scripts-")
        self.folder = self.place.name
        for name in scripts:
            self.write(os.path.join("examples", name), files.read("examples/" + name))
        for name, text in programs.items():
            self.write(os.path.join("bin", name), "#!/bin/sh\n" + text, 0o755)
        self.write("os-release", os_release)

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as out:
            out.write(text)
        os.chmod(path, mode)

    def run(self, line, **env):
        """(exit status, all that it printed)"""
        path = os.path.join(self.folder, "bin") + ":" + os.environ["PATH"]
        full = {**{k: v for k, v in os.environ.items() if not k.startswith("GW_")}, "PATH": path, **env,
                "SETUP_OS_RELEASE": os.path.join(self.folder, "os-release")}
        done = subprocess.run(["sh", "-c", line], cwd=self.folder, env=full, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        return done.returncode, done.stdout


def wrong(what, got, status, *patterns):
    """The complaint of a run that did not end as it should; none when it did."""
    if got[0] != status or not all(re.search(pattern, got[1], re.S) for pattern in patterns):
        return [f"{what}: exit status {status} and {patterns} were expected, not {got[0]} and:\n{got[1]}"]
    return []


def check_quickstart(files):
    """quickstart.sh hands its arguments to serve, and looks whether the port is taken before it does anything"""
    cmake = 'mkdir -p build; printf "#!/bin/sh\\necho served: \\"\\$@\\"\\n" > build/llm-gateway; chmod 755 build/llm-gateway\n'
    stage = Stage(files, {"cmake": cmake}, scripts=("quickstart.sh", "progress.sh"))
    stage.write("examples/setup.sh", "echo set up\n")
    complaints = []
    with socket.socket() as taken, socket.socket() as probe:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]  # bound, so nobody else takes it, and not listening
        refused = rf"^quickstart: \S*:{port} is taken: .*--listen 127\.0\.0\.1:{port + 1}\n$"
        stage.write("file.lua", f'listen {{ address = "127.0.0.1:{port}" }}\n')
        for line in (f"--listen 127.0.0.1:{port}", f"--listen=:{port}", f"-l localhost:{port}", "-c file.lua"):
            complaints += wrong(line, stage.run("sh examples/quickstart.sh " + line), 1, refused)
        got = stage.run("sh examples/quickstart.sh", GW_LISTEN=f"127.0.0.1:{port}")
        complaints += wrong("GW_LISTEN", got, 1, refused)
        for before in ("", "-- "):
            line = f"{before}--listen 127.0.0.1:{free} -c 'my file.lua'"
            got = stage.run("sh examples/quickstart.sh " + line)
            complaints += wrong(line, got, 0, rf"set up\n.*served: serve --listen 127\.0\.0\.1:{free} -c my file\.lua\n$")
        complaints += wrong("--no-serve", stage.run("sh examples/quickstart.sh --no-serve"), 0, r"built \S.*gateway\n$")
    return complaints


def check_progress(files):
    """a long command of the scripts shows that it is alive, and its exit status is kept"""
    stage = Stage(files, {})
    line = ". examples/progress.sh; with_progress who log sh -c 'echo step one; sleep 3.4; exit 3' || echo ended $?"
    return wrong("with_progress", stage.run(line, PROGRESS_S="1"), 0,
                 r"^(who: +[0-9] s: step one\n){1,5}ended 3\n$")


def check_setup_without_network(files):
    """setup.sh reports that the package lists could not be fetched, and not what follows from it"""
    apt_get = 'case "$*" in *Error-Mode=any*update*) echo "E: Failed to fetch the list"; exit 100 ;; ' \
              '*install*) echo "Unable to locate package"; exit 100 ;; esac\n'
    programs = {"apt-get": apt_get, "dpkg-query": "exit 0\n", "apt-cache": "exit 100\n", "id": "echo 0\n",
                "pkg-config": "exit 1\n"}
    got = Stage(files, programs).run("sh examples/setup.sh")
    complaints = wrong("no network", got, 1, r"lists could not be fetched: .*E: Failed to fetch the list")
    if "Unable to locate" in got[1]:
        complaints.append("it went on without lists:\n" + got[1])
    return complaints


def check_setup_elsewhere(files):
    """setup.sh names the next step where the system's packages are too old"""
    product = re.search(r"(?s)product='\n(.*?)\n'", files.read("examples/setup.sh")).group(1).split("\n")
    installed = "\\n".join(line.split()[0] + " installed" for line in [*product, "libmicrohttpd-dev"])
    old = 'case "$*" in *libmicrohttpd*--atleast*|*--atleast*libmicrohttpd*) exit 1 ;; *--modversion*) echo 0.9.75 ;; esac\n'
    programs = {"apt-get": "exit 0\n", "dpkg-query": f"printf '{installed}\\n'\n", "pkg-config": old,
                "cmake": "echo cmake version 3.22.1\n", "id": "echo 0\n"}
    got = Stage(files, programs, UBUNTU).run("sh examples/setup.sh")
    complaints = wrong("old packages", got, 1, r"Ubuntu 22.04.5 LTS lacks: cmake >= 3\.25 \(here: 3\.22\.1\), libmicrohttpd "
                       r">= 1\.0\.1 \(here: 0\.9\.75\)", r"docker build -t llm-gateway -f examples/Dockerfile \.",
                       r"PKG_CONFIG_PATH")
    programs["cmake"] = "echo cmake version 3.31.6\n"
    programs["pkg-config"] = "exit 0\n"
    complaints += wrong("new enough", Stage(files, programs, UBUNTU).run("sh examples/setup.sh"), 0, "everything is there")
    return complaints


def check_container(files):
    """the container recipe installs with examples/setup.sh and has no list of packages of its own"""
    recipe = files.read("examples/Dockerfile")
    complaints = []
    if not re.search(r"(?m)^RUN sh examples/quickstart\.sh --no-serve\b", recipe):
        complaints.append("examples/Dockerfile does not run examples/quickstart.sh --no-serve")
    if re.search(r"\bapt(-get)? .*install", recipe):
        complaints.append("examples/Dockerfile has packages of its own: they belong into examples/setup.sh")
    base = re.search(r"(?m)^FROM debian:(\d+)", recipe)
    if not base or int(base.group(1)) < 13:
        complaints.append("examples/Dockerfile is not built on Debian 13 or newer")
    return complaints
