"""One changed line of a C file. The changes come from universalmutator's rules for C."""

import contextlib
import dataclasses
import hashlib
import io
import re

from universalmutator import mutator

RULES = ["universal.rules", "c_like.rules", "c.rules"]
FUNCTION = re.compile(r"^[A-Za-z_][\w\s*]*?\b(\w+)\(")


def squeeze(text):
    return " ".join(text.split())


@dataclasses.dataclass
class Mutant:
    file: str      # from the tree's top
    line: int      # from 1
    function: str  # in which the line stands; "" outside
    old: str       # the line as it is, without its blanks
    new: str       # what stands in its place, without its blanks
    text: str      # the whole changed file

    def key(self):
        return (self.file, self.function, f"{self.old} -> {self.new}")

    def digest(self):
        return hashlib.sha256(f"{self.file}\0{self.text}".encode()).hexdigest()[:24]

    def where(self):
        return f"{self.file}:{self.line}"

    def change(self):
        return f"{self.old} -> {self.new}"


def function_at(lines, at):
    """The name of the function whose body holds line `at` (from 0), by the house's style: names begin a line."""
    for line in reversed(lines[:at + 1]):
        if line.startswith("}"):
            return ""
        found = FUNCTION.match(line)
        if found and not line.rstrip().endswith(";"):
            return found.group(1)
    return ""


def mutants_of(root, name):
    lines = (root / name).read_text(encoding="utf-8").splitlines(keepends=True)
    with contextlib.redirect_stdout(io.StringIO()):
        found = mutator.mutants_regexp(lines, ruleFiles=RULES, ignorePatterns=[r"^\s*(\*|/\*|#)"])
    for line, changed, *_ in found:
        at = line - 1
        text = "".join(lines[:at]) + changed + "".join(lines[at + 1:])
        yield Mutant(name, line, function_at(lines, at), squeeze(lines[at]), squeeze(changed), text)


def all_mutants(root, names):
    return [mutant for name in names for mutant in mutants_of(root, name)]


def squeezed_lines(file):
    return {squeeze(line) for line in file.read_text(encoding="utf-8").splitlines()} if file.is_file() else set()


def read_equivalents(root, file):
    """key of a mutant -> why it is the same. A row whose line is no longer in its source is an error."""
    reasons, sources = {}, {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = [squeeze(part) for part in line.split(" | ")]
        if len(parts) < 4 or not all(parts[:1] + parts[2:]):
            raise SystemExit(f"mutation: {file}:{number}: expected: file | function | old -> new | reason")
        change = " | ".join(parts[2:-1])  # it may hold a bar
        if parts[0] not in sources:
            sources[parts[0]] = squeezed_lines(root / parts[0])
        if not any(change.startswith(f"{line} -> ") for line in sources[parts[0]]):
            raise SystemExit(f"mutation: {file}:{number}: {parts[0]} has no such line: drop the row, or mend it")
        reasons[(parts[0], parts[1], change)] = parts[-1]
    return reasons
