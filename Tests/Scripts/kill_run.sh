#!/usr/bin/env bash
# Kills a training run again and again, in every phase, inside its checkpoints and at any moment, and prints how often where.
set -euo pipefail
cd "$(dirname "$0")/../.."

if [[ ${1:-} == -h || ${1:-} == --help || $# -gt 1 ]]; then
    cat <<HELP
usage: Tests/Scripts/kill_run.sh [KILLS]

Starts a small deterministic run KILLS times (100) and kills it, one rank or all; each time it goes on. Exit code 0 where no start
failed, no completed checkpoint was lost, and the last weights are those of a run that was never disturbed, bit for bit.
Takes about two seconds a kill on two cores. Needs mpirun.

example: Tests/Scripts/kill_run.sh 200
HELP
    [[ $# -le 1 ]] && exit 0
    exit 2
fi

swift build -c release --build-tests
ALTA_KILLS=${1:-100} swift test -c release --skip-build --filter KilledRuns
