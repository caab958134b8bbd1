#!/bin/sh
# Install one lock file, hashes checked, into one virtual environment, with no compiler needed.
#
#   docker/requirements/install.sh LOCK VENV
#
# Everything comes as a wheel except embit, whose only release form is a pure-Python source
# archive: it is built without isolation, so that its build tool is pinned by the lock as well.
set -eu

lock=$1
case $2 in
    /*) venv=$2 ;;
    *) venv=$PWD/$2 ;;
esac
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
tools=$here/dev.txt # the installer and the build tool are pinned there
source_only='embit'

export PIP_DISABLE_PIP_VERSION_CHECK=1

say() { printf '%s\n' "setup: $*"; }

supported() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null
}

find_python() {
    for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
        if supported "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    say 'needs Python 3.11, 3.12 or 3.13 on PATH (or PYTHON=/path/to/python3)' >&2
    exit 1
}

# Print the locked entries whose names are given as an extended regular expression.
pick() { # LOCK NAMES
    awk -v names="^($2)==" '/^[^ ]/ { keep = ($0 ~ names) } keep' "$1"
}

# Print the lock without these entries.
without() { # LOCK NAMES
    awk -v names="^($2)==" '/^[^ ]/ { keep = ($0 !~ names) } keep' "$1"
}

make_venv() {
    rm -rf "$venv"
    python=$(find_python)
    say "virtual environment $venv with $("$python" --version 2>&1)"
    if "$python" -c 'import ensurepip' 2>/dev/null; then
        "$python" -m venv "$venv"
        pip() { "$venv/bin/python" -m pip "$@"; }
    else
        say 'this Python has no ensurepip; taking pip from the Debian package python3-pip-whl'
        "$python" -m venv --without-pip "$venv"
        (cd "$root" && "$python" -m chains.devnet.debian python3-pip-whl "$venv/bootstrap")
        wheel=$(echo "$venv"/bootstrap/usr/share/python-wheels/pip-*.whl)
        pip() { PYTHONPATH="$wheel" "$venv/bin/python" -m pip "$@"; }
    fi
}

# uv is ten times faster; pip follows where only pip is configured for this site's mirror.
install_wheels() {
    UV_SYSTEM_CERTS=true UV_NO_PROGRESS=1 "$venv/bin/uv" pip install --quiet \
        --python "$venv/bin/python" --require-hashes --no-deps --no-build -r "$1" && return
    say 'uv could not install the lock, trying pip'
    pip install -qq --require-hashes --no-deps --only-binary :all: -r "$1"
}

make_venv
part=$(mktemp -d)
trap 'rm -rf "$part"' EXIT
pick "$tools" 'uv|setuptools' >"$part/tools.txt"
without "$lock" "$source_only" >"$part/wheels.txt"
pick "$lock" "$source_only" >"$part/source.txt"
say "packages of $(basename "$lock"): $(grep -c == "$lock")"
pip install -qq --require-hashes --only-binary :all: -r "$part/tools.txt"
install_wheels "$part/wheels.txt"
pip install -qq --require-hashes --no-deps --no-build-isolation -r "$part/source.txt"
rm -rf "$venv/bootstrap"
