"""Who may include whom. core/README.md shows the floors; this is the same table."""

import re

FLOORS = {"main": 10, "cli": 9, "rehearsal": 8.5, "boot": 8, "admin": 8.3, "http": 6, "flow": 5, "script": 4, "money": 4, "cache": 4, "capture": 4,
          "face": 3, "plugin": 3, "upstream": 3, "dialect": 2.5, "canon": 2, "health": 2, "loop": 2, "config": 2, "base": 1}

# One library, one door: header -> the files of core that may include it.
DOORS = [
    (r"jansson\.h|jansson_config\.h", r"base/json\.c"),
    (r"microhttpd\.h", r"http/.*"),
    (r"curl/.*", r"upstream/(dial|post)\.c"),
    (r"lua\.h|lauxlib\.h|lualib\.h|luaconf\.h", r"(?:script|rehearsal)/.*|boot/load[a-z_]*\.[ch]"),
    (r"pcre2\.h", r"script/regex\.c"),
    (r"yaml\.h", r"cli/import_yaml\.c"),
    (r"openssl/.*", r"base/(?:crypto|seal|trust)\.c"),
    (r"http_parser\.h", r"upstream/.*"),
]

# What comes with the C library, the kernel's headers and the compiler.
SYSTEM = re.compile(r"""(?:
    (?:sys|netinet|arpa|net|linux|bits|asm|sanitizer)/\w+
    | assert|complex|ctype|errno|fenv|float|inttypes|iso646|limits|locale|math|setjmp|signal|stdalign|stdarg|stdatomic
    | stdbool|stddef|stdint|stdio|stdlib|stdnoreturn|string|tgmath|threads|time|uchar|wchar|wctype
    | dirent|dlfcn|fcntl|fnmatch|getopt|glob|grp|ifaddrs|langinfo|libgen|link|malloc|netdb|poll|pthread|pwd|regex|sched
    | semaphore|spawn|strings|sysexits|syslog|termios|ucontext|unistd|utime|execinfo|err|elf|endian|byteswap
    | \w+intrin|cpuid
    )\.h""", re.VERBOSE)

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def lines_of(files, name):
    """(line number, "<" or '"', header) of each include."""
    content = files.read(name)
    for match in INCLUDE.finditer(content):
        yield content.count("\n", 0, match.start(2)) + 1, match.group(1), match.group(2)


def check_floors(files):
    """a room of core includes only itself and rooms on lower floors"""
    complaints = []
    for name in files.select({"core"}, (".c", ".h")):
        room = name.split("/")[1].removesuffix(".c").removesuffix(".h")
        if room not in FLOORS:
            complaints.append(f"{name}: there is no room named {room}")
            continue
        for line, kind, header in lines_of(files, name):
            if kind != '"':
                continue
            other = header.split("/")[0]
            if "/" not in header or not (files.root / "core" / header).is_file():
                complaints.append(f'{name}:{line}: "{header}" is not a file of core (write room/name.h)')
            elif other != room and FLOORS.get(other, 99) >= FLOORS[room]:
                complaints.append(f"{name}:{line}: {room} (floor {FLOORS[room]}) may not include {header} "
                                  f"(floor {FLOORS.get(other, '?')})")
    return complaints


def check_doors(files):
    """each library has one door in core"""
    complaints = []
    for name in files.select({"core"}, (".c", ".h")):
        for line, kind, header in lines_of(files, name):
            if kind != "<" or header.startswith("gateway/") or SYSTEM.fullmatch(header):
                continue
            doors = [door for pattern, door in DOORS if re.fullmatch(pattern, header)]
            if not doors:
                complaints.append(f"{name}:{line}: <{header}> is of a library that core does not use")
            elif not re.fullmatch(doors[0], name.removeprefix("core/")):
                complaints.append(f"{name}:{line}: <{header}> may be included only in {doors[0]}".replace("\\", ""))
    return complaints


def check_plugins(files):
    """plugins and examples include <gateway/*>, libc, their own library and their own folder, nothing of core"""
    complaints = []
    for name in files.select({"plugins", "examples"}, (".c", ".h")):
        folder = (files.root / name).parent
        for line, kind, header in lines_of(files, name):
            if kind == '"' and (".." in header or not (folder / header).is_file()):
                complaints.append(f'{name}:{line}: "{header}" is not in the same folder')
            elif kind == "<" and (files.root / "core" / header).is_file():
                complaints.append(f"{name}:{line}: <{header}> is of core")
    return complaints


def check_sdk(files):
    """the SDK includes libc and itself; its conformance kit, which is a program, also core"""
    complaints = []
    for name in files.select({"sdk"}, (".c", ".h")):
        folder = (files.root / name).parent
        is_kit = name.startswith("sdk/conformance/")
        for line, kind, header in lines_of(files, name):
            if kind == '"' and is_kit and (files.root / "core" / header).is_file():
                continue
            if kind == '"' and not (folder / header).is_file():
                complaints.append(f'{name}:{line}: "{header}" is not in the same folder')
            elif kind == "<" and not (header.startswith("gateway/") or SYSTEM.fullmatch(header)):
                complaints.append(f"{name}:{line}: <{header}> is neither of the SDK nor of libc")
    return complaints
