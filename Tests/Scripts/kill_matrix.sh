#!/usr/bin/env bash
# Every fault of one rank x every phase x rank 0, middle, last of a job of three under alta-launch: does the job end in time,
# with the right exit code, the right rank and phase named first, and nothing left behind? A line a cell on standard error,
# the table of Docs/reliability.md on standard output; exit code 1 where a cell is wrong.
#
#   swift build -c release --product alta-launch && swift build -c release --product alta-fault-check
#   Tests/Scripts/kill_matrix.sh > matrix.md
#   PHASES=launch KINDS="kill stop exit0 exit3 absent" Tests/Scripts/kill_matrix.sh   # before MPI starts
#   KINDS="kill stop" PHASES="data forward" RANKS="1" Tests/Scripts/kill_matrix.sh
#
# ALTA_LAUNCH and ALTA_FAULT_CHECK name programs that lie elsewhere; STALL is the stall time in seconds (5).
set -euo pipefail
export LC_ALL=C
root=$(cd "$(dirname "$0")/../.." && pwd)
launch=${ALTA_LAUNCH:-$root/.build/release/alta-launch}
worker=${ALTA_FAULT_CHECK:-$root/.build/release/alta-fault-check}
stall=${STALL:-5}
limit=10
read -ra kinds <<<"${KINDS:-kill stop exit0 exit3 error absent}"
read -ra phases <<<"${PHASES:-start data forward communication checkpoint evaluation}"
read -ra ranks <<<"${RANKS:-0 1 2}"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Eight studies of one radiograph, two steps an epoch; a checkpoint and an evaluation after the second.
make_run() {
    cp "$root/Tests/Fixtures/images/grey.jpg" "$folder/grey.jpg"
    printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' heart lung clear large small >"$folder/vocab.txt"
    echo image_path,auxview_image_path,last_image_path,last_auxview_image_path,report >"$folder/train.csv"
    for words in 'heart clear' 'lung clear' 'large heart' 'small lung' 'heart' 'lung' 'clear' 'small heart'; do
        echo "grey.jpg,-1,-1,-1,$words" >>"$folder/train.csv"
    done
    cat >"$folder/config.json" <<JSON
{"model": {"image_size": 64, "patch_size": 16, "width": 32, "vision_depth": 2, "vision_heads": 2, "decoder_width": 32,
  "decoder_depth": 1, "decoder_heads": 2, "text_depth": 2, "text_heads": 2, "text_intermediate": 64, "max_tokens": 32,
  "max_positions": 64, "projection": 32},
 "global_batch": 4, "epochs": 3, "checkpoint_every": 2, "precision": "fp32", "output": "$folder/run",
 "data": {"train": "$folder/train.csv", "validation": "$folder/train.csv", "vocabulary": "$folder/vocab.txt"}}
JSON
}

# expected_code KIND PHASE
expected_code() {
    case $1:$2 in exit0:launch) echo 75 ;; exit3:*) echo 3 ;; exit0:* | error:*) echo 1 ;; *) echo 75 ;; esac
}

# Processes of the cell that are still there: all of them have its mark in their environment.
count_left() {
    local count=0 file
    for file in /proc/[0-9]*/environ; do
        if tr '\0' '\n' <"$file" 2>/dev/null | grep -qxF "ALTA_FAULT_MARK=$1"; then count=$((count + 1)); fi
    done 2>/dev/null
    echo $count
}

# is_less A B: whether A < B; the shell knows no fractions.
is_less() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a + 0 < b + 0) }'; }

# run_cell KIND PHASE RANK: sets `seconds` and `faults` (empty: all is well).
run_cell() {
    local kind=$1 phase=$2 rank=$3 code=0 step=2 mark=$folder/mark first place left
    case $phase in launch | start) step=0 ;; esac
    rm -rf "$folder/run" "$mark"
    ALTA_FAULT=$kind:$rank:$phase:$step ALTA_FAULT_MARK=$mark timeout -s KILL 120 \
        "$launch" run -n 3 --no-binding --stall-timeout "$stall" --worker "$worker" -- align "$folder/config.json" \
        >"$folder/output" 2>"$folder/errors" || code=$?
    local end
    end=$(date +%s.%N)
    faults=
    if [ ! -e "$mark" ]; then
        faults="never reached" seconds=0
        return
    fi
    local waits=0
    # mpirun takes a rank that leaves before MPI starts for one that needs no MPI.
    case $kind:$phase in stop:* | absent:* | exit0:launch) waits=$stall ;; esac
    seconds=$(awk -v end="$end" -v made="$(stat -c %.9Y "$mark")" -v waits="$waits" 'BEGIN { printf "%.6f", end - made - waits }')
    first=$(grep -m 1 '^error: ' "$folder/errors" || true)
    place="in step $step ($phase)"
    case $phase in launch) place= ;; start) place="at start" ;; esac
    [ "$code" = "$(expected_code "$kind" "$phase")" ] || faults+=" code=$code"
    [[ $first == "error: rank $rank "* ]] || faults+=" rank"
    [[ $first == *"$place"* ]] || faults+=" place"
    is_less "$seconds" "$limit" || faults+=" late"
    left=$(count_left "$mark")
    [ "$left" = 0 ] || faults+=" left=$left"
    if [ -n "$faults" ]; then sed 's/^/    | /' "$folder/errors" >&2; fi
}

make_run
wrong=0
echo "| fault | $(printf '%s | ' "${phases[@]}")"
echo "| --- |$(printf ' --- |%.0s' "${phases[@]}")"
for kind in "${kinds[@]}"; do
    row="| $kind |"
    for phase in "${phases[@]}"; do
        worst=0 bad=
        for rank in "${ranks[@]}"; do
            run_cell "$kind" "$phase" "$rank"
            printf '%-7s %-14s rank %s: %6.2f s %s\n' "$kind" "$phase" "$rank" "$seconds" "${faults:-as expected}" >&2
            if is_less "$worst" "$seconds"; then worst=$seconds; fi
            if [ -n "$faults" ]; then bad+=" rank $rank:$faults" wrong=$((wrong + 1)); fi
        done
        row+=" $(printf '%.1f' "$worst")$bad |"
    done
    echo "$row"
done
echo "$wrong of $((${#kinds[@]} * ${#phases[@]} * ${#ranks[@]})) cells are wrong." >&2
[ "$wrong" = 0 ]
