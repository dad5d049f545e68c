#!/usr/bin/env bash
# Run the Autobahn testsuite against `sockhop echo` and judge its report: run.sh [--tls] [--deflate [--all]]
#
# The binary is $SOCKHOP_BIN, or target/release/sockhop. With --deflate it is $SOCKHOP_DEFLATE_BIN, or
# target/release/sockhop-deflate, and the cases of compression (12.*, 13.*) are run as well: without --all only those that
# are quick. With --tls it is $SOCKHOP_TLS_BIN, or target/release/sockhop-tls, with the features `deflate` and `tls`, and socat
# is the client of TLS, which the suite is not. The suite is the public Docker image, or, when AUTOBAHN_RUN
# names a runner without Docker, `$AUTOBAHN_RUN URL --cases PATTERNS --json FILE --agent NAME`. The report stays in
# target/autobahn. Exit status 0: every case as it must be (see check.py).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=${CARGO_TARGET_DIR:-$here/../../target}
bin=${SOCKHOP_BIN:-$target/release/sockhop}
cases=$here/fuzzingclient.json
flags=()
is_tls=false
all="$*"
if [ "${1:-}" = --tls ]; then
    is_tls=true
    shift
fi
case "$*" in
    "") ;;
    --deflate) cases=$here/deflate.json ;;&
    "--deflate --all") cases=$here/deflate-all.json ;;&
    --deflate*)
        bin=${SOCKHOP_DEFLATE_BIN:-$target/release/sockhop-deflate}
        flags=(--deflate)
        ;;
    *) echo "[--tls] [--deflate [--all]], not $all" >&2; exit 2 ;;
esac
if $is_tls; then
    bin=${SOCKHOP_TLS_BIN:-$target/release/sockhop-tls}
    fixtures=$here/../../src/server/transport/tls/fixtures
    flags+=(--tls-cert "$fixtures/a.pem" --tls-key "$fixtures/a.key")
    command -v socat >/dev/null || { echo "there is no socat; to install it: apt-get install socat" >&2; exit 2; }
fi
image=${AUTOBAHN_IMAGE:-crossbario/autobahn-testsuite:25.10.1}
[ -x "$bin" ] || { echo "no binary at $bin: cargo build --release, or set SOCKHOP_BIN" >&2; exit 2; }

reports=$target/autobahn
rm -rf "$reports"
mkdir -p "$reports"
reports=$(cd "$reports" && pwd)

server=
socat=
scratch=$(mktemp -d)
cleanup() {
    if [ -n "$socat" ]; then kill "$socat" 2>/dev/null || true; fi
    if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi
    rm -rf "$scratch"
}
trap cleanup EXIT

# The largest cases echo messages of 16 MiB, and fragmented ones of 4 MiB.
mkfifo "$scratch/stdout"
"$bin" echo "${flags[@]}" --max-message 64M 127.0.0.1:0 >"$scratch/stdout" &
server=$!
exec 3<"$scratch/stdout"
read -r -t 20 line <&3 || { echo "the server did not say where it listens" >&2; exit 2; }
[[ $line =~ ://[^/[:space:]]*:([0-9]+) ]] || { echo "no address in: $line" >&2; exit 2; }
port=${BASH_REMATCH[1]}

if $is_tls; then
    # It writes its port, then a line about each connection, which nobody needs.
    mkfifo "$scratch/socat"
    to=OPENSSL:127.0.0.1:$port,cafile=$fixtures/authority.pem,snihost=localhost,commonname=localhost,nodelay
    socat -d -d -b 65536 TCP4-LISTEN:0,bind=127.0.0.1,fork,nodelay "$to" 2>"$scratch/socat" &
    socat=$!
    exec 4<"$scratch/socat"
    line=
    until [[ $line =~ listening\ on\ .*:([0-9]+) ]]; do
        read -r -t 20 line <&4 || { echo "socat did not say where it listens" >&2; exit 2; }
    done
    port=${BASH_REMATCH[1]}
    cat <&4 >/dev/null &
fi

if [ -n "${AUTOBAHN_RUN:-}" ]; then
    patterns() { python3 -c 'import json, sys; print(",".join(json.load(sys.stdin)[sys.argv[1]]))' "$1" <"$cases"; }
    report=$reports/report.json
    # Its own verdict is milder than ours: a failed case (1) is left to check.py, a run without a verdict (2) is not.
    "$AUTOBAHN_RUN" "ws://127.0.0.1:$port" --cases "$(patterns cases)" --exclude "$(patterns exclude-cases)" --json "$report" \
        --agent sockhop || [ $? -eq 1 ]
else
    host=127.0.0.1
    # Docker runs in a virtual machine there, which reaches this machine's loopback by name.
    if [ "$(uname)" = Darwin ]; then host=host.docker.internal; fi
    sed "s|ws://127.0.0.1:9001|ws://$host:$port|" "$cases" >"$scratch/fuzzingclient.json"
    report=$reports/index.json
    docker run --rm --network host --user "$(id -u):$(id -g)" \
        --volume "$scratch/fuzzingclient.json:/fuzzingclient.json:ro" --volume "$reports:/reports" \
        "$image" wstest --mode fuzzingclient --spec /fuzzingclient.json
fi

kill -0 "$server" 2>/dev/null || { echo "the server did not survive the suite" >&2; exit 1; }
python3 "$here/check.py" "$cases" "$report"
