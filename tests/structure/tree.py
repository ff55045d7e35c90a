"""The files of the tree, and what may lie where."""

import shutil
import subprocess

# The top level; names that begin with a dot are free.
TOP = {"core", "plugins", "scripts", "sdk", "tests", "examples", "CMakeLists.txt", "README.md", "LICENSE", "gateway.lua"}


class Skip(Exception):
    """A check cannot be made on this machine."""


class Tree:
    """All files that belong to the project: committed, or not yet and not ignored."""

    def __init__(self, root, builds=()):
        self.root = root
        self.builds = [root / build for build in builds]
        if shutil.which("git") and (root / ".git").exists():
            listed = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard", "-z"],
                                    check=True, capture_output=True, text=True).stdout.split("\0")
            names = [name for name in listed if name]
        else:
            names = [str(path.relative_to(root)) for path in root.rglob("*")
                     if path.is_file() and not path.is_relative_to(root / "build")]
        self.names = sorted(name for name in set(names) if (root / name).is_file())

    def read(self, name):
        """The text of a file; of one that is not text, nothing."""
        data = (self.root / name).read_bytes()
        return "" if b"\0" in data else data.decode("utf-8", "replace")

    def select(self, folders, endings):
        return [name for name in self.names
                if name.split("/")[0] in folders and name.endswith(endings)]


def check_top_level(files):
    """the top level holds only the names it was given"""
    found = {name.split("/")[0] for name in files.names}
    return [f"{name}: does not belong here" for name in sorted(found - TOP) if not name.startswith(".")]


def check_lua(files):
    """luacheck has nothing to say about gateway.lua, scripts/ and examples/"""
    names = [name for name in files.names
             if name == "gateway.lua" or name.endswith(".lua") and name.split("/")[0] in ("scripts", "examples")]
    if "gateway.lua" not in names:
        return ["gateway.lua is not there"]
    if not shutil.which("luacheck"):
        raise Skip("luacheck is not installed")
    done = subprocess.run(["luacheck", "--no-color", "--quiet", *names], cwd=files.root, capture_output=True, text=True)
    return (done.stdout + done.stderr).strip().splitlines() if done.returncode else []
