#!/usr/bin/env bash
# Sockhop's apps against clients of other makes: run.sh [python] [node] [others], or: run.sh tls [TEST...]
#
# The binary is $SOCKHOP_BIN, or target/release/sockhop; with compression it is $SOCKHOP_DEFLATE_BIN, or
# target/release/sockhop-deflate, built with the feature `deflate`. Python's `websockets` is installed once in a virtual
# environment below ~/.cache, npm's `ws` in the folder of its tests, the others (Perl, Go, Java) by apt-get. tls/run installs
# the clients of `tls`, and builds a binary for it.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=${CARGO_TARGET_DIR:-$here/../../target}
SOCKHOP_BIN=$(realpath "${SOCKHOP_BIN:-$target/release/sockhop}")
SOCKHOP_DEFLATE_BIN=$(realpath "${SOCKHOP_DEFLATE_BIN:-$target/release/sockhop-deflate}")
export SOCKHOP_BIN SOCKHOP_DEFLATE_BIN

with_python() { # FOLDER [TEST...]
    local venv
    venv=${XDG_CACHE_HOME:-$HOME/.cache}/sockhop/python-$(cksum <"$here/python/requirements.txt" | tr ' ' -)
    if [ ! -e "$venv/installed" ]; then
        rm -rf "$venv"
        python3 -m venv "$venv"
        "$venv/bin/pip" --quiet --disable-pip-version-check install --requirement "$here/python/requirements.txt"
        touch "$venv/installed"
    fi
    export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$here/python:$here/$1"
    if [ $# -gt 1 ]; then
        "$venv/bin/python" -m unittest "${@:2}"
    else
        "$venv/bin/python" -m unittest discover --start-directory "$here/$1"
    fi
}

with_others() {
    local missing=()
    command -v go >/dev/null || missing+=(golang-go)
    command -v javac >/dev/null || missing+=(default-jdk-headless)
    [ -e /usr/share/java/netty-all.jar ] || missing+=(libnetty-java)
    [ -e /usr/share/gocode/src/nhooyr.io/websocket ] || missing+=(golang-nhooyr-websocket-dev)
    perl -MMojolicious -e1 2>/dev/null || missing+=(libmojolicious-perl)
    if [ ${#missing[@]} -gt 0 ]; then
        local root=()
        [ "$(id -u)" = 0 ] || root=(sudo)
        "${root[@]}" apt-get update -qq
        "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -yqq --no-install-recommends "${missing[@]}" >/dev/null
    fi
    with_python others
}

with_node() {
    cd "$here/node"
    npm ci --loglevel=error --no-fund --no-audit
    npm test --silent
}

if [ "${1:-}" = tls ]; then
    with_python "$@"
    exit
fi
[ $# -gt 0 ] || set -- python node others
for client in "$@"; do
    case $client in
        python) with_python python ;;
        node) (with_node) ;;
        others) with_others ;;
        *) echo "python, node, others or tls, not $client" >&2; exit 2 ;;
    esac
done
