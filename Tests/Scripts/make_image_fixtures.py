"""Makes Tests/Fixtures/images: small synthetic pictures and what Pillow, torchvision and torch make of them.

    python3 -m venv VENV && VENV/bin/pip install pillow torch torchvision safetensors
    VENV/bin/python Tests/Scripts/make_image_fixtures.py Tests/Fixtures/images

The pictures are made by formulas (no radiographs). `expected.safetensors` holds
  decoded/NAME       U8 [H, W, 3]: Image.open(NAME).convert("RGB")
  cropped/CASE       U8 [S, S]: resize (bicubic, antialiased) and centre crop, grey
  augmented/CASE     U8 [S, S]: the same, then affine, brightness and contrast in the given order, grey
  normalized         F32 [256]: ToTensor and Normalize of the values 0 ... 255
  halved/K, input/K  F32 [C, H, W]: F.interpolate(bicubic, antialias=True) to half of each side, and its input
and, as JSON in the metadata, `cases` (file, side and parameters of each case) and `versions`.
"""

import io
import json
import os
import struct
import sys
import zlib

import numpy as np
import PIL
import torch
import torchvision
import torchvision.transforms.functional as T
from PIL import Image
from safetensors.numpy import save_file
from torchvision.transforms import InterpolationMode


def picture(height: int, width: int, channels: int, seed: int) -> np.ndarray:
    """Smooth waves with sharp edges and some noise, in [0, 1)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    planes = []
    for c in range(channels):
        wave = 0.5 + 0.3 * np.sin(0.21 * x + c) * np.cos(0.13 * y - c)
        disc = (x - width / 2) ** 2 + (y - height / 3) ** 2 < (min(height, width) / 4) ** 2
        planes.append(np.clip(wave + 0.25 * disc - 0.2 * (x > 0.8 * width) + rng.normal(0, 0.05, x.shape), 0, 0.9999))
    return np.stack(planes, -1)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def packed(samples: np.ndarray, depth: int) -> bytes:
    """Rows of a PNG, unfiltered; `samples` is [H, W, C]."""
    rows = []
    for row in samples.reshape(samples.shape[0], -1):
        if depth == 16:
            body = row.astype(">u2").tobytes()
        elif depth == 8:
            body = row.astype("u1").tobytes()
        else:
            bits = ((row[:, None].astype(int) >> np.arange(depth - 1, -1, -1)) & 1).astype("u1")
            body = np.packbits(bits.ravel()).tobytes()
        rows.append(b"\0" + body)
    return b"".join(rows)


ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]


def png(samples: np.ndarray, depth: int, kind: int, *, chunks: bytes = b"", interlaced: bool = False) -> bytes:
    height, width = samples.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, int(interlaced))
    passes = [samples[y::dy, x::dx] for y, x, dy, dx in ADAM7] if interlaced else [samples]
    raw = b"".join(packed(p, depth) for p in passes if p.size)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunks + chunk(b"IDAT", zlib.compress(raw, 9))
            + chunk(b"IEND", b""))


def pngs() -> dict[str, bytes]:
    def samples(channels: int, depth: int, seed: int) -> np.ndarray:
        return (picture(23, 37, channels, seed) * (1 << depth)).astype(int)

    files = {}
    for kind, name, channels in [(0, "grey", 1), (2, "rgb", 3), (4, "grey_alpha", 2), (6, "rgb_alpha", 4)]:
        for depth in (8, 16):
            if (name, depth) != ("grey", 16):
                files[f"{name}{depth}.png"] = png(samples(channels, depth, kind + depth), depth, kind)
        files[f"{name}8_interlaced.png"] = png(samples(channels, 8, kind), 8, kind, interlaced=True)
    for depth in (1, 2, 4):
        files[f"grey{depth}.png"] = png(samples(1, depth, depth), depth, 0)
    for depth in (1, 2, 4, 8):
        used = 1 << depth if depth < 8 else 200
        colours = np.random.default_rng(depth).integers(0, 256, (used, 3)).astype("u1").tobytes()
        chunks = chunk(b"PLTE", colours) + chunk(b"tRNS", bytes(range(min(used, 100))))
        files[f"palette{depth}.png"] = png(samples(1, depth, depth) % used, depth, 3, chunks=chunks)
    files["palette_short.png"] = png(samples(1, 8, 3), 8, 3, chunks=chunk(b"PLTE", bytes(range(180))))
    files["grey8_transparent.png"] = png(samples(1, 8, 5), 8, 0, chunks=chunk(b"tRNS", b"\0\x40"))
    files["grey16_low.png"] = png(samples(1, 8, 6), 16, 0)
    # Not in expected.safetensors, which holds what Pillow gives: it clips the first to white. The high bytes of the
    # first are the values of grey16_low; the second has 12 bits and is refused.
    files["grey16_full.png"] = png(samples(1, 16, 6), 16, 0)
    files["grey16_refused.png"] = png(samples(1, 12, 6), 16, 0)
    files["one_pixel.png"] = png(samples(3, 8, 7)[:1, :1], 8, 2)
    files["thin.png"] = png((picture(50, 1, 1, 8) * 256).astype(int), 8, 0)
    files["png_named.jpg"] = png(samples(3, 8, 9), 8, 2)
    huge = struct.pack(">IIBBBBB", 60000, 60000, 8, 0, 0, 0, 0)
    files["huge_refused.png"] = (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", huge) + chunk(b"IDAT", zlib.compress(b"\0" * 99))
                                 + chunk(b"IEND", b""))
    hollow = struct.pack(">IIBBBBB", 9000, 9000, 8, 0, 0, 0, 0)
    files["hollow_refused.png"] = files["huge_refused.png"].replace(chunk(b"IHDR", huge), chunk(b"IHDR", hollow))
    return files


def jpegs() -> dict[str, bytes]:
    def encoded(image: Image.Image, **options) -> bytes:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=88, **options)
        return file.getvalue()

    colour = Image.fromarray((picture(45, 61, 3, 21) * 256).astype("u1"))
    grey = colour.convert("L")
    exif = Image.Exif()
    exif[0x0112] = 6
    files = {"grey.jpg": encoded(grey), "grey_progressive.jpg": encoded(grey, progressive=True),
             "grey_as_rgb.jpg": encoded(grey.convert("RGB")), "rgb_stored.jpg": encoded(colour, keep_rgb=True),
             "rotated_exif.jpg": encoded(colour, exif=exif), "cmyk_refused.jpg": encoded(colour.convert("CMYK")),
             "restarts.jpg": encoded(colour, restart_marker_blocks=3), "jpeg_named.png": encoded(colour)}
    for name in ("4:4:4", "4:2:2", "4:2:0"):
        for progressive in (False, True):
            file = f"colour_{name.replace(':', '')}{'_progressive' if progressive else ''}.jpg"
            files[file] = encoded(colour, subsampling=name, progressive=progressive)
    return files


def cases() -> dict[str, dict]:
    """Every path of the affine transform and of blending, every aspect, both scalings and none."""
    plain = dict(angle=0.0, translate=[0, 0], scale=1.0, shear=[0.0, 0.0], brightness=1.0, contrast=1.0,
                 contrast_first=False)
    drawn = dict(angle=-13.7, translate=[-5, 4], scale=1.043, shear=[8.1, 0.0], brightness=1.17, contrast=0.83,
                 contrast_first=True)
    table = {
        "colour": dict(file="colour_420.jpg", side=56, **drawn),
        "colour_large": dict(file="colour_444.jpg", side=112, **{**drawn, "angle": 19.9, "contrast_first": False}),
        "grey": dict(file="grey.jpg", side=56, **{**drawn, "brightness": 0.81, "contrast": 1.19}),
        "grey_224": dict(file="grey.jpg", side=224, **{**drawn, "translate": [22, -22]}),
        "grey_unlike_rgb": dict(file="grey_as_rgb.jpg", side=57, **drawn),
        "upscaled": dict(file="rgb8.png", side=64, **drawn),
        "shear_both": dict(file="rgb16.png", side=31, **{**drawn, "shear": [-9.5, 6.25]}),
        "thin": dict(file="thin.png", side=28, **drawn),
        "one_pixel": dict(file="one_pixel.png", side=14, **drawn),
        "same_size": dict(file="rgb8.png", side=20, **drawn),
        "unmoved": dict(file="colour_420.jpg", side=56, **plain),
        "moved": dict(file="colour_420.jpg", side=56, **{**plain, "translate": [7, -3]}),
        "scaled": dict(file="colour_420.jpg", side=56, **{**plain, "scale": 1.043, "translate": [-2, 9]}),
        # Here the table of columns and 16.16 fixed point choose different columns.
        "scaled_on_the_edge": dict(file="colour_420.jpg", side=64, **{**plain, "scale": 0.95, "translate": [3, 0]}),
        "far": dict(file="colour_420.jpg", side=56, **{**drawn, "translate": [900, 0]}),
        "tiny_scale": dict(file="colour_420.jpg", side=56, **{**drawn, "scale": 0.0004}),
        "black": dict(file="colour_420.jpg", side=56, **{**plain, "brightness": 0.0}),
        "flat": dict(file="colour_420.jpg", side=56, **{**plain, "contrast": 0.0}),
        "glaring": dict(file="colour_420.jpg", side=56, **{**plain, "brightness": 1.9, "contrast": 3.0}),
    }
    return table


def transformed(folder: str, case: dict) -> tuple[np.ndarray, np.ndarray]:
    side = case["side"]
    x = Image.open(f"{folder}/{case['file']}").convert("RGB")
    # To the nearest of side x 8/7, which is never halfway: 512 for 448, 256 for 224.
    x = T.resize(x, round(side * 8 / 7), InterpolationMode.BICUBIC, antialias=True)
    x = T.center_crop(x, [side, side])
    cropped = np.asarray(x.convert("L"))
    x = T.affine(x, case["angle"], case["translate"], case["scale"], case["shear"], InterpolationMode.NEAREST, fill=0)
    steps = [(T.adjust_brightness, case["brightness"]), (T.adjust_contrast, case["contrast"])]
    for adjust, factor in reversed(steps) if case["contrast_first"] else steps:
        x = adjust(x, factor)
    return cropped, np.asarray(x.convert("L"))


def main(folder: str) -> None:
    tensors, table = {}, cases()
    for name, data in {**pngs(), **jpegs()}.items():
        with open(f"{folder}/{name}", "wb") as f:
            f.write(data)
        if "refused" not in name and name != "grey16_full.png":
            tensors[f"decoded/{name}"] = np.ascontiguousarray(Image.open(f"{folder}/{name}").convert("RGB"))
    for name, case in table.items():
        tensors[f"cropped/{name}"], tensors[f"augmented/{name}"] = transformed(folder, case)
    levels = T.to_tensor(Image.fromarray(np.arange(256, dtype="u1")[None]))
    tensors["normalized"] = T.normalize(levels, [0.4785], [0.2834]).numpy().reshape(256)
    for k, shape in enumerate([(1, 64, 64), (3, 31, 46), (3, 32, 17), (1, 2, 3), (2, 5, 4)]):
        x = torch.from_numpy((picture(shape[1], shape[2], shape[0], k) * 4 - 2).astype("f4").transpose(2, 0, 1).copy())
        half = torch.nn.functional.interpolate(
            x[None], size=(shape[1] // 2, shape[2] // 2), mode="bicubic", antialias=True)[0]
        tensors[f"input/{k}"], tensors[f"halved/{k}"] = x.numpy(), half.numpy()
    versions = dict(pillow=PIL.__version__, torch=torch.__version__, torchvision=torchvision.__version__)
    save_file(tensors, f"{folder}/expected.safetensors",
              metadata=dict(cases=json.dumps(table), versions=json.dumps(versions)))
    os.chmod(f"{folder}/expected.safetensors", 0o644)
    print(folder, len(tensors), "tensors", versions)


if __name__ == "__main__":
    main(sys.argv[1])
