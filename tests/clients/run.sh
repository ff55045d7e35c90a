#!/bin/sh
# run.sh [--build DIR] [--full] [--install] - the clients that people use, as they install them, against the gateway before
# every kind of service: the SDKs of OpenAI and Anthropic for Python and JavaScript, the AI SDK, LangChain, Claude
# Code and, with --full (or GW_FULL=1), promptfoo; and the mock upstream aimock as a service nobody here wrote.
# Installs them, pinned, below build/clients from the registries this machine is set up for; what cannot be
# installed is skipped, loudly. Prints a table and ends with `clients: N passed, N failed, N skipped`.
# With --install it only installs, and prints where: py=PYTHON, js=FOLDER, claude=PROGRAM, node=PROGRAM, those that are there.
set -u

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH='' cd -- "$here/../.." && pwd)
build=$root/build
full=${GW_FULL:-0}
only_install=no
while [ $# -gt 0 ]; do
    case $1 in
        --build) build=$2; shift 2 ;;
        --build=*) build=${1#--build=}; shift ;;
        --full) full=1; shift ;;
        --install) only_install=yes; shift ;;
        *) echo "usage: $0 [--build DIR] [--full] [--install]" >&2; exit 2 ;;
    esac
done
place=$root/build/clients
mkdir -p "$place"

say() { printf '%s\n' "clients: $*"; }

# why LOG: its last line, without addresses.
why() { tail -n 1 "$1" | sed 's#[a-z+]*://[^ ]*#(address)#g' | cut -c 1-200; }

# same FILE MARK: was just this FILE installed here before?
same() { [ -f "$2" ] && cmp -s "$1" "$2"; }

install_py() {
    same "$here/requirements.lock" "$place/py/installed" && return 0
    rm -rf "$place/py"
    python3 -m venv "$place/py" &&
        timeout 300 "$place/py/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: \
            --require-hashes -r "$here/requirements.lock" &&
        cp "$here/requirements.lock" "$place/py/installed"
}

# install_js FROM FOLDER [OPTION...] - what FROM/package-lock.json pins, into FOLDER/node_modules.
install_js() {
    from=$1
    folder=$2
    shift 2
    same "$from/package-lock.json" "$folder/installed" && return 0
    rm -rf "$folder"
    mkdir -p "$folder"
    cp "$from/package.json" "$from/package-lock.json" "$folder/"
    (cd "$folder" && timeout 400 npm ci "$@" --ignore-scripts --no-audit --no-fund --loglevel=error) &&
        cp "$from/package-lock.json" "$folder/installed"
}

# node_is_new: is `node` 20 or newer? The clients do not run on older ones, and Debian 12 has 18.
node_is_new() { [ "$(node -p 'process.versions.node.split(".")[0] >= 20' 2> /dev/null)" = true ]; }

# newer_node - takes one from the registry for this folder alone, where the system's is too old.
newer_node() {
    install_js "$here/node" "$place/node" > "$place/node.log" 2>&1 || return 1
    for one in "$place"/node/node_modules/node-linux-*/bin; do
        [ -x "$one/node" ] && PATH=$one:$PATH && export PATH && node_is_new && return 0
    done
    return 1
}

# skip CLIENT WHY - says it here, and hands it to drive.py for the table.
whys=
skip() {
    say "left out: $1: $2"
    whys="$whys
$1=$2"
}

# binary_of FOLDER: Claude Code's program for this machine, which its package brings for each system.
binary_of() {
    for one in "$1"/node_modules/@anthropic-ai/claude-code-*/claude; do
        [ -x "$one" ] && "$one" --version > /dev/null 2>&1 < /dev/null && printf '%s' "$one" && return 0
    done
    return 1
}

py='' js='' claude='' promptfoo=''
if install_py > "$place/py.log" 2>&1; then
    py=$place/py/bin/python
else
    skip py "the Python clients could not be installed ($(why "$place/py.log"))"
fi
if ! command -v node > /dev/null 2>&1 || ! command -v npm > /dev/null 2>&1; then
    skip js "the JavaScript clients need node and npm"
elif ! node_is_new && ! newer_node; then
    skip js "the JavaScript clients need node 20 or newer, this is $(node --version) ($(why "$place/node.log"))"
elif install_js "$here" "$place/js" --omit=dev > "$place/js.log" 2>&1; then
    js=$place/js
    claude=$(DISABLE_AUTOUPDATER=1 HOME=$place binary_of "$js") ||
        skip claude-code "there is no program for this machine"
else
    skip js "the JavaScript clients could not be installed ($(why "$place/js.log"))"
fi
if [ $only_install = yes ]; then
    printf 'py=%s\njs=%s\nclaude=%s\nnode=%s\n' "$py" "$js" "$claude" "$(command -v node)"
    exit 0
fi
if [ "$full" != 1 ]; then
    skip promptfoo "only with --full"
elif [ -z "$js" ]; then
    skip promptfoo "as all JavaScript clients"
elif ! install_js "$here" "$place/full" > "$place/full.log" 2>&1; then
    skip promptfoo "it could not be installed ($(why "$place/full.log"))"
else
    promptfoo=$place/full
fi

set --
while IFS= read -r line; do
    [ -n "$line" ] && set -- "$@" --why "$line"
done << EOT
$whys
EOT
PYTHONDONTWRITEBYTECODE=1 exec python3 "$here/drive.py" --build "$build" ${py:+--py "$py"} ${js:+--js "$js"} \
    ${claude:+--claude "$claude"} ${promptfoo:+--promptfoo "$promptfoo"} "$@"
