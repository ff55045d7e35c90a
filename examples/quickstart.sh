#!/bin/sh
# quickstart.sh [--no-serve] [-- ARGUMENT...] - installs what is missing, builds the gateway in build/ and
# serves. Arguments after -- go to `llm-gateway serve`. With --no-serve it only installs and builds.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
build=$root/build

serve=yes
while [ $# -gt 0 ]; do
    case $1 in
        --no-serve) serve=no; shift ;;
        --) shift; break ;;
        *) echo "usage: $0 [--no-serve] [-- ARGUMENT OF SERVE...]" >&2; exit 2 ;;
    esac
done

say() { printf '%s\n' "quickstart: $*"; }

# quietly COMMAND... - its output goes to a file, whose end is shown when the command fails.
quietly() {
    if ! "$@" > "$build/quickstart.log" 2>&1; then
        tail -n 40 "$build/quickstart.log" >&2
        say "failed: $* (all of it: $build/quickstart.log)" >&2
        exit 1
    fi
}

sh "$root/examples/setup.sh"
mkdir -p "$build"
say "configuring in $build"
quietly cmake -S "$root" -B "$build" -G Ninja
say "building"
if [ -t 1 ]; then
    cmake --build "$build" # one line of progress, written over
else
    quietly cmake --build "$build"
fi
say "built $build/llm-gateway"
if [ $serve = yes ]; then
    exec "$build/llm-gateway" serve "$@"
fi
