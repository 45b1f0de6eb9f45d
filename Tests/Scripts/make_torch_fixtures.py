"""Makes Tests/Fixtures/torch: small files of torch.save, and what torch.load finds in them.

    python3 -m venv VENV && VENV/bin/pip install torch xxhash
    VENV/bin/python Tests/Scripts/make_torch_fixtures.py Tests/Fixtures/torch [../shared/fixtures]

Files whose names begin with `refused_` must not open. For each other file `expected.json` has
  skipped   keys of the checkpoint that are no weights, in order
  tensors   for each weight, in order: name, safetensors type, shape, XXH64 (16 hexadecimal digits) of its elements
            row-major, as little-endian F32 (floating-point types, converted by torch) or I64 (all others)
With a second argument the PyTorch files of that folder are loaded too, and recorded in `expected_shared.json`.
"""

import argparse
import collections
import io
import json
import os
import pathlib
import pickle
import sys
import zipfile

import torch
import xxhash

TYPES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.float64: "F64", torch.int64: "I64",
         torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL"}
FOLDERS = ["model", "state_dict", "model_state_dict", "module"]


class Hostile:
    """Writes a file when it is unpickled by Python."""

    def __reduce__(self):
        return (os.system, ("touch alta-was-run",))


class Outer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(3, 2)


def values(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed + 17 * len(shape)))


def strided() -> dict:
    base = values(4, 6, 5)
    return {"transposed": values(3, 7).t(), "permuted": base.permute(2, 0, 1), "sliced": base[1:4:2, ::3, 1:],
            "column": base[:, 2, 3], "expanded": values(1, 4).expand(3, 4), "expanded_last": values(3, 1).expand(3, 5),
            "scalar": torch.tensor(2.5), "empty": torch.zeros(0, 3), "empty_later": torch.zeros(3, 0, 2),
            "one": values(1, 1, 1), "integers": torch.arange(12).reshape(3, 4).t(), "offset": base.flatten()[7:19]}


def tied() -> dict:
    shared = values(5, 4)
    return {"embedding": shared, "decoder": shared, "part": shared[2:], "turned": shared.t()}


def types() -> dict:
    names = {str(kind).removeprefix("torch."): kind for kind in TYPES}
    state = {name: (values(3, 4, seed=i) * 50).to(kind) for i, (name, kind) in enumerate(names.items())}
    state["extremes"] = torch.tensor([3.4e38, 1e-45, -0.0, float("inf"), 1e-30])
    state["halves"] = torch.tensor([65504, 6e-8, -0.0, 1 / 3]).half()
    state["doubles"] = torch.tensor([1e300, 1e-300, 1 / 3, 16777217.0], dtype=torch.float64)
    return state


def training() -> dict:
    model = Outer()
    optimizer = torch.optim.AdamW(model.parameters())
    model.linear(values(2, 3)).sum().backward()
    optimizer.step()
    args = argparse.Namespace(lr=1e-3, output=pathlib.PurePosixPath("runs"), seed=1 << 70, name="\u00e9")
    return {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3, "args": args,
            "loss": torch.tensor(0.5), 7: "a key that is no text"}


def circular() -> dict:
    checkpoint = {"state_dict": collections.OrderedDict(w=values(2, 2)), "history": []}
    checkpoint["history"].append(checkpoint["history"])
    checkpoint["self"] = checkpoint
    return checkpoint


def parameters() -> dict:
    marked = torch.nn.Parameter(values(2, 3))
    marked.is_expert = True
    return {"plain": torch.nn.Parameter(values(3)), "marked": marked, "buffer": torch.nn.Buffer(values(2))}


def repacked(content: bytes, change, compression: int = zipfile.ZIP_STORED) -> bytes:
    """A zip archive with each entry as `change(name, bytes)` gives it (None: left out)."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(result, "w", compression) as new:
        for name in old.namelist():
            data = change(name, old.read(name))
            if data is not None:
                new.writestr(zipfile.ZipInfo(name), data, compression)
    return result.getvalue()


def saved(value, **options) -> bytes:
    file = io.BytesIO()
    torch.save(value, file, **options)
    return file.getvalue()


def accepted() -> dict[str, bytes]:
    old = {"_use_new_zipfile_serialization": False}
    files = {"strided.pth": saved(strided()), "strided_legacy.pth": saved(strided(), **old), "tied.pth": saved(tied()),
             "tied_legacy.pth": saved(tied(), **old), "types.pth": saved(types()),
             "types_legacy.pth": saved(types(), **old), "training.pth": saved(training()),
             "training_legacy.pth": saved(training(), **old), "circular.pth": saved(circular()),
             "parameters.pth": saved(parameters()),
             "hostile.pth": saved({"state_dict": tied(), "config": Hostile()}),
             "rezipped.pth": repacked(saved(tied()), lambda name, data: data)}
    for protocol in (1, 3, 4, 5):
        files[f"protocol{protocol}.pth"] = saved(training(), pickle_protocol=protocol)
    files["protocol4_legacy.pth"] = saved(training(), pickle_protocol=4, **old)
    return files


def refused() -> dict[str, bytes]:
    other = {"dense": values(2)}
    quantised = torch.quantize_per_tensor(values(2, 3), 0.1, 0, torch.qint8)
    script = io.BytesIO()
    torch.jit.save(torch.jit.script(Outer().linear), script)
    file = saved(tied())

    def big(name: str, data: bytes) -> bytes:
        return b"big" if name.endswith("byteorder") else data

    return {"sparse.pth": saved({**other, "odd": values(3, 3).to_sparse()}), "quantised.pth": saved({**other, "odd": quantised}),
            "meta.pth": saved({**other, "odd": torch.zeros(3, device="meta")}),
            "nested.pth": saved({**other, "odd": torch.nested.nested_tensor([values(2), values(3)])}),
            "complex.pth": saved({**other, "odd": values(3, 2).to(torch.complex64)}),
            "negative.pth": saved({**other, "odd": torch._neg_view(values(3))}),
            "uint16.pth": saved({**other, "odd": torch.zeros(3, dtype=torch.uint16)}),
            "module.pth": saved(Outer()), "module_inside.pth": saved({"model": Outer(), "epoch": 1}),
            "two_sets.pth": saved({"model": tied(), "state_dict": tied()}), "script.pt": script.getvalue(),
            "no_tensors.pth": saved({"epoch": 1}), "list.pth": saved([values(2)]),
            "big_endian.pth": repacked(file, big), "deflated.pth": repacked(file, lambda _, data: data, zipfile.ZIP_DEFLATED),
            "no_storage.pth": repacked(file, lambda name, data: None if name.endswith("data/0") else data),
            "short_storage.pth": repacked(file, lambda name, data: data[:-4] if name.endswith("data/0") else data),
            "plain_pickle.pkl": pickle.dumps({"w": [1.0]})}


def description(content) -> dict:
    folders = [key for key in FOLDERS if isinstance(content.get(key), dict)]
    weights = content[folders[0]] if folders else content
    skipped = [key for key in content if isinstance(key, str) and key not in folders] if folders else []
    others = sum(not isinstance(key, str) for key in content)
    if others:
        skipped.append(f"keys that are no texts: {others}")
    tensors = []
    for name, tensor in weights.items():
        kind = torch.float32 if tensor.is_floating_point() else torch.int64
        data = tensor.detach().to(kind).contiguous().numpy().tobytes()
        tensors.append([name, TYPES[tensor.dtype], list(tensor.shape), xxhash.xxh64(data).hexdigest()])
    return {"skipped": skipped, "tensors": tensors}


def record(paths: list[pathlib.Path], target: pathlib.Path) -> None:
    found = {}
    for path in paths:
        if path.name != "hostile.pth":
            found[path.name] = description(torch.load(path, weights_only=False))
    if "tied.pth" in found:
        found["hostile.pth"] = {**found["tied.pth"], "skipped": ["config"]}
    lines = []
    for name, entry in found.items():
        rows = ",\n  ".join(json.dumps(row) for row in entry["tensors"])
        lines.append(f' "{name}": {{"skipped": {json.dumps(entry["skipped"])}, "tensors": [\n  {rows}]}}')
    target.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def main() -> None:
    torch.manual_seed(1)
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in accepted().items():
        (folder / name).write_bytes(content)
    for name, content in refused().items():
        (folder / f"refused_{name}").write_bytes(content)
    paths = sorted(path for path in folder.glob("*.pth") if not path.name.startswith("refused_"))
    record(paths, folder / "expected.json")
    if len(sys.argv) > 2:
        large = [path for path in pathlib.Path(sys.argv[2]).iterdir() if path.suffix in (".pth", ".bin")]
        record(sorted(large), folder / "expected_shared.json")


main()
