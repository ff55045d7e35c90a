"""Does every change of the plugin ABI stand in sdk/ABI-HISTORY.md?"""

import hashlib
import re

# easy.h is a convenience of inline functions: nothing of it crosses.
HEADERS = ("abi", "cache", "host", "plugin", "provider", "store")
ROW = re.compile(r"(?m)^\| (\d+\.\d+) \| `([0-9a-f]{12})` \| [^|]{3,} \| [^|]{3,} \|$")


def layout(files):
    """A digest of what the headers declare: without comments, and whatever the white space."""
    text = ""
    for name in HEADERS:
        header = files.read(f"sdk/include/gateway/{name}.h")
        header = re.sub(r"/\*.*?\*/|//[^\n]*", " ", header, flags=re.S)
        words = " ".join(header.replace("\\\n", " ").split())
        text += name + " " + re.sub(r" ?([^\w ]) ?", r"\1", words) + "\n"
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def version(files):
    header = files.read("sdk/include/gateway/abi.h")
    return ".".join(re.search(rf"#define GW_ABI_{word} (\d+)u", header).group(1) for word in ("MAJOR", "MINOR"))


def complaints(files):
    rows = ROW.findall(files.read("sdk/ABI-HISTORY.md"))
    if not rows:
        return ["sdk/ABI-HISTORY.md has no rows of version, layout, what changed, and why"]
    found = []
    if rows[-1][1] != layout(files):
        found.append(f"sdk/ABI-HISTORY.md: the headers' layout is `{layout(files)}`, and the last line is about `{rows[-1][1]}`: "
                     "add a line with this layout, what changed and why")
    if rows[-1][0] != version(files):
        found.append(f"sdk/ABI-HISTORY.md: the headers have version {version(files)}, and the last line is about {rows[-1][0]}")
    if len({row[1] for row in rows}) != len(rows):
        found.append("sdk/ABI-HISTORY.md: a layout has two lines")
    counters = [tuple(int(part) for part in row[0].split(".")) for row in rows]
    if counters != sorted(counters):
        found.append("sdk/ABI-HISTORY.md: a version is lower than the one before it")
    return found


class Changed:
    """The tree with one change in one header."""

    def __init__(self, files, name, old, new):
        self.files, self.name, self.old, self.new = files, f"sdk/include/gateway/{name}.h", old, new

    def read(self, name):
        text = self.files.read(name)
        return text.replace(self.old, self.new, 1) if name == self.name else text


CHANGES = (  # header, before, after, is it a change of the layout?
    ("host", "    void *self;\n", "    void *self;\n    void *more;\n", True),
    ("provider", "#define GW_EVENT_TEXT 2u", "#define GW_EVENT_TEXT 22u", True),
    ("provider", "uint32_t stream;", "uint64_t stream;", True),
    ("abi", "#define GW_ABI_MINOR ", "#define GW_ABI_MINOR 9", True),
    ("plugin", "const void *ops; ", "void *ops; ", True),
    ("store", "uint64_t next;", "int64_t next;", True),
    ("cache", "/* cache.h - a cache", "/* cache.h - another cache", False),
    ("host", "    void *self;\n", "    void    *self;\n\n", False),
)


def check_abi_history(files):
    """each change of the sdk headers' layout has a line in sdk/ABI-HISTORY.md"""
    found = complaints(files)
    if found:
        return found
    for name, old, new, counts in CHANGES:
        changed = Changed(files, name, old, new)
        if old not in files.read(changed.name):
            found.append(f"{changed.name} has no longer {old!r}, with which this check is checked")
        elif bool(complaints(changed)) != counts:
            found.append(f"{new!r} in {changed.name} {'is not' if counts else 'is'} noticed")
    return found
