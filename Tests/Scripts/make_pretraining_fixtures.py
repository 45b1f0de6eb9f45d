"""Makes Tests/Fixtures/pretraining.safetensors and transform_digests.json: what torchvision, torch and Python's draws make of
the pretraining stage's inputs, and of the alignment stage's transforms at the sizes of the published model.

    python3 -m venv VENV && VENV/bin/pip install pillow torch torchvision safetensors xxhash
    VENV/bin/python Tests/Scripts/make_pretraining_fixtures.py Tests/Fixtures REFERENCE [RADIOGRAPHS]

REFERENCE is the folder of `mrm_reference.py`, RADIOGRAPHS a folder of images that must not be copied (only digests of what
becomes of them are kept). The pictures are those of Tests/Fixtures/images (make_image_fixtures.py). The safetensors file holds
  boxed/CASE              U8 [S, S]: resized_crop (bicubic, antialiased), hflip, grey
  normalized              F32 [256]: ToTensor and Normalize of the values 0 ... 255 with the constants of MRM
  reduced/K, input/K      F32 [C, H, W]: F.interpolate(bicubic, antialias=False) to half of each side, and its input
  masks/K/ids             I32 [N, T]: padded reports; every third id above 4 is a `##` piece
  masks/K/masked, labels  I32 [N, T]: what `mask_words` makes of them (labels: -100 where nothing is predicted)
  masks/K/draws           F64 [D]: Python's draws in their order, report after report, as many as were taken
and, as JSON in the metadata, `cases`, `masks` (max_tokens and the ids of [MASK] and [SEP]) and `versions`. The digests are XXH64 of
grey pixels, row by row: of the pretraining transform at 448, and of the evaluation and training transforms at 224; `draws`
are means over what RandomResizedCrop draws.
"""

import glob
import json
import os
import random
import sys

import numpy as np
import PIL
import torch
import torchvision
import torchvision.transforms.functional as T
import xxhash
from PIL import Image
from safetensors.numpy import save_file
from torchvision.transforms import InterpolationMode

import make_image_fixtures as pictures


def boxed(path: str, case: dict) -> np.ndarray:
    x = Image.open(path).convert("RGB")
    x = T.resized_crop(x, case["top"], case["left"], case["height"], case["width"], [case["side"]] * 2,
                       InterpolationMode.BICUBIC, antialias=True)
    if case["mirrored"]:
        x = T.hflip(x)
    return np.asarray(x.convert("L"))


def drawn_box(rng: random.Random, width: int, height: int) -> dict:
    h, w = rng.randint(1, height), rng.randint(1, width)
    return dict(top=rng.randint(0, height - h), left=rng.randint(0, width - w), height=h, width=w,
                mirrored=rng.random() < 0.5)


def boxes(folder: str) -> dict[str, dict]:
    """Up and down, whole, one pixel, the box's own size, wide and high ones."""
    rng, table = random.Random(1), {}
    for file in ("colour_420.jpg", "grey.jpg", "rgb8.png", "thin.png", "palette4.png"):
        width, height = Image.open(f"{folder}/{file}").size
        for side in (16, 64):
            table[f"{file}/{side}"] = dict(file=file, side=side, **drawn_box(rng, width, height))
        table[f"{file}/whole"] = dict(file=file, side=32, top=0, left=0, height=height, width=width, mirrored=True)
    size = dict(file="colour_444.jpg", side=30, mirrored=False)
    table["same_size"] = dict(size, top=5, left=11, height=30, width=30)
    table["same_width"] = dict(size, top=2, left=31, height=41, width=30)
    table["same_height"] = dict(size, top=15, left=0, height=30, width=61)
    table["pixel"] = dict(size, top=44, left=60, height=1, width=1)
    return table


def masks(reference: str) -> tuple[dict[str, np.ndarray], list[dict]]:
    sys.path.insert(0, reference)
    import mrm_reference as mrm

    class Counted(random.Random):
        def random(self) -> float:
            self.taken.append(super().random())
            return self.taken[-1]

    tensors, settings = {}, []
    for k, (length, separator) in enumerate([(24, None), (24, 4), (100, None)]):
        rng, counted = random.Random(k), Counted(k)
        counted.taken = []
        name = lambda i: "[SEP]" if i == separator else f"##{i}" if i > 4 and i % 3 == 0 else str(i)
        rows = []
        for n in range(40):
            # Full reports, short ones and empty ones; [UNK] and [MASK] spelled out in a report, pieces at its start.
            count = length - 1 if n % 4 == 0 else rng.randint(0, length - 2)
            body = [rng.choice([1, mrm.MASK]) if rng.random() < 0.1 else rng.randint(5, 200) for _ in range(count)]
            if separator is not None:
                body = body[: length - 2] + [separator]
            rows.append(([mrm.CLS] + body + [mrm.PAD] * length)[:length])
        made = [mrm.mask_words(row, [name(i) for i in row], counted) for row in rows]
        tensors[f"masks/{k}/ids"] = np.array(rows, "i4")
        tensors[f"masks/{k}/masked"] = np.array([m for m, _ in made], "i4")
        tensors[f"masks/{k}/labels"] = np.array([l for _, l in made], "i4")
        tensors[f"masks/{k}/draws"] = np.array(counted.taken, "f8")
        settings.append(dict(max_tokens=length, mask=mrm.MASK, separator=-1 if separator is None else separator))
    return tensors, settings


def draws() -> list[dict]:
    """What RandomResizedCrop draws for radiographs of several shapes, the last of which no box fits: means of 20,000."""
    torch.manual_seed(1)
    table = []
    for width, height in [(300, 240), (200, 320), (90, 210), (400, 40)]:
        picture = Image.new("L", (width, height))
        drawn = [torchvision.transforms.RandomResizedCrop.get_params(picture, (0.2, 1.0), (3 / 4, 4 / 3))
                 for _ in range(20000)]
        top, left, h, w = np.array(drawn, "f8").T
        table.append(dict(width=width, height=height, share=(h * w / (width * height)).mean(),
                          ratio=np.log(w / h).mean(), top=(top / height).mean(), left=(left / width).mean()))
    return table


def digest(pixels: np.ndarray) -> str:
    return xxhash.xxh64(np.ascontiguousarray(pixels).tobytes()).hexdigest()


def digests(folder: str, paths: list[str]) -> dict[str, list[dict]]:
    rng, table = random.Random(2), {"pretraining": [], "training": []}
    for path in paths:
        file, (width, height) = os.path.basename(path), Image.open(path).size
        for _ in range(2):
            case = dict(file=file, side=448, **drawn_box(rng, width, height))
            table["pretraining"].append(dict(case, digest=digest(boxed(path, case))))
            case = dict(file=file, side=224, angle=rng.uniform(-20, 20),
                        translate=[rng.randint(-22, 22), rng.randint(-22, 22)], scale=rng.uniform(0.95, 1.05),
                        shear=[rng.uniform(-10, 10), 0.0], brightness=rng.uniform(0.8, 1.2),
                        contrast=rng.uniform(0.8, 1.2), contrast_first=rng.random() < 0.5)
            cropped, augmented = pictures.transformed(os.path.dirname(path), case)
            table["training"].append(dict(case, cropped=digest(cropped), augmented=digest(augmented)))
    return table


def main(fixtures: str, reference: str, radiographs: str | None) -> None:
    folder, tensors = f"{fixtures}/images", {}
    table = boxes(folder)
    for name, case in table.items():
        tensors[f"boxed/{name}"] = boxed(f"{folder}/{case['file']}", case)
    levels = T.to_tensor(Image.fromarray(np.arange(256, dtype="u1")[None]))
    tensors["normalized"] = T.normalize(levels, [0.4978], [0.2449]).numpy().reshape(256)
    for k, shape in enumerate([(1, 64, 64), (3, 31, 46), (3, 32, 17), (1, 2, 3), (2, 5, 4)]):
        x = (pictures.picture(shape[1], shape[2], shape[0], k) * 4 - 2).astype("f4").transpose(2, 0, 1).copy()
        half = torch.nn.functional.interpolate(
            torch.from_numpy(x)[None], size=(shape[1] // 2, shape[2] // 2), mode="bicubic", antialias=False)[0]
        tensors[f"input/{k}"], tensors[f"reduced/{k}"] = x, half.numpy()
    made, settings = masks(reference)
    versions = dict(pillow=PIL.__version__, torch=torch.__version__, torchvision=torchvision.__version__)
    save_file({**tensors, **made}, f"{fixtures}/pretraining.safetensors", metadata=dict(
        cases=json.dumps(table), masks=json.dumps(settings), versions=json.dumps(versions)))
    os.chmod(f"{fixtures}/pretraining.safetensors", 0o644)
    names = ["colour_420.jpg", "colour_444_progressive.jpg", "grey.jpg", "rgb8.png", "rgb_alpha8.png", "rotated_exif.jpg"]
    made = dict(versions=versions, draws=draws(), pictures=digests(folder, [f"{folder}/{name}" for name in names]))
    if radiographs:
        made["radiographs"] = digests(radiographs, sorted(glob.glob(f"{radiographs}/*"))[::11])
    with open(f"{fixtures}/transform_digests.json", "w") as f:
        json.dump(made, f, indent=1)
    print(len(tensors), "tensors", {k: len(v) for k, v in made.items()}, versions)


if __name__ == "__main__":
    main(*sys.argv[1:4], *[None] * (4 - len(sys.argv)))
