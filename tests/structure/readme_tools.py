"""readme_tools.py - README's table of tools: each setting is pasted as it stands, and the tool gets an answer.

A setting of variables is put before the tool's command, where the tool is used as its own guide shows it, without any
key or address. A setting of code takes the place of the model in the shortest program of its library. The tools are
those that tests/clients installs. An environment without keys: whatever the setting does not bring is not there.
"""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile

ANSWER = "hello there"

PYTHON = {
    "Anthropic SDK": "import anthropic\n"
    "print(anthropic.Anthropic().messages.create(model='demo', max_tokens=99, messages=[{'role': 'user', "
    "'content': 'hello there'}]).content[0].text)\n",
    "OpenAI SDK": "import openai\n"
    "print(openai.OpenAI().chat.completions.create(model='demo', messages=[{'role': 'user', 'content': "
    "'hello there'}]).choices[0].message.content)\n",
    "LangChain": "from langchain_openai import ChatOpenAI\nprint(SETTING.invoke('hello there').content)\n",
}
JAVASCRIPT = {
    "Anthropic SDK": "import Anthropic from '@anthropic-ai/sdk';\n"
    "const answer = await new Anthropic().messages.create({ model: 'demo', max_tokens: 99, messages: [{ role: 'user', "
    "content: 'hello there' }] });\nconsole.log(answer.content[0].text);\n",
    "OpenAI SDK": "import OpenAI from 'openai';\n"
    "const answer = await new OpenAI().chat.completions.create({ model: 'demo', messages: [{ role: 'user', content: "
    "'hello there' }] });\nconsole.log(answer.choices[0].message.content);\n",
    "Vercel AI SDK": "import { createOpenAI } from '@ai-sdk/openai';\nimport { generateText } from 'ai';\n"
    "const { text } = await generateText({ model: SETTING, prompt: 'hello there' });\nconsole.log(text);\n",
}
QUIET = {name: "1" for name in ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "DISABLE_AUTOUPDATER", "DISABLE_TELEMETRY",
                                "DISABLE_ERROR_REPORTING", "IS_SANDBOX")}


def rows_of(readme):
    """(line, tool, setting) of the table that begins with | tool | setting |."""
    lines = readme.splitlines()
    at = next((n for n, line in enumerate(lines) if re.fullmatch(r"\| *tool *\| *setting *\|", line)), None)
    if at is None:
        raise ValueError("README.md has no table | tool | setting |")
    for number in range(at + 2, len(lines)):
        cells = re.fullmatch(r"\| *([^|]+?) *\| *(.+?) *\|", lines[number])
        if not cells:
            return
        yield number + 1, cells.group(1), cells.group(2)


def install(root):
    """{"py": PYTHON, "js": FOLDER, "claude": PROGRAM, "node": PROGRAM}, "" for what cannot be had; and what was said."""
    done = subprocess.run(["sh", str(root / "tests/clients/run.sh"), "--install"], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=900)
    return dict(re.findall(r"(?m)^(py|js|claude|node)=(.*)$", done.stdout)), done.stdout + done.stderr


def ways(tool, setting, places, folder):
    """(what is tried, shell line, the installed tool that it needs) of each way to use the row."""
    pasted = setting.strip("`")
    variables = pasted if re.fullmatch(r"(\w+=\S+ ?)+", pasted) else ""
    name = re.sub(r",.*", "", tool)
    if name == "Claude Code":
        yield "claude", "%s '%s' -p '%s'" % (variables, places.get("claude"), ANSWER), "claude"
    if name in PYTHON:
        (folder / "tool.py").write_text(PYTHON[name].replace("SETTING", pasted))
        yield "python", "%s '%s' tool.py" % (variables, places.get("py")), "py"
    if name in JAVASCRIPT:
        (folder / "tool.mjs").write_text(JAVASCRIPT[name].replace("SETTING", pasted))
        yield "javascript", "%s '%s' tool.mjs" % (variables, places.get("node")), "js"


def paste(line, folder, home):
    """None when the tool printed the answer, else what it said."""
    env = {**{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}, **QUIET, "HOME": str(home),
           "no_proxy": "127.0.0.1", "HTTPS_PROXY": "http://127.0.0.1:9"}
    try:
        done = subprocess.run(["sh", "-c", line], cwd=folder, env=env, stdin=subprocess.DEVNULL, timeout=120,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    except subprocess.TimeoutExpired:
        return "not done after 120 s"
    return None if done.returncode == 0 and ANSWER in done.stdout else \
        "exit status %d: %s" % (done.returncode, " | ".join(done.stdout.splitlines()[-6:]))


def run_table(root, readme, report):
    """`readme`: its text, for a gateway that runs with the demo provider at the address it names."""
    places, said = install(root)
    for number, tool, setting in rows_of(readme):
        tried = False
        with tempfile.TemporaryDirectory(prefix="gateway-tool-") as scratch:
            folder = pathlib.Path(scratch)
            home = folder / "home"
            home.mkdir()
            if places.get("js"):
                (folder / "node_modules").symlink_to(pathlib.Path(places["js"]) / "node_modules")
            for how, line, needs in ways(tool, setting, places, folder):
                tried = True
                where = "README.md:%d %s, pasted (%s)" % (number, tool, how)
                if not places.get(needs):
                    report.skip(where, "it could not be installed: %s" % " | ".join(said.splitlines()[:4]))
                else:
                    report.add(where, paste(line, folder, home))
            shutil.rmtree(home, ignore_errors=True)
        if not tried and setting != "the lines above":
            report.add("README.md:%d %s" % (number, tool), "nothing here tries this tool")
