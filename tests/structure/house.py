"""How the rooms of core are kept: no states made of flags."""

import re

import text

# struct -> where it is, and how many members of type bool it may have: each is named and independent of the others.
FLAGS = {"attempt": ("core/flow/attempt.h", 3), "request": ("core/flow/way.h", 6)}


def members(files, struct, name):
    """The body of a struct, without comments."""
    found = re.search(rf"(?ms)^struct {struct} \{{\n(.*?)^\}};", text.code_of(files.read(name)))
    return found.group(1) if found else ""


def flags(body):
    """The names of its members of type bool."""
    return [name.strip() for names in re.findall(r"(?m)^\s*bool ([\w, ]+);", body) for name in names.split(",")]


def check_states(files):
    """an attempt and a request have a state, not flags: few bool members"""
    complaints = []
    for struct, (name, most) in FLAGS.items():
        body = members(files, struct, name)
        found = flags(body)
        if len(body.splitlines()) < 20:
            complaints.append(f"{name}: struct {struct} is not found, or is not what this check knows")
        if len(found) > most:
            complaints.append(f"{name}: struct {struct} has {len(found)} bool members, at most {most}: {', '.join(found)}")
    if flags("    bool a, b;\n    bool c;\n    int boolean;\n") != ["a", "b", "c"]:
        complaints.append("this check does not count")
    return complaints
