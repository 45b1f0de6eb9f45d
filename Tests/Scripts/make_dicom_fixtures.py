"""Makes Tests/Fixtures/dicom: small synthetic DICOM files and what pydicom and OpenCV make of them.

    apt-get install dcmtk          # dcmcjpeg and dcmcjpls, for the JPEG kinds that pydicom cannot write
    python3 -m venv VENV
    VENV/bin/pip install numpy pillow pydicom pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg pyjpegls opencv-python-headless \\
        python-gdcm safetensors
    VENV/bin/python Tests/Scripts/make_dicom_fixtures.py Tests/Fixtures/dicom

The pictures are made by formulas (no radiographs, no patients). `expected.safetensors` holds
  stored/NAME        I32 [H, W]: pydicom's pixel_array
  published/NAME     U8 [H, W]: cv2.convertScaleAbs(x, alpha=255 / x.max()), bitwise_not for MONOCHROME1
  mimic/NAME         U8 [H, W]: x - min, / max, x 255, truncated, 255 - x for MONOCHROME1, cv2.equalizeHist
  ramp/K, scaled/K   I32 and U8 [1, N]: convertScaleAbs of ramps with other maxima
  plain/K, flat/K    U8 [H, W]: pictures and their equalizeHist
and `versions` in the metadata. Files named `refused_*` have no expectation: each is refused by name. Those named `near_*` are
expected to a grey level: only pylibjpeg decodes them, by a transform of its own.
"""

import io
import json
import os
import subprocess
import sys
import tempfile

import cv2
import numpy as np
import pydicom
import pydicom.uid as uid
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels import pixel_array
from safetensors.numpy import save_file


def picture(height: int, width: int, bits: int, seed: int) -> np.ndarray:
    """Waves, an edge and noise over most of the range of `bits`."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    wave = 0.5 + 0.3 * np.sin(0.31 * x) * np.cos(0.23 * y) + 0.15 * (x > 0.7 * width) + rng.normal(0, 0.02, x.shape)
    return (np.clip(wave, 0.01, 0.97) * (1 << bits)).astype(np.int32)


def dataset(pixels: np.ndarray, allocated: int, stored: int, photometric: str = "MONOCHROME2", signed: bool = False,
            syntax: str = uid.ExplicitVRLittleEndian) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = uid.DigitalXRayImageStorageForPresentation, "1.2.3.4"
    meta.TransferSyntaxUID = syntax
    made = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128,
                       is_implicit_VR=syntax == uid.ImplicitVRLittleEndian,
                       is_little_endian=syntax != uid.ExplicitVRBigEndian)
    made.SOPClassUID, made.SOPInstanceUID = meta.MediaStorageSOPClassUID, "1.2.3.4"
    made.Modality, made.PatientName, made.PatientID = "DX", "Synthetic", "0"
    # A nested sequence, and values that must not change what is read.
    inner = Dataset()
    inner.CodeValue, inner.Rows = "7", 3
    view = Dataset()
    view.CodeValue, view.ViewModifierCodeSequence = "8", [inner]
    made.ViewCodeSequence = [view]
    made.RescaleSlope, made.RescaleIntercept, made.WindowCenter, made.WindowWidth = "2", "-100", "90", "40"
    made.SamplesPerPixel = 1 if pixels.ndim == 2 else 3
    if pixels.ndim == 3:
        made.PlanarConfiguration = 0
    made.Rows, made.Columns, made.PhotometricInterpretation = *pixels.shape[:2], photometric
    made.BitsAllocated, made.BitsStored, made.HighBit = allocated, stored, stored - 1
    made.PixelRepresentation = int(signed)
    order = ">" if syntax == uid.ExplicitVRBigEndian else "<"
    kind = np.dtype(("i" if signed else "u") + str(allocated // 8)).newbyteorder(order)
    made.PixelData = pixels.astype(kind).tobytes() + b"\0" * (pixels.size * allocated // 8 % 2)
    made["PixelData"].VR = "OB" if allocated == 8 else "OW"
    return made


def written(made: FileDataset) -> bytes:
    file = io.BytesIO()
    made.save_as(file, enforce_file_format=True)
    return file.getvalue()


def nested(levels: int, pixels: np.ndarray) -> bytes:
    """A file whose sequences are nested, written by hand: pydicom's own recursion would end early."""
    made = dataset(pixels, 8, 8)
    del made.PixelData
    start = b"\x54\x00\x20\x02SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    end = b"\xfe\xff\x0d\xe0\0\0\0\0" + b"\xfe\xff\xdd\xe0\0\0\0\0"
    data = pixels.astype("u1").tobytes()
    element = b"\xe0\x7f\x10\x00OB\0\0" + len(data).to_bytes(4, "little") + data
    return written(made) + start * levels + end * levels + element


def compressed(made: FileDataset, syntax: str) -> bytes:
    made.compress(syntax, generate_instance_uid=False)
    return written(made)


def converted(made: FileDataset, *command: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/in", "wb") as file:
            file.write(written(made))
        subprocess.run([*command, f"{folder}/in", f"{folder}/out"], check=True, capture_output=True)
        with open(f"{folder}/out", "rb") as file:
            return file.read()


def baseline(made: FileDataset, pixels: np.ndarray, fragments: int = 1) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels.astype("u1")).save(file, "JPEG", quality=92)
    made.PixelData = encapsulate([file.getvalue()], fragments_per_frame=fragments)
    made["PixelData"].VR, made["PixelData"].is_undefined_length = "OB", True
    made.file_meta.TransferSyntaxUID = uid.JPEGBaseline8Bit
    return written(made)


def files() -> dict[str, bytes]:
    p8, p12, p16 = (picture(24, 20, bits, bits) for bits in (8, 12, 16))
    odd, signed = picture(7, 5, 8, 1), picture(24, 20, 12, 2) - 1500
    garbage = p12 | 0x5000
    made = {
        "nested": nested(200, p8),
        "implicit_12": written(dataset(p12, 16, 12, syntax=uid.ImplicitVRLittleEndian)),
        "explicit_8_inverted": written(dataset(p8, 8, 8, "MONOCHROME1")),
        "explicit_8_odd": written(dataset(odd, 8, 8)),
        "explicit_16": written(dataset(p16, 16, 16)),
        "explicit_16_inverted": written(dataset(p16, 16, 16, "MONOCHROME1")),
        "explicit_12_inverted": written(dataset(p12, 16, 12, "MONOCHROME1")),
        "explicit_signed": written(dataset(signed, 16, 16, signed=True)),
        "explicit_signed_12": written(dataset(signed, 16, 12, signed=True)),
        "explicit_12_unused_bits": written(dataset(garbage, 16, 12)),
        "explicit_constant": written(dataset(p8 * 0 + 77, 8, 8)),
        "explicit_black": written(dataset(p8 * 0, 8, 8)),
        "big_endian_12": written(dataset(p12, 16, 12, syntax=uid.ExplicitVRBigEndian)),
        "big_endian_8": written(dataset(p8, 8, 8, syntax=uid.ExplicitVRBigEndian)),
        "rle_8": compressed(dataset(p8, 8, 8), uid.RLELossless),
        "rle_16_inverted": compressed(dataset(p16, 16, 16, "MONOCHROME1"), uid.RLELossless),
        "rle_signed": compressed(dataset(signed, 16, 16, signed=True), uid.RLELossless),
        "jpeg_8": baseline(dataset(p8, 8, 8), p8),
        "jpeg_8_inverted": baseline(dataset(p8, 8, 8, "MONOCHROME1"), p8),
        "jpeg_8_fragments": baseline(dataset(p8, 8, 8), p8, fragments=3),
        "near_jpeg_12": converted(dataset(p12, 16, 12), "dcmcjpeg", "+ee"),
        "lossless_8": converted(dataset(p8, 8, 8), "dcmcjpeg", "+e1"),
        "lossless_12": converted(dataset(p12, 16, 12), "dcmcjpeg", "+e1"),
        "lossless_16": converted(dataset(p16, 16, 16), "dcmcjpeg", "+e1"),
        "lossless_16_predictor_4": converted(dataset(p16, 16, 16), "dcmcjpeg", "+el", "+sv", "4"),
        "lossless_signed": converted(dataset(signed, 16, 16, signed=True), "dcmcjpeg", "+e1"),
        "jpegls_8": compressed(dataset(p8, 8, 8), uid.JPEGLSLossless),
        "jpegls_12": compressed(dataset(p12, 16, 12), uid.JPEGLSLossless),
        "jpegls_16_inverted": compressed(dataset(p16, 16, 16, "MONOCHROME1"), uid.JPEGLSLossless),
        "jpegls_near": converted(dataset(p12, 16, 12), "dcmcjpls", "+en", "+md", "3"),
    }
    # Two's complement of 12 bits whose upper bits are not the sign's: the flag is set after writing.
    unextended = dataset(np.where(signed < 0, signed + 4096, signed), 16, 12)
    unextended.PixelRepresentation = 1
    made["explicit_signed_12_unextended"] = written(unextended)
    return {**made, **{f"refused_{name}": data for name, data in refused(p8, p12).items()}}


def refused(p8: np.ndarray, p12: np.ndarray) -> dict[str, bytes]:
    frames = dataset(p8, 8, 8)
    frames.NumberOfFrames = 2
    frames.PixelData += frames.PixelData
    colour = dataset(np.stack([p8] * 3, -1), 8, 8, "RGB")
    empty = dataset(p8, 8, 8)
    del empty.PixelData
    untold = dataset(p8, 8, 8)
    del untold.Rows
    large = dataset(p8, 8, 8)
    large.Rows = large.Columns = 9000
    huge = dataset(p8, 8, 8)
    huge.Rows = huge.Columns = 65535
    wide = dataset(p8.repeat(4, axis=1), 32, 32)
    shifted = dataset(p12 << 4, 16, 12)
    shifted.HighBit = 15
    taller = dataset(p8, 8, 8)
    taller = pydicom.dcmread(io.BytesIO(baseline(taller, p8)))
    taller.Rows = 25
    negative = dataset(p8 - 400, 16, 16, signed=True)
    return dict(
        frames=written(frames), colour=written(colour), without_pixels=written(empty), without_rows=written(untold),
        hollow=written(large), huge=written(huge), bits_32=written(wide), high_bit=written(shifted),
        other_size=written(taller), nested=nested(2000, p8), negative=written(negative),
        jpeg2000=compressed(dataset(np.kron(p8, np.ones((4, 4))), 8, 8), uid.JPEG2000Lossless),
        deflated=converted(dataset(p8, 8, 8), "dcmconv", "+td"),
        without_meta=written(dataset(p8, 8, 8))[132:])


def stored(data: bytes, syntax: str) -> np.ndarray:
    """pydicom's pixels; those of lossy JPEG by libjpeg's transform (Pillow's and GDCM's), which pylibjpeg's differs from by 1."""
    if syntax == uid.JPEGBaseline8Bit:
        pixels = [pixel_array(io.BytesIO(data), decoding_plugin=plugin) for plugin in ("pillow", "gdcm")]
        assert (pixels[0] == pixels[1]).all()
        return pixels[0]
    return pydicom.dcmread(io.BytesIO(data)).pixel_array


def published(x: np.ndarray, photometric: str) -> np.ndarray:
    y = cv2.convertScaleAbs(x, alpha=(255.0 / x.max())) if x.max() > 0 else np.zeros(x.shape, "u1")
    return cv2.bitwise_not(y) if photometric == "MONOCHROME1" else y


def mimic(x: np.ndarray, photometric: str) -> np.ndarray:
    x = x.astype(np.float64) - x.min()
    y = (x / max(x.max(), 1) * 255).astype("u1")
    return cv2.equalizeHist(255 - y if photometric == "MONOCHROME1" else y)


def main(folder: str) -> None:
    sys.setrecursionlimit(10000)
    os.makedirs(folder, exist_ok=True)
    tensors = {}
    for name, data in files().items():
        with open(f"{folder}/{name}.dcm", "wb") as file:
            file.write(data)
        if name.startswith("refused"):
            continue
        read = pydicom.dcmread(io.BytesIO(data))
        # OpenCV takes every array for one of this machine's byte order.
        x, photometric = stored(data, read.file_meta.TransferSyntaxUID), read.PhotometricInterpretation
        x = x.astype(x.dtype.newbyteorder("="))
        tensors[f"stored/{name}"] = np.ascontiguousarray(x, "i4")
        tensors[f"published/{name}"], tensors[f"mimic/{name}"] = published(x, photometric), mimic(x, photometric)
    rng = np.random.default_rng(9)
    for k, most in enumerate([1, 2, 3, 77, 128, 200, 254, 255, 256, 510, 511, 1023, 4080, 4095, 30000, 65534, 65535]):
        ramp = np.unique(np.concatenate([rng.integers(0, most + 1, 60), np.arange(most + 1)[:60], [most]]))[None]
        tensors[f"ramp/{k}"] = ramp.astype("i4")
        tensors[f"scaled/{k}"] = published(ramp.astype("u1" if most < 256 else "u2"), "")
    for k, plain in enumerate([picture(30, 31, 8, 5), picture(9, 9, 3, 6), rng.integers(0, 2, (8, 8)) * 254 + 1,
                               np.full((5, 4), 9), rng.integers(0, 256, (64, 64)), np.arange(256).reshape(16, 16)]):
        tensors[f"plain/{k}"] = plain.astype("u1")
        tensors[f"flat/{k}"] = cv2.equalizeHist(plain.astype("u1"))
    versions = dict(pydicom=pydicom.__version__, opencv=cv2.__version__, numpy=np.__version__)
    save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, f"{folder}/expected.safetensors",
              metadata=dict(versions=json.dumps(versions)))
    os.chmod(f"{folder}/expected.safetensors", 0o644)
    print(folder, len(tensors), "tensors", versions)


if __name__ == "__main__":
    main(sys.argv[1])
