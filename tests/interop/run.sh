#!/usr/bin/env bash
# Sockhop's apps against clients of other makes: run.sh [python] [node]
#
# The binary is $SOCKHOP_BIN, or target/release/sockhop; with compression it is $SOCKHOP_DEFLATE_BIN, or
# target/release/sockhop-deflate, built with the feature `deflate`. Python's `websockets` is installed once in a virtual
# environment below ~/.cache, npm's `ws` in the folder of its tests.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=${CARGO_TARGET_DIR:-$here/../../target}
SOCKHOP_BIN=$(realpath "${SOCKHOP_BIN:-$target/release/sockhop}")
SOCKHOP_DEFLATE_BIN=$(realpath "${SOCKHOP_DEFLATE_BIN:-$target/release/sockhop-deflate}")
export SOCKHOP_BIN SOCKHOP_DEFLATE_BIN

with_python() {
    local venv
    venv=${XDG_CACHE_HOME:-$HOME/.cache}/sockhop/python-$(cksum <"$here/python/requirements.txt" | tr ' ' -)
    if [ ! -e "$venv/installed" ]; then
        rm -rf "$venv"
        python3 -m venv "$venv"
        "$venv/bin/pip" --quiet --disable-pip-version-check install --requirement "$here/python/requirements.txt"
        touch "$venv/installed"
    fi
    PYTHONDONTWRITEBYTECODE=1 "$venv/bin/python" -m unittest discover --start-directory "$here/python"
}

with_node() {
    cd "$here/node"
    npm ci --loglevel=error --no-fund --no-audit
    npm test --silent
}

[ $# -gt 0 ] || set -- python node
for client in "$@"; do
    case $client in
        python) with_python ;;
        node) (with_node) ;;
        *) echo "python or node, not $client" >&2; exit 2 ;;
    esac
done
