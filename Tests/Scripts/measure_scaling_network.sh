#!/usr/bin/env bash
# Holds the scaling model against networks of known speed: sweeps on two simulated hosts whose links are limited, predicted
# by a model that was calibrated on this machine alone.
#
# usage: Tests/Scripts/measure_scaling_network.sh OUTPUT [MBIT...] [-- BENCH-OPTIONS...]     (1000 and 5000 Mbit/s)
#
# OUTPUT/local is the calibration, OUTPUT/MBIT each sweep; the model's error stands in each scaling.json (model_error) and
# in the table. Root or user namespaces are needed; exit code 77 where the kernel allows none.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
launch=${ALTA_LAUNCH:-$root/.build/release/alta-launch}
hosts=$root/Cluster/simulated-hosts
output=${1:?usage: $0 OUTPUT [MBIT...] [-- BENCH-OPTIONS...]}
shift
speeds=()
while (($# > 0)) && [[ $1 != -- ]]; do
    speeds+=("$1")
    shift
done
((${#speeds[@]} > 0)) || speeds=(1000 5000)
(($# > 0)) && shift
options=("$@")

# Hosts share this machine's cores: no binding, and a rank on each of two.
common=(bench --ranks "1,2" --no-whole-nodes --no-binding "${options[@]}")

"$launch" "${common[@]}" --output "$output/local"

export SIMULATED_HOSTS="scaling-$$"
trap '"$hosts" down' EXIT
"$hosts" up 2 --owner $$
file=$("$hosts" hostfile 1)
for speed in "${speeds[@]}"; do
    "$hosts" rate 1 "$speed"
    "$hosts" rate 2 "$speed"
    "$hosts" run "$launch" "${common[@]}" --hosts "$file" --output "$output/$speed" \
        --calibration "$output/local/scaling.json" --network-gbit "$(awk "BEGIN { print $speed / 1000 }")"
done
