#!/usr/bin/env bash
# Damaged inputs for every parser of bytes from outside, under the address sanitizer.
#
#   Tests/Scripts/fuzz.sh [--inputs N] [--seed S] [--seconds T] [PARSER]...
#
# Builds alta-parser-fuzz with --sanitize=address in a folder of its own (.build/fuzz), then gives each parser (or those
# named) N damaged inputs (100,000). An input may take T processor seconds (2) and allocate 256 MB at once, a parser's
# process may hold 1 GB. Inputs depend on the seed (1) and their number alone. Prints a table; exit code 1 where a parser
# died, with the command that repeats the input. Peak memory is that of the process, sanitizer included.
set -euo pipefail
export LC_ALL=C

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build="$project/.build/fuzz"
inputs=100000 seed=1 seconds=2
targets=()
while (($# > 0)); do
    case $1 in
        --inputs) inputs=$2; shift 2 ;;
        --seed) seed=$2; shift 2 ;;
        --seconds) seconds=$2; shift 2 ;;
        -h | --help) sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
        -*) echo "error: unknown option $1" >&2; exit 2 ;;
        *) targets+=("$1"); shift ;;
    esac
done

mkdir -p "$build"
swift build --package-path "$project" -c release --sanitize=address --scratch-path "$build" \
    --product alta-parser-fuzz >"$build/build.log" 2>&1 || { tail -20 "$build/build.log" >&2; exit 1; }
fuzz="$build/release/alta-parser-fuzz"
export ASAN_OPTIONS=hard_rss_limit_mb=1024:max_allocation_size_mb=256:quarantine_size_mb=32:detect_leaks=0

((${#targets[@]} > 0)) || mapfile -t targets < <("$fuzz" --list)
printf '%-16s %9s %9s %9s %11s %10s %8s\n' parser inputs accepted refused slowest/ms its-number peak/MB
failed=0
for target in "${targets[@]}"; do
    status=0
    row=$("$fuzz" --target "$target" --inputs "$inputs" --seed "$seed" --seconds "$seconds" \
        --progress "$build/progress" 2>"$build/$target.log") || status=$?
    if ((status == 0)); then
        # shellcheck disable=SC2086
        printf '%-16s %9s %9s %9s %11s %10s %8s\n' $row
        continue
    fi
    failed=1
    number=$(cat "$build/progress" 2>/dev/null || echo 0)
    printf '%-16s died at input %s with status %d; its last words:\n' "$target" "$number" "$status"
    grep -vE '^(=+|\s*)$' "$build/$target.log" | head -12 | sed 's/^/    /'
    printf '    again: ASAN_OPTIONS=%s %s --target %s --seed %s --first %s --inputs 1 (--dump FILE writes the input)\n' \
        "$ASAN_OPTIONS" "$fuzz" "$target" "$seed" "$number"
done
exit "$failed"
