"""Writes pretraining fixtures of other shapes with the reference and has `alta-worker verify` recompute each of them.

Not part of the suites: it needs torch and safetensors from PyPI, and the reference (`mrm_reference.py`, beside
`alta_reference.py`) from the material that tests compare with.

    python check_pretraining_variants.py --reference ../shared/reference/mrm_reference.py --worker .build/release/alta-worker

Prints a line for each fixture, rank count and micro-batch; exit code 1 where one does not pass.
"""

import argparse
import os
import subprocess
import sys
import tempfile

VARIANTS = {
    "one study": "--seed 3 --studies 1",
    "antialiased": "--seed 4 --studies 2 --set antialias=1",
    "half hidden, plain pixels": "--seed 5 --studies 6 --set mask_ratio=0.5 normalize_pixels=0",
    "text as wide as vision": "--seed 6 --studies 3 --set text_width=48 text_heads=6 text_intermediate=96 vocabulary=500",
    "larger": "--seed 7 --studies 5 --set image_size=96 width=96 vision_heads=4 vision_depth=3 decoder_width=48 "
              "decoder_depth=2 decoder_heads=3 text_width=32 vocabulary=1009 max_tokens=40 max_positions=50",
    "text wider than vision": "--seed 8 --studies 4 --set text_width=72 text_heads=3 text_depth=3 vocabulary=64",
    "small patches": "--seed 9 --studies 6 --set image_size=32 patch_size=8 width=24 vision_heads=2 decoder_width=64 "
                     "max_tokens=12 max_positions=12",
    "nearly all hidden": "--seed 10 --studies 4 --set antialias=1 normalize_pixels=0 text_depth=1 vision_depth=1 mask_ratio=0.9",
    "full resolution": "--seed 11 --studies 2 --set image_size=224 width=96 vision_heads=6 max_tokens=100 "
                       "max_positions=100 vocabulary=3000",
}
SPLITS = [(1, 0), (1, 1), (2, 0), (2, 1), (3, 0), (3, 1)]


def verify(worker: str, fixture: str, ranks: int, micro_batch: int) -> subprocess.CompletedProcess:
    job = ["mpirun", "--oversubscribe", "-n", str(ranks)]
    environment = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    return subprocess.run(job + [worker, "verify", fixture, "--micro-batch", str(micro_batch)],
                          capture_output=True, text=True, timeout=300, env=environment)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", required=True)
    parser.add_argument("--worker", required=True)
    a = parser.parse_args()
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, options) in enumerate(VARIANTS.items()):
            path = f"{folder}/{number}.safetensors"
            subprocess.run([sys.executable, a.reference, "fixture", path, *options.split()], check=True,
                           stdout=subprocess.DEVNULL)
            for ranks, micro_batch in SPLITS:
                outcome = verify(a.worker, path, ranks, micro_batch)
                failures += outcome.returncode != 0
                print(f"{name}, ranks {ranks}, micro-batch {micro_batch}: "
                      + ("passes" if outcome.returncode == 0 else "FAILS\n" + outcome.stdout))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
