"""What may not be written in any file, and how files of C begin. Patterns are spelled so that they do not
match themselves."""

import concurrent.futures
import re
import shutil
import subprocess

import tree

# pattern -> why it may not be there
BANNED = [
    (r"\b(?:TO" r"DO|FIX" r"ME)\b", "do it now, or open an issue"),
    (r"(?<![\w./:$}>-])/(?:work|root|home)/", "a path of one machine"),
    (r"(?i)\b(?:deb\.debian\.org|snapshot\.debian\.org|[a-z.]*npm" r"js\.(?:org|com)|py" r"pi\.org|pythonhosted\.org"
     r"|crates\.io|rubygems\.org|docker\.io|ghcr\.io|proxy\.golang\.org|pkg\.dev)\b",
     "a registry's host: the user's own configuration says where packages come from"),
    (r"(?i)\b(?:co-auth" r"ored-by|(?:written|made|generated|created|produced) (?:by|with) (?:an? )?"
     r"(?:a\.?i\.?|llm|bot|agent|assistant|copilot|chatgpt|claude|codex|gemini)\b|as an a" r"i\b)",
     "who or what wrote it does not matter here"),
    (r"CONTRACT" r"\.md|/tmp/pl" r"an\b", "a file that is not of the project"),
]

# Their bounded kin: snprintf, memcpy, strtok_r.
BANNED_CALLS = re.compile(r"\b(strcpy|strcat|v?sprintf|gets|strtok)\s*\(")

# Comments and literals, to be blanked before code is searched.
NOT_CODE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)

LONG = 500


def code_of(content):
    return NOT_CODE.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), content)


def check_banned_words(files):
    """no unfinished work, machine paths, registry hosts or makers in any file"""
    complaints = []
    for name in files.names:
        content = files.read(name)
        for pattern, why in BANNED:
            for match in re.finditer(pattern, content):
                line = content.count("\n", 0, match.start()) + 1
                complaints.append(f"{name}:{line}: \"{match.group()}\": {why}")
    return complaints


def check_banned_calls(files):
    """core, plugins, sdk and examples do not call functions that know no bounds"""
    complaints = []
    for name in files.select({"core", "plugins", "sdk", "examples"}, (".c", ".h")):
        code = code_of(files.read(name))
        for match in BANNED_CALLS.finditer(code):
            complaints.append(f"{name}:{code.count(chr(10), 0, match.start()) + 1}: {match.group(1)}()")
    return complaints


def check_first_comment(files):
    """every file of C begins with a comment that says what it is for"""
    complaints = []
    for name in files.select({"core", "plugins", "sdk", "examples", "tests"}, (".c", ".h")):
        content = files.read(name)
        if not content.lstrip().startswith(("/*", "//")):
            complaints.append(f"{name}: begins without a comment")
        lines = content.count("\n")
        if lines > LONG and name.startswith("core/"):
            print(f"note    {name} has {lines} lines: is it one room?")
    return complaints


def check_unit_tests_run_in_both_runners(files):
    """unit tests include check.h, and no header of one runner: they run without it under the thread sanitizer"""
    return [f"{name}: #include \"check.h\" instead of criterion's own header" for name in files.names
            if name.startswith("tests/unit/") and name != "tests/unit/check.h" and "<criterion/" in files.read(name)]


# Another version of clang-format breaks some lines elsewhere. This is Debian 12's.
FORMATTER = "14."


def check_format(files):
    """clang-format changes no file of C"""
    if shutil.which("clang-format") is None:
        raise tree.Skip("there is no clang-format")
    version = re.search(r"version (\S+)", subprocess.run(["clang-format", "--version"], capture_output=True,
                                                         text=True, check=True).stdout).group(1)
    if not version.startswith(FORMATTER):
        raise tree.Skip(f"clang-format is {version}, the files are kept as {FORMATTER}x writes them")
    names = files.select({"core", "plugins", "sdk", "examples", "tests"}, (".c", ".h", ".cc"))

    def differs(name):
        done = subprocess.run(["clang-format", "--style=file", name], cwd=files.root, capture_output=True, text=True)
        return done.returncode != 0 or done.stdout != (files.root / name).read_text()

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return [f"{name}: clang-format -i {name}" for name, odd in zip(names, pool.map(differs, names)) if odd]
