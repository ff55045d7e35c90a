#!/bin/sh
# quickstart.sh [--no-serve] [ARGUMENT OF SERVE...] - installs what is missing, builds the gateway in build/ and serves,
# with the arguments as they are: --listen 127.0.0.1:9090, -c FILE ... With --no-serve it only installs and builds.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
build=$root/build
. "$root/examples/progress.sh"

serve=yes
case ${1:-} in
    --no-serve) serve=no; shift ;;
    -h | --help) sed -n 's/^# //p' "$0" | head -n 2; exit 0 ;;
esac
[ "${1:-}" != -- ] || shift
if [ $serve = no ] && [ $# -gt 0 ]; then
    echo "usage: $0 [--no-serve] [ARGUMENT OF SERVE...]" >&2
    exit 2
fi

say() { printf '%s\n' "quickstart: $*"; }

# where ARGUMENT... - prints the address that serve will listen at: what the command line says, then GW_LISTEN, then the
# file, then the default.
where() {
    file=${GW_CONFIG:-gateway.lua}
    listen=${GW_LISTEN:-}
    while [ $# -gt 0 ]; do
        case $1 in
            --listen=*) listen=${1#--listen=} ;;
            --listen | -l) listen=${2:-} ;;
            --config=*) file=${1#--config=} ;;
            --config | -c) file=${2:-} ;;
        esac
        shift
    done
    if [ -z "$listen" ] && [ -r "$file" ]; then
        listen=$(sed -n 's/^[^-]*address *= *"\([^"]*\)".*/\1/p' "$file" | head -n 1)
    fi
    printf '%s' "${listen:-127.0.0.1:8080}"
}

# is_taken ADDRESS:PORT - does somebody listen there? Only for this machine's own and all addresses; 1 when unknown.
is_taken() {
    port=${1##*:}
    case $port in '' | *[!0-9]* | 0) return 1 ;; esac
    case ${1%:*} in
        127.0.0.1 | localhost) at='(0100007F|00000000|0{32})' ;;
        '' | 0.0.0.0) at='[0-9A-F]+' ;;
        '[::1]') at='(0{32}|0{24}01000000)' ;;
        *) return 1 ;;
    esac
    grep -qE "^ *[0-9]+: $at:$(printf %04X "$port") [0-9A-F:]+ 0A " /proc/net/tcp /proc/net/tcp6 2> /dev/null
}

if [ $serve = yes ]; then
    address=$(where "$@")
    if is_taken "$address"; then
        say "$address is taken: end what listens there, or take another port:" \
            "sh examples/quickstart.sh --listen 127.0.0.1:$((${address##*:} + 1))" >&2
        exit 1
    fi
fi

# quietly COMMAND... - its output goes to a file, whose end is shown when the command fails.
quietly() {
    : > "$build/quickstart.log"
    if ! with_progress quickstart "$build/quickstart.log" "$@"; then
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
