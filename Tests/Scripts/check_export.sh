#!/usr/bin/env bash
# Exports a model made of published files, loads it in PyTorch with load_state_dict(strict=True) and compares.
#
#     Tests/Scripts/check_export.sh SHARED [STUDIES]
#
# SHARED is a folder with reference/alta_reference.py and fixtures/ (tiny.safetensors, mrm_tiny*.pth, cxrbert_tiny.bin).
# The reference with the exported weights writes losses, embeddings, gradients and stepped weights of a batch; alta-worker
# verify recomputes them with the same weights. Needs python3 with venv and a network for torch and safetensors, unless
# PYTHON names an interpreter that has them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
shared=$1
studies=${2:-4}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [[ -z ${PYTHON:-} ]]; then
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install -q torch safetensors numpy
    PYTHON=$work/venv/bin/python
fi
swift build -c release --product alta-worker >&2
worker=$(swift build -c release --show-bin-path)/alta-worker
for vision in mrm_tiny.pth mrm_tiny_legacy.pth mrm_tiny_fp16_flat.pth; do
    "$worker" export --config "$shared/fixtures/tiny.safetensors" --vision "$shared/fixtures/$vision" \
        --text "$shared/fixtures/cxrbert_tiny.bin" --output "$work/model.safetensors" 2>/dev/null
    PYTHONPATH=$shared/reference "$PYTHON" - "$work" "$studies" <<'PYTHON'
import json, sys
import alta_reference as reference
from safetensors import safe_open
from safetensors.torch import load_file

work, studies = sys.argv[1], int(sys.argv[2])
path = f"{work}/model.safetensors"
with safe_open(path, "pt") as file:
    told = json.loads(file.metadata()["config"])
config = reference.Config(**{k: v for k, v in told.items() if k in reference.Config.__dataclass_fields__})
# The fixture writer draws its weights here; the exported ones take their place.
reference.initialise = lambda model, seed: model.load_state_dict(load_file(path), strict=True)
reference.write_fixture(f"{work}/fixture.safetensors", config, studies, 11, 2)
PYTHON
    echo "$vision"
    "$worker" verify "$work/fixture.safetensors"
done
