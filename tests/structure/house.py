"""How the rooms of core are kept: no states made of flags."""

import pathlib
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


# What a decision may not be made by outside of its own folder: names of faces and dialects, of providers, of services.
NAMES = {
    "face or dialect": "chat messages responses completions embeddings count_tokens moderations rerank images audio",
    "provider": "openai azure anthropic gemini vertex bedrock ollama demo cohere",
    "service": "groq openrouter mistral deepseek xai together fireworks perplexity cerebras sambanova nvidia github google "
               "huggingface lmstudio vllm llamacpp nebius novita hyperbolic moonshot zhipu dashscope baseten",
}
# Its own folder: what a dialect or a face is. What the rooms share is not exempt.
OWN = re.compile(r"core/(?:dialect|face)/(?!(?:dialect|models|look|splice|spoken|form|face|common)\.[ch]$)")
COMPARES = re.compile(r"\b(?:text_(?:is|eq\w*|starts\w*|ends|find)|str(?:n?case)?n?cmp|memcmp|is_key|TEXT_IS)\s*\((.*)")
OBJECTS = re.compile(r"[=!]=\s*&?(?:face|dialect)_[a-z]+\b(?!\()|[=!]=\s*GW_DIALECT_\w+|case GW_DIALECT_\w+|\(.* & GW_DIALECT_\w+\)")


def decisions(name, content):
    """Lines that compare something with such a name."""
    words = "|".join(" ".join(NAMES.values()).split())
    for number, line in enumerate(content.splitlines(), 1):
        compared = COMPARES.search(line)
        if compared and re.search(rf'"(?:{words})"', compared.group(1)):
            yield f"{name}:{number}: compares with a name: {line.strip()}"
        elif OBJECTS.search(text.code_of(line)):
            yield f"{name}:{number}: asks which face or dialect it is: {line.strip()}"


def check_names_decide_nothing(files):
    """no face, dialect, provider or service is asked for by name outside its own folder"""
    complaints = []
    for name in files.select({"core"}, (".c", ".h")):
        if not OWN.match(name):
            complaints += decisions(name, files.read(name))
    samples = ('if (text_is(p->name, "groq"))', 'x = strcmp(plugin->name, "demo") == 0;', "if (req->face == &face_chat)",
               "if (face->dialect->bit == GW_DIALECT_MESSAGES)", "        case GW_DIALECT_CHAT:")
    complaints += [f"this check does not see {line}" for line in samples if not list(decisions("x", line))]
    fine = ('    { "groq", "https://api.groq.com" },', '    { &face_chat, GW_OP_CHAT },', 'text_is(name, "chatter")', ".bit = GW_DIALECT_CHAT,")
    complaints += [f"this check complains of {line}" for line in fine if list(decisions("x", line))]
    return complaints


ROOMS = ("core", "plugins", "sdk", "tests")
UNNAMED_MOST = 3  # files of a room that its page leaves out
# Words of a room's page that look like files of it.
FILE = re.compile(r"`([a-z][a-z0-9_]*)(\*?)(?:\.[ch])?`")


def check_rooms_have_a_page(files):
    """each room of core, plugins, sdk and tests has a README.md, and that of a room of core names its files"""
    rooms = {"/".join(name.split("/")[:2]) for name in files.names if name.split("/")[0] in ROOMS and name.count("/") > 1}
    complaints = []
    for room in sorted(rooms):
        page = room + "/README.md"
        if page not in files.names or len(files.read(page)) < 150:
            complaints.append(f"{room} has no README.md, or one that explains nothing")
        elif room.startswith("core/") and room != "core/cli":
            words = FILE.findall(files.read(page))
            stems = {pathlib.PurePath(name).stem for name in files.names if name.startswith(room + "/") and name.count("/") == 2}
            stems = {stem for stem in stems if stem != "README" and not stem.endswith("inside")}
            unnamed = [stem for stem in sorted(stems) if not any(stem == word or star and stem.startswith(word) for word, star in words)]
            if len(unnamed) > UNNAMED_MOST:
                complaints.append(f"{page} does not name {', '.join(unnamed)}")
    return complaints


# A function that other files may call: a definition that begins at the margin and is not static.
EXTERNAL = re.compile(r"^(?!typedef|struct \w+ \{|enum \w* ?\{|union|extern|#|/|\s|\})([a-zA-Z_][\w \*()]*?[\s\*])(\w+)\([^;{}]*\)\s*\n\{", re.MULTILINE)
STRANGERS_OF_100 = 2


def strangers(files):
    """(how many external functions core has, those whose names do not tell where they are)."""
    count, found = 0, []
    for name in files.select({"core"}, (".c",)):
        room, stem = name.split("/")[1], pathlib.PurePath(name).stem
        own = {stem, stem.split("_")[0]}
        if f"core/{room}/{room}.h" in files.names:  # the room's own header
            own.add(room)
        for kind, function in EXTERNAL.findall(files.read(name)):
            if "static" in kind or function == "main":
                continue
            count += 1
            if not any(function == prefix or function.startswith(prefix + "_") for prefix in own):
                found.append(f"{name}: {function}()")
    return count, found


def check_names_tell_the_file(files):
    """external functions of core begin with the name of their file, of its family or of their room"""
    count, found = strangers(files)
    if count < 500:
        return [f"only {count} external functions are found: this check is blind"]
    if len(found) * 100 > STRANGERS_OF_100 * count:
        return [f"{len(found)} of {count} do not, at most {STRANGERS_OF_100} of 100 may:"] + found
    return []


# Words that are no terms here: a value is reported, a client receives, a step emits.
RIDDLES = re.compile(r"(^|[^a-z])(told|tells?|said|says?)([^a-z]|$)")
COMMENT = re.compile(r"^ *(/\*|\*)|/\*.*\*/")
RIDDLES_OF_1000 = 7.5
TALKING = {"core", "plugins", "sdk", "examples", "tests"}


def check_language(files):
    """few comments use "told", "said", "says" and the like, which are no terms"""
    names = [name for name in files.select(TALKING, (".c", ".h")) if "/vendor/" not in name]
    lines = [(name, line) for name in names for line in files.read(name).splitlines() if COMMENT.search(line)]
    found = [f"{name}: {line.strip()}" for name, line in lines if RIDDLES.search(line)]
    if len(lines) < 8000:
        return [f"only {len(lines)} lines of comments are found: this check is blind"]
    rate = 1000 * len(found) / len(lines)
    if rate <= RIDDLES_OF_1000:
        return []
    return [f"{len(found)} of {len(lines)} lines do, {rate:.1f} of 1,000: at most {RIDDLES_OF_1000}"] + found
