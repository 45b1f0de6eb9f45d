# Shared by the scripts of this folder; sourced, not run.
# shellcheck shell=bash

export LC_ALL=C
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
logs="$project/.build/cluster-logs"
SECONDS=0

# Says what is done, with the seconds since the script began.
say() { printf '%s [%d s] %s\n' "${script:?}" "$SECONDS" "$*"; }

# One line that begins with "error: " on standard error, and the end.
fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# quietly NAME COMMAND...: keeps the output in a log; where the command fails, shows what matters of it. Returns its status.
quietly() {
    local name=$1 status=0
    shift
    mkdir -p "$logs"
    "$@" >"$logs/$name.log" 2>&1 || status=$?
    if ((status != 0)); then
        grep -E 'error: |warning: ' "$logs/$name.log" | sort -u | head -20 >&2 || true
        tail -15 "$logs/$name.log" >&2
        printf 'error: %s failed (exit code %d); its whole output: %s\n' "$name" "$status" "$logs/$name.log" >&2
    fi
    return "$status"
}
