#!/bin/sh
# run.sh [--build DIR] - the OpenAI SDKs, Python and JavaScript, as they are installed by people, against the gateway.
# Installs them, pinned, below build/clients from the registries this machine is set up for; what cannot be
# installed is skipped, loudly. Ends with `clients: N passed, N failed, N skipped`.
set -u

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH='' cd -- "$here/../.." && pwd)
build=$root/build
while [ $# -gt 0 ]; do
    case $1 in
        --build) build=$2; shift 2 ;;
        --build=*) build=${1#--build=}; shift ;;
        *) echo "usage: $0 [--build DIR]" >&2; exit 2 ;;
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

install_js() {
    same "$here/package-lock.json" "$place/js/installed" && return 0
    rm -rf "$place/js"
    mkdir -p "$place/js"
    cp "$here/package.json" "$here/package-lock.json" "$place/js/"
    (cd "$place/js" && timeout 300 npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) &&
        cp "$here/package-lock.json" "$place/js/installed"
}

py='' js=''
if install_py > "$place/py.log" 2>&1; then
    py=$place/py/bin/python
else
    say "SKIPPED: the Python SDK could not be installed ($(why "$place/py.log"))"
fi
if ! command -v node > /dev/null 2>&1 || ! command -v npm > /dev/null 2>&1; then
    say "SKIPPED: the JavaScript SDK needs node and npm"
elif [ "$(node -p 'process.versions.node.split(".")[0] >= 20')" != true ]; then
    say "SKIPPED: the JavaScript SDK needs node 20 or newer, this is $(node --version)"
elif install_js > "$place/js.log" 2>&1; then
    js=$place/js
else
    say "SKIPPED: the JavaScript SDK could not be installed ($(why "$place/js.log"))"
fi

PYTHONDONTWRITEBYTECODE=1 exec python3 "$here/drive.py" --build "$build" ${py:+--py "$py"} ${js:+--js "$js"}
