# Sourced by scripts/demo and scripts/test: a Python environment in .venv, made once and reused while it fits.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
cd "$root"

die() {
    echo "$1" >&2
    exit 1
}

# Print the first interpreter on the PATH that recae can run on.
find_python() {
    local candidate
    for candidate in ${PYTHON:-} python3.13 python3.12 python3.11 python3.14 python3 python; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            command -v "$candidate"
            return
        fi
    done
    die "recae needs Python 3.11 or newer with the venv module; none was found. Install one, or name it: PYTHON=/path/to/python $0"
}

# need_environment EXTRA: make .venv hold recae with that extra, unless it does already.
need_environment() {
    local extra=$1 stamp=".venv/recae-$1.stamp" wanted
    wanted=$(cat pyproject.toml scripts/constraints.txt | cksum)
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && .venv/bin/python -P -c 'import click, recae' >/dev/null 2>&1; then
        return
    fi
    if ! .venv/bin/python -c '' >/dev/null 2>&1; then
        local python
        python=$(find_python)
        echo "Making an environment in .venv with $python ..." >&2
        "$python" -m venv --clear .venv || die "The environment .venv could not be made."
    fi
    echo "Installing recae[$extra] into .venv (a few minutes the first time) ..." >&2
    .venv/bin/python -m pip install -qq --disable-pip-version-check -c scripts/constraints.txt -e ".[$extra]" ||
        die "recae could not be installed; see the messages of pip above."
    echo "$wanted" >"$stamp"
}
