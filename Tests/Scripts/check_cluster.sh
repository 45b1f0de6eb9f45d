#!/usr/bin/env bash
# What can be known of the folder Cluster without a cluster: scripts are linted, batch scripts run against a launcher and a
# queue that are played, what Kubernetes and containers read is parsed, setup is run by a user without rights.
# Words, not lines, are read; what is played expands its own variables.
# shellcheck disable=SC2013,SC2016
set -uo pipefail
export LC_ALL=C
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

complain() {
    printf 'error: %s\n' "$*" >&2
    failures=$((failures + 1))
}

# expect WHAT FILE TEXT: a file holds a text.
expect() { grep -qF -e "$3" "$2" || complain "$1: no \"$3\" in: $(tr '\n' ';' <"$2")"; }
refuse() { grep -qF -e "$3" "$2" && complain "$1: \"$3\" in: $(tr '\n' ';' <"$2")"; }

scripts() { grep -d skip -lE '^#!/usr/bin/env bash|^# shellcheck shell=bash' Cluster/* Cluster/*/* Tests/Scripts/*.sh 2>/dev/null; }

lint() {
    local file
    while read -r file; do bash -n "$file" || complain "$file: no bash"; done < <(scripts)
    if ! command -v shellcheck >/dev/null; then
        printf 'skipped: scripts are read by bash alone: there is no shellcheck\n'
        return
    fi
    scripts | xargs shellcheck -x -P Cluster || complain "shellcheck"
}

helps() {
    local file
    for file in setup demo test compare package test-mpich simulated-hosts; do
        "Cluster/$file" --help >"$work/help" 2>&1 || complain "Cluster/$file --help"
        expect "Cluster/$file --help" "$work/help" "usage: Cluster/$file"
    done
    for file in 'package --nope' 'simulated-hosts up 0' 'simulated-hosts nope' 'simulated-hosts with' 'setup now'; do
        # shellcheck disable=SC2086 # a command and its arguments
        Cluster/$file >"$work/usage" 2>&1
        (($? == 2)) || complain "Cluster/$file: not a usage error"
        expect "Cluster/$file" "$work/usage" "error: "
    done
}

# --- Batch scripts

# The launcher plays a run that says what it got, ends by itself with FAKE_STATUS, or at USR1 after half a second with 75.
make_stage() {
    mkdir -p "$work/bin" "$work/alta"
    cat >"$work/alta/alta-launch" <<'FAKE'
#!/usr/bin/env bash
printf 'launched: %s\n' "$*" >>"$WORK/said"
trap 'echo "launcher: USR1" >>"$WORK/said"; stop=1' USR1
touch "$WORK/started"
for ((i = 0; i < FAKE_TICKS; i++)); do
    [[ -n ${stop:-} ]] && sleep 0.5 && echo "launcher: checkpoint" >>"$WORK/said" && exit 75
    sleep 0.05
done
exit "$FAKE_STATUS"
FAKE
    for program in scontrol qrerun qsub; do
        printf '#!/usr/bin/env bash\necho "%s: $*" >>"$WORK/said"\n[[ ${REFUSE:-} != *%s* ]]\n' "$program" "$program" \
            >"$work/bin/$program"
    done
    chmod +x "$work/bin/"* "$work/alta/alta-launch"
    printf 'node1\nnode1\nnode2\n' >"$work/nodes"
}

# batch SCRIPT [NAME=VALUE...]: runs a batch script as its scheduler does; leaves its exit code in `status`. With SIGNAL, the
# script gets that signal once the launcher runs.
batch() {
    local script=$1
    shift
    rm -f "$work/said" "$work/started"
    : >"$work/said"
    env -C "$work" PATH="$work/bin:$PATH" WORK="$work" ALTA_BIN="$work/alta" FAKE_STATUS=0 FAKE_TICKS=1 SLURM_JOB_ID=17 SLURM_CPUS_PER_TASK=2 \
        PBS_JOBID=18.server PBS_NODEFILE="$work/nodes" PBS_O_WORKDIR="$work" "$@" \
        bash "$script" >"$work/output" 2>&1 &
    local job=$! waited
    case " $* " in
        *' SIGNAL='*)
            for ((waited = 0; waited < 200; waited++)); do
                [[ -e $work/started ]] && break
                sleep 0.05
            done
            kill -"$(printf '%s\n' "$@" | sed -n 's/^SIGNAL=//p')" "$job"
            ;;
    esac
    status=0
    wait "$job" || status=$?
}

# check_cancelled SCRIPT [NAME=VALUE...]: TERM is handed on and waited for, and nothing is put back into the queue.
check_cancelled() {
    local script=$1 program
    batch "$@" FAKE_TICKS=400 SIGNAL=TERM
    ((status == 75)) || complain "$script: cancelled: exit code $status"
    expect "$script: TERM" "$work/said" "launcher: USR1"
    expect "$script: TERM is waited for" "$work/said" "launcher: checkpoint"
    for program in scontrol qrerun qsub; do refuse "$script: TERM" "$work/said" "$program"; done
}

# check_stuck SCRIPT REQUEUE [NAME=VALUE...]: a run that stops twice at the same checkpoint, or twice before its first, is not put
# back again; one that has a newer one is.
check_stuck() {
    local script=$1 requeue=$2 run="$work/run"
    shift 2
    rm -rf "$run" "$work"/alta-*
    printf '{"model": "alta-tiny",\n "output" : "%s", "seed": 1}\n' "$run" >"$work/stuck.json"
    set -- "$script" CONFIGURATION="$work/stuck.json" FAKE_STATUS=75 "$@"
    batch "$@"
    ((status == 0)) || complain "$script: the first stop: exit code $status"
    mkdir -p "$run/checkpoints/step-00000009" "$run/checkpoints/.partial-step-00000010"
    batch "$@"
    ((status == 0)) || complain "$script: a stop with a first checkpoint: exit code $status"
    mkdir -p "$run/checkpoints/step-00000010"
    batch "$@"
    ((status == 0)) || complain "$script: a stop with a newer checkpoint: exit code $status"
    expect "$script: a newer checkpoint" "$work/said" "$requeue"
    batch "$@"
    ((status == 75)) || complain "$script: stopped twice at one checkpoint: exit code $status"
    refuse "$script: stopped twice at one checkpoint" "$work/said" "$requeue"
    expect "$script" "$work/output" "twice without a newer checkpoint in $run (step-00000010)"
    rm -rf "$run"
    batch "$@"
    batch "$@"
    ((status == 75)) || complain "$script: stopped twice at its start: exit code $status"
    expect "$script" "$work/output" "twice without a newer checkpoint in $run (none)"
    # A job submitted again has another number in truth; here nothing of the first may be left.
    batch "$@"
    ((status == 0)) || complain "$script: what it kept of an ended job: exit code $status"
    batch "$@" FAKE_STATUS=0
    ((status == 0)) || complain "$script: success after a stop: exit code $status"
    compgen -G "$work/alta-*" >/dev/null && complain "$script: what it kept is left behind"
}

check_slurm() {
    local script="$PWD/Cluster/slurm/align.sbatch" directive
    for directive in --nodes= --ntasks-per-node= --time= --requeue --signal=B:USR1@120 --open-mode=append --output=; do
        expect "$script" "$script" "#SBATCH $directive"
    done
    # Slurm reads directives up to the first command.
    awk '/^#SBATCH/ && seen { exit 1 } /^[^#]/ { seen = 1 }' "$script" || complain "$script: a directive after a command"
    batch "$script" CONFIGURATION=c.json
    ((status == 0)) || complain "$script: a run that succeeds: exit code $status"
    expect "$script" "$work/said" "launched: run -- align c.json"
    batch "$script" RANKS=5 CONFIGURATION=c.json
    expect "$script" "$work/said" "launched: run -n 5 --threads-per-rank 2 -- align c.json"
    refuse "$script: success" "$work/said" scontrol
    batch "$script" FAKE_STATUS=1
    ((status == 1)) || complain "$script: a run that fails: exit code $status"
    refuse "$script: failure" "$work/said" scontrol
    batch "$script" FAKE_STATUS=75
    ((status == 0)) || complain "$script: a run that is put back: exit code $status"
    expect "$script" "$work/said" "scontrol: requeue 17"
    batch "$script" FAKE_TICKS=400 SIGNAL=USR1
    expect "$script: USR1" "$work/said" "launcher: USR1"
    expect "$script: USR1 is waited for" "$work/said" "launcher: checkpoint"
    expect "$script: USR1" "$work/said" "scontrol: requeue 17"
    check_cancelled "$script"
    batch "$script" FAKE_STATUS=75 SLURM_RESTART_COUNT=3 MOST_REQUEUES=3
    ((status == 75)) || complain "$script: no end of requeues: exit code $status"
    refuse "$script: put back too often" "$work/said" scontrol
    batch "$script" FAKE_STATUS=75 REFUSE=scontrol
    ((status == 75)) || complain "$script: a requeue that is refused: exit code $status"
    expect "$script" "$work/output" "error: the job could not be put back"
    check_stuck "$script" "scontrol: requeue 17"
}

check_pbs() {
    local script="$PWD/Cluster/pbs/align.pbs" directive
    for directive in '-N ' '-l select=' '-l walltime=' '-r y' '-j oe'; do expect "$script" "$script" "#PBS $directive"; done
    awk '/^#PBS/ && seen { exit 1 } /^[^#]/ { seen = 1 }' "$script" || complain "$script: a directive after a command"
    batch "$script" CONFIGURATION=c.json
    ((status == 0)) || complain "$script: a run that succeeds: exit code $status"
    expect "$script" "$work/said" "launched: run -- align c.json"
    batch "$script" RANKS=5 CONFIGURATION=c.json
    expect "$script" "$work/said" "launched: run -n 5 -- align c.json"
    refuse "$script: success" "$work/said" "qrerun"
    batch "$script" FAKE_STATUS=1
    ((status == 1)) || complain "$script: a run that fails: exit code $status"
    refuse "$script: failure" "$work/said" "qrerun"
    check_cancelled "$script" SCRIPT=/x/align.pbs
    batch "$script" FAKE_TICKS=400 SIGNAL=USR1
    expect "$script: USR1 is waited for" "$work/said" "launcher: checkpoint"
    expect "$script: USR1" "$work/said" "qrerun: 18.server"
    batch "$script" FAKE_TICKS=400 STOP_AFTER=0.3
    expect "$script: its own clock" "$work/said" "launcher: checkpoint"
    batch "$script" FAKE_STATUS=75 MOST_REQUEUES=2
    ((status == 75)) || complain "$script: no end of requeues: exit code $status"
    refuse "$script: put back too often" "$work/said" "qrerun"
    batch "$script" FAKE_STATUS=75 REFUSE=qrerun SCRIPT=/x/align.pbs REQUEUES=4
    ((status == 0)) || complain "$script: submitted again: exit code $status"
    expect "$script" "$work/said" "REQUEUES=5,SCRIPT=/x/align.pbs"
    batch "$script" FAKE_STATUS=75 REFUSE=qrerun,qsub
    ((status == 75)) || complain "$script: a requeue that is refused: exit code $status"
    compgen -G "$work/*.requeues" >/dev/null && complain "$script: its count of requeues is left behind"
    check_stuck "$script" "qrerun: 18.server"
    batch "$script" CONFIGURATION="$work/stuck.json" FAKE_STATUS=75 REFUSE=qrerun SCRIPT=/x/align.pbs
    expect "$script" "$work/said" "NEWEST=,RUN_FOLDER=$work/run"
    batch "$script" CONFIGURATION="$work/stuck.json" FAKE_STATUS=75 REQUEUES=1 NEWEST=
    ((status == 75)) || complain "$script: submitted again, and stopped at its start: exit code $status"
}

# --- Kubernetes and containers

check_kubernetes() {
    if ! python3 -c 'import yaml' 2>/dev/null; then
        printf 'skipped: the MPIJob is not parsed: python3 has no yaml\n'
        return
    fi
    python3 Tests/Scripts/check_mpijob.py Cluster/kubernetes/mpijob.yaml Cluster/container || complain "mpijob.yaml"
}

# list_packages: leaves the names of Debian 12's packages in a file; says why where this system has no list of them.
list_packages() {
    known="$work/packages"
    if ! grep -qs bookworm /etc/os-release || ! command -v apt-cache >/dev/null; then
        printf 'skipped: the recipes'"'"' packages are not looked up: this is not Debian 12\n'
        return
    fi
    apt-cache pkgnames >"$work/names"
    # Lists that were never fetched hold what is installed alone.
    if (($(wc -l <"$work/names") < 20000)); then
        printf 'skipped: the recipes'"'"' packages are not looked up: apt has no lists (apt-get update)\n'
    else
        mv "$work/names" "$known"
    fi
}

# Packages of a recipe exist in Debian's lists, where there are any; what it copies exists here.
check_recipe() {
    local file=$1 package source
    if [[ -e $known ]]; then
        for package in $(sed -nE '/apt-get install/,/rm -rf/p' "$file" \
            | grep -oE '\b[a-z][a-z0-9.+-]+[0-9a-z]\b' | grep -vE '^(apt-get|install|no-install-recommends|rm|rf|var|lib|apt|lists)$'); do
            grep -qxF "$package" "$known" || complain "$file: there is no package $package"
        done
    fi
    for source in $(awk '/^COPY --from/ { next } /^COPY/ { for (i = 2; i < NF; i++) print $i }
        /^%files$/ { files = 1; next } /^%/ { files = 0 } files && NF { print $1 }' "$file"); do
        [[ -e $source ]] || complain "$file copies $source, which is not there"
    done
}

check_containers() {
    local stage file=Cluster/container/Dockerfile
    list_packages
    check_recipe "$file"
    check_recipe Cluster/container/alta.def
    for stage in $(sed -nE 's/^COPY --from=(\S+).*/\1/p' "$file"); do
        grep -qE "^FROM .* AS $stage\$" "$file" || complain "$file: there is no stage $stage"
    done
    for stage in $(sed -nE 's/^%files from (\S+)$/\1/p' Cluster/container/alta.def); do
        expect alta.def Cluster/container/alta.def "Stage: $stage"
    done
    [[ $(grep -cE '^FROM ' "$file") == 2 && $(grep -E '^USER ' "$file" | tail -1) == 'USER alta' ]] \
        || complain "$file: two stages, and an ordinary user at the end"
    # What the first stage runs must have been copied by then.
    for source in Cluster/setup Cluster/common.sh Cluster/requirements.sh; do
        awk -v f="$source" '/^COPY/ && index($0, f) { found = 1 } /^RUN Cluster\/setup/ { exit !found }' "$file" \
            || complain "$file runs Cluster/setup before $source is copied"
    done
    # Both recipes run the same libraries, which are those of the package.
    diff <(grep -o 'libopenmpi3.*libstdc++6' "$file") <(grep -o 'libopenmpi3.*libstdc++6' Cluster/container/alta.def) \
        || complain "the recipes install different libraries"
}

# --- Setup by a user without rights

# A system of programs without sudo, on which Open MPI and libspng are lacking; played are what the answers hang on.
check_setup() {
    local path="$work/system" program as_nobody=()
    ((EUID == 0)) && command -v setpriv >/dev/null && as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
    mkdir -p "$path"
    for program in bash env dirname sed head grep tr awk paste cat mkdir; do ln -s "$(command -v $program)" "$path/$program"; done
    printf '#!/bin/bash\necho "Swift version 6.3.1"\n' >"$path/swift"
    printf '#!/bin/bash\ncase "$*" in *spng* | *ompi-c*) exit 1 ;; *--version*) exit 0 ;; esac\n' >"$path/pkg-config"
    printf '#!/bin/bash\nexit 0\n' >"$path/clang"
    printf '#!/bin/bash\nexit 1\n' >"$path/apt-get"
    printf '#!/bin/bash\ncase "$*" in *spng* | *openmpi*) exit 1 ;; *) echo installed ;; esac\n' >"$path/dpkg-query"
    chmod 755 "$path" "$work" "$path"/{swift,pkg-config,clang,apt-get,dpkg-query}
    if ((EUID != 0 || ${#as_nobody[@]} > 0)); then
        "${as_nobody[@]}" env -i PATH="$path" HOME=/nonexistent bash Cluster/setup >"$work/setup" 2>&1 </dev/null
        (($? == 1)) || complain "setup without rights: not exit code 1"
        for text in 'error: cannot install what is missing: this user is not root, and there is no sudo' 'pkg-config name ompi-c' \
            'mpirun on PATH' 'libspng 0.7' 'apt-get install openmpi-bin libopenmpi-dev libspng-dev' \
            'dnf install openmpi-devel openmpi libspng-devel' 'environment module'; do
            expect "setup without rights" "$work/setup" "$text"
        done
        refuse "setup without rights" "$work/setup" OpenBLAS
    fi
    # Another system, where modules have brought all of it.
    rm "$path/apt-get" "$path/dpkg-query"
    printf '#!/bin/bash\nexit 0\n' >"$path/pkg-config"
    ln -s /bin/true "$path/mpirun"
    "${as_nobody[@]}" env -i PATH="$path" HOME=/nonexistent bash Cluster/setup >"$work/setup" 2>&1 </dev/null \
        || complain "setup where all is there: $(cat "$work/setup")"
    expect "setup where all is there" "$work/setup" "ready: all that is needed is there"
}

lint
helps
make_stage
check_slurm
check_pbs
check_kubernetes
check_containers
check_setup
if ((failures > 0)); then
    printf '%d checks of Cluster failed\n' "$failures" >&2
    exit 1
fi
printf 'checks of Cluster passed\n'
