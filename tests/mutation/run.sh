#!/bin/sh
# run.sh [--sample N] [--seed S] [--build DIR] [--jobs N] [--minutes N] [--unit-only] [--json OUT] FILE... - changes one
# line of a source file, builds, and runs the unit and then the end-to-end tests of the file's room; prints what no test
# noticed. FILE may be a folder. README.md beside it has the options, what a run costs and how its result is read.
# Ends with "mutation: N of M noticed (P %): ...; N survived, N equivalent"; status 1 when something survived.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH='' cd -- "$here/../.." && pwd)
place=$root/build/mutation
[ "${GW_NO_SETUP:-}" = 1 ] || sh "$root/examples/setup.sh" --tests
mkdir -p "$place"
if ! cmp -s "$here/requirements.lock" "$place/installed"; then
    echo 'mutation: installing universalmutator'
    rm -rf "$place/py"
    python3 -m venv "$place/py"
    "$place/py/bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$here/requirements.lock"
    cp "$here/requirements.lock" "$place/installed"
fi
export PYTHONDONTWRITEBYTECODE=1
exec "$place/py/bin/python" "$here/mutate.py" --place "$place" "$@"
