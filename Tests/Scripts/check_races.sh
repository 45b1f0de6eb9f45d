#!/usr/bin/env bash
# A small job whose ranks are threads, under the thread sanitizer: any data race fails it.
set -euo pipefail
export LC_ALL=C
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly skipped=77
readonly build="$project/.build/tsan"

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
    cat <<HELP
usage: Tests/Scripts/check_races.sh

Builds alta-worker with the thread sanitizer (in .build/tsan) and runs two jobs with it: three ranks as threads align for two
steps, with validation and checkpoints, and two ranks go on from there for a step. Products run on plain loops
(ALTA_KERNELS=naive): the sanitizer cannot see into OpenMP's and oneDNN's threads. Nothing is suppressed. Exit code 0: no race;
$skipped: skipped, since the sanitizer does not work on this machine.

example: Tests/Scripts/check_races.sh
HELP
    exit 0
fi

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

skip() {
    printf 'skipped: races under the thread sanitizer: %s\n' "$*"
    exit "$skipped"
}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# 66 is what a process with a race ends with.
export TSAN_OPTIONS="exitcode=66 halt_on_error=0"

# Whether the sanitizer works here at all: it must see a race that is there.
probe() {
    cat >"$folder/probe.swift" <<'SWIFT'
import Glibc
nonisolated(unsafe) var count = 0
var threads = [pthread_t](repeating: 0, count: 2)
for index in 0..<2 {
    pthread_create(&threads[index], nil, { _ in for _ in 0..<10_000 { count += 1 }; return nil }, nil)
}
for thread in threads { pthread_join(thread, nil) }
SWIFT
    swiftc -sanitize=thread -o "$folder/probe" "$folder/probe.swift" >"$folder/probe.log" 2>&1 \
        || skip "the compiler has none ($(grep -m1 error "$folder/probe.log" || echo "no reason given"))"
    local status=0
    "$folder/probe" >"$folder/probe.log" 2>&1 || status=$?
    if ((status != 66)) || ! grep -q 'WARNING: ThreadSanitizer' "$folder/probe.log"; then
        skip "it does not see a race that is there (exit code $status: $(head -1 "$folder/probe.log"))"
    fi
}

make_cohort() {
    cp "$project"/Tests/Fixtures/images/{grey.jpg,rgb8.png,colour_420.jpg,palette8.png} \
        "$project/Tests/Fixtures/dicom/jpeg_8.dcm" "$folder"
    printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' the heart is normal no effusion . small nodule in left lung \
        >"$folder/vocab.txt"
    cat >"$folder/train.csv" <<'CSV'
image_path,auxview_image_path,last_image_path,last_auxview_image_path,report
grey.jpg,rgb8.png,-1,-1,the heart is normal . no effusion
rgb8.png,-1,grey.jpg,-1,small nodule in the left lung .
colour_420.jpg,palette8.png,jpeg_8.dcm,-1,the heart is normal .
jpeg_8.dcm,-1,-1,-1,no nodule . no effusion in the left lung
CSV
    cat >"$folder/config.json" <<JSON
{"model": {"image_size": 64, "patch_size": 16, "width": 32, "vision_depth": 2, "vision_heads": 2, "decoder_width": 32,
           "decoder_depth": 1, "decoder_heads": 2, "text_depth": 2, "text_heads": 2, "text_intermediate": 64,
           "max_tokens": 32, "max_positions": 64, "projection": 32},
 "data": {"train": "$folder/train.csv", "validation": "$folder/train.csv", "vocabulary": "$folder/vocab.txt"},
 "global_batch": 4, "epochs": 1000, "learning_rate": 0.001, "warmup_epochs": 0, "checkpoint_every": 1,
 "deterministic": true, "output": "$folder/run"}
JSON
}

# run_job RANKS STEPS
run_job() {
    local status=0
    ALTA_KERNELS=naive ALTA_RANKS_AS_THREADS=$1 ALTA_CHECK_COLLECTIVES=1 ALTA_STATUS_FOLDER="$folder/status" \
        timeout 150 "$build/release/alta-worker" align "$folder/config.json" --set "steps=$2" \
        >"$folder/output" 2>"$folder/errors" || status=$?
    local races
    races=$(grep -c 'WARNING: ThreadSanitizer' "$folder/errors" || true)
    if ((races > 0 || status != 0)); then
        head -200 "$folder/errors" >&2
        fail "$races reports of the thread sanitizer in a job of $1 ranks (exit code $status)"
    fi
    [[ $(grep -c '"losses"' "$folder/run/log.jsonl") == "$2" ]] || fail "a job of $1 ranks did not take $2 steps"
    [[ -d $folder/run/checkpoints/step-0000000$2 ]] || fail "a job of $1 ranks left no checkpoint of step $2"
    grep -q '"event": *"validation"' "$folder/run/log.jsonl" || fail "a job of $1 ranks did not validate"
}

probe
cd "$project"
swift build -c release --sanitize=thread --product alta-worker --scratch-path "$build"
make_cohort
run_job 3 2
run_job 2 3
echo "no race in jobs of 3 and 2 ranks"
