#!/bin/sh
# setup.sh [--tests] - installs what is missing to build and run the gateway, and with --tests what its
# tests need. Debian 12 or 13. It says what it does, changes nothing when all is there (that takes a
# moment and no network), and starts no service. Called by quickstart.sh and tests/run.sh.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
log=$root/build/setup.log

. "$root/examples/progress.sh"

say() { printf '%s\n' "setup: $*"; }
die() { printf '%s\n' "setup: $*" >&2; exit 1; }

# other_ways WHAT - this system lacks WHAT and Debian's way does not bring it: what a person can do next.
other_ways() {
    die "$*.
Two ways on:
  - a container, on any system:
        docker build -t llm-gateway -f examples/Dockerfile .
        docker run --rm --network host llm-gateway
  - install what is missing by hand, then run this again. It is found where pkg-config looks:
        libmicrohttpd: its source is at gnu.org/software/libmicrohttpd;
            ./configure --disable-doc --disable-examples --disable-curl --prefix=/usr/local && make && sudo make install
            export PKG_CONFIG_PATH=/usr/local/lib/pkgconfig
        cmake: python3 -m pip install --user cmake"
}

# check_needs - the versions that the build asks for, on systems whose packages may be older.
check_needs() {
    lacking=
    for tool in cmake ninja pkg-config; do
        command -v $tool > /dev/null 2>&1 || lacking="$lacking, $tool"
    done
    command -v cc > /dev/null 2>&1 || lacking="$lacking, a C compiler"
    version=$(cmake --version 2> /dev/null | sed -n 's/^cmake version //p')
    case $version in
        '' | 3.2[5-9]* | 3.[3-9][0-9]* | [4-9]*) ;;
        *) lacking="$lacking, cmake >= 3.25 (here: $version)" ;;
    esac
    has_microhttpd || lacking="$lacking, libmicrohttpd >= 1.0.1 (here: $(pkg-config --modversion libmicrohttpd \
        2> /dev/null || echo none))"
    for need in 'libcurl >= 7.88' 'openssl >= 3.0' 'jansson >= 2.14' 'libpcre2-8 >= 10.36'; do
        pkg-config --exists "$need" 2> /dev/null || lacking="$lacking, $need"
    done
    pkg-config --exists lua5.4 2> /dev/null || pkg-config --exists lua54 2> /dev/null ||
        pkg-config --exists lua-5.4 2> /dev/null || lacking="$lacking, Lua 5.4"
    [ -z "$lacking" ] || other_ways "${PRETTY_NAME:-this system} lacks: ${lacking#, }, with headers"
}

for_tests=no
case ${1:-} in
    --tests) for_tests=yes ;;
    '') ;;
    *) echo "usage: $0 [--tests]" >&2; exit 2 ;;
esac

# One line = one need. Several names mean: any of them will do, the first is what gets installed.
product='
ca-certificates
cmake
curl
gcc
libc6-dev
libcurl4-openssl-dev libcurl4-gnutls-dev
libhttp-parser-dev
libjansson-dev
liblua5.4-dev
libmemcached-dev
libpcre2-dev
libpq-dev
libsqlite3-dev
libssl-dev
libyaml-dev
ninja-build
pkg-config pkgconf
tzdata
'
tests='
clang
clang-format
clang-tidy
g++
git
jq
libcriterion-dev
llvm
lua-check
make
memcached
nginx nginx-light nginx-full nginx-extras
openssl
postgresql
procps
python3
python3-jsonschema
python3-venv
'
# Debian's libmicrohttpd is new enough from 13 on. Before, it is built from source: see libmicrohttpd.sh.
from_source='
dpkg-dev
libgnutls28-dev
make
xz-utils
'

has_microhttpd() {
    PKG_CONFIG_PATH=$root/build/deps/libmicrohttpd/lib/pkgconfig:${PKG_CONFIG_PATH:-} \
        pkg-config --atleast-version=1.0.1 libmicrohttpd 2> /dev/null
}

if ! command -v apt-get > /dev/null 2>&1 || ! command -v dpkg-query > /dev/null 2>&1; then
    say "this is not Debian, so nothing is installed. The gateway needs: gcc or clang, cmake >= 3.25, ninja, pkg-config,"
    say "libmicrohttpd >= 1.0.1, libcurl, OpenSSL 3, Lua 5.4, jansson, PCRE2, libyaml, SQLite, libpq, libmemcached and http-parser, with their headers."
    check_needs
    exit 0
fi

. "${SETUP_OS_RELEASE:-/etc/os-release}"
build_microhttpd=no
wanted=$product
if [ "${ID:-}" = debian ] && [ "${VERSION_ID:-99}" -lt 13 ]; then
    wanted=$wanted$from_source
    build_microhttpd=yes
elif ! has_microhttpd; then
    wanted="$wanted
libmicrohttpd-dev"
fi
if [ $for_tests = yes ]; then
    wanted=$wanted$tests
    # A node that came from elsewhere is as good, and Debian's would get in its way.
    major=$(node --version 2> /dev/null | sed -n 's/^v\([0-9]*\)\..*/\1/p')
    if [ "${major:-0}" -lt 18 ]; then
        wanted="$wanted
nodejs"
    fi
    command -v npm > /dev/null 2>&1 || wanted="$wanted
npm"
fi

installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' | sed -n 's/ installed$//p')
is_installed() {
    case "
$installed
" in
        *"
$1
"*) return 0 ;;
    esac
    return 1
}
any_installed() {
    for name in "$@"; do
        if is_installed "$name"; then
            return 0
        fi
    done
    return 1
}

missing=$(printf '%s\n' "$wanted" | while read -r first others; do
    # shellcheck disable=SC2086 # several names on purpose
    [ -z "$first" ] || any_installed "$first" $others || printf ' %s' "$first"
done)
# The run-time part of clang's sanitizers carries clang's version in its name.
needs_clang_rt=no
if [ $for_tests = yes ] && ! printf '%s\n' "$installed" | grep -q '^libclang-rt-[0-9]*-dev$'; then
    needs_clang_rt=yes
fi
# Of the package prometheus only promtool is used. Where it cannot be had, the test that wants it is
# skipped, and says so; it is not asked for again at each run.
needs_promtool=no
if [ $for_tests = yes ] && ! command -v promtool > /dev/null 2>&1 && [ ! -f "$root/build/deps/no-promtool" ]; then
    needs_promtool=yes
fi

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}
apt() {
    with_progress setup "$log" as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@"
}

# fetch_lists - one list that cannot be fetched is an error, which apt by itself takes for a warning. With older lists
# that know every package wanted, the installation is tried all the same.
fetch_lists() {
    apt -o APT::Update::Error-Mode=any -o Acquire::Retries=2 update && return
    why=$(grep -E '^(E|W|Err)' "$log" | head -n 1)
    # shellcheck disable=SC2086 # a list
    if [ -n "$missing" ] && ! apt-cache show $missing > /dev/null 2>&1; then
        die "the package lists could not be fetched: is this machine connected, and is /etc/apt right? apt-get" \
            "reports: ${why:-nothing} (all of it: $log)"
    fi
    say "the package lists could not be fetched (${why:-see $log}): going on with those that are here"
}

# While packages are installed no service starts: nginx and prometheus would, at their usual ports.
# Debian's way to say so is a file that we put there and take away again.
policy=/usr/sbin/policy-rc.d
aside=$policy.before-llm-gateway
forbidden=no
forbid_services() {
    if grep -qs 'of llm-gateway' $policy; then # left by one that was killed
        as_root rm $policy
        [ ! -e $aside ] || as_root mv $aside $policy
    fi
    answer=0
    if [ -x $policy ]; then
        as_root $policy nginx start > /dev/null 2>&1 || answer=$?
    fi
    if [ $answer = 101 ]; then
        return # what is there forbids it already
    fi
    forbidden=yes
    trap allow_services EXIT
    trap 'exit 130' INT TERM HUP
    if [ -e $policy ]; then
        as_root mv $policy $aside
    fi
    printf '#!/bin/sh\n# of llm-gateway/examples/setup.sh, for a moment\nexit 101\n' | as_root tee $policy > /dev/null
    as_root chmod 755 $policy
}
allow_services() {
    [ $forbidden = yes ] || return 0
    forbidden=no
    if [ -e $aside ]; then
        as_root mv $aside $policy
    else
        as_root rm -f $policy
    fi
    trap - EXIT INT TERM HUP
}

if [ -n "$missing" ] || [ $needs_clang_rt = yes ] || [ $needs_promtool = yes ]; then
    if [ "$(id -u)" != 0 ] && ! command -v sudo > /dev/null 2>&1; then
        if [ -n "$missing" ]; then
            die "packages are missing, and installing them takes root. As root, run: apt-get update &&" \
                "apt-get install --no-install-recommends$missing"
        fi
        say "not root: going on without libclang-rt-dev or promtool"
        needs_clang_rt=no
        needs_promtool=no
    fi
fi

if [ -n "$missing" ] || [ $needs_clang_rt = yes ] || [ $needs_promtool = yes ]; then
    mkdir -p "$root/build/deps"
    : > "$log"
    say "fetching the package lists"
    fetch_lists
    forbid_services
    if [ -n "$missing" ]; then
        say "installing$missing"
        # shellcheck disable=SC2086 # a list
        if ! apt install --no-install-recommends $missing; then
            tail -n 20 "$log" >&2
            die "apt-get install failed (all of it: $log)"
        fi
        case "$missing " in
            *" nginx "*) as_root systemctl disable --quiet nginx > /dev/null 2>&1 || : ;; # nor at the next boot
        esac
    fi
    if [ $needs_clang_rt = yes ]; then
        version=$(dpkg-query -W -f '${Version}' clang | sed 's/^[0-9]*://; s/\..*//')
        say "installing libclang-rt-$version-dev"
        apt install --no-install-recommends "libclang-rt-$version-dev" ||
            say "libclang-rt-$version-dev cannot be installed: clang builds with sanitizers will not link"
    fi
    if [ $needs_promtool = yes ]; then
        say "installing prometheus (for promtool)"
        if apt install --no-install-recommends prometheus; then
            as_root systemctl disable --quiet prometheus > /dev/null 2>&1 || :
        else
            date > "$root/build/deps/no-promtool"
            say "prometheus cannot be installed: the promtool test will be SKIPPED (remove build/deps/no-promtool to try again)"
        fi
    fi
    allow_services
fi

if [ $build_microhttpd = yes ]; then
    sh "$root/examples/libmicrohttpd.sh"
fi
check_needs
say "everything is there"
