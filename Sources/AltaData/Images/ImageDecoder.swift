import AltaCore
import Foundation

/// Radiographs from files: JPEG by libjpeg-turbo, PNG by libspng, with the pixels of Pillow's
/// `Image.open(path).convert("RGB")`; DICOM by DCMTK, with the stored values of pydicom scaled to 8 bits (`DicomScaling`).
///
/// The kind is told by a file's first bytes, never by its name. EXIF orientation and colour profiles are ignored, alpha
/// is dropped, as Pillow does. What Pillow decodes into something no one wants (CMYK, a 16-bit grey image clipped to
/// white) is refused, and so is everything damaged.
public enum ImageDecoder {
    /// The largest image in pixels (Pillow's limit, past which it warns of a decompression bomb).
    public static let maximumPixels = 178_956_970

    /// The longest file in bytes: more than the largest image takes uncompressed with 8-bit RGB.
    private static let maximumFileByteCount = 1 << 30

    /// Reads and decodes a file.
    ///
    /// Throws `AltaError` with the file where it is missing, a folder, empty, none of JPEG, PNG and DICOM, truncated, damaged,
    /// too large, or of a kind that is refused.
    public static func decode(path: String, dicomScaling: DicomScaling = .published) throws -> RasterRGB {
        let bytes: [UInt8]
        do {
            bytes = try SmallFile.contents(path, what: "the image", limit: maximumFileByteCount)
        } catch {
            guard FileManager.default.fileExists(atPath: path) else {
                throw AltaError(
                    "image not found", remedy: "check the path and the configuration's data.image_root", file: path)
            }
            throw error
        }
        return try decode(bytes: bytes, name: path, dicomScaling: dicomScaling)
    }

    /// Decodes the bytes of a file; `name` stands in errors.
    public static func decode(
        bytes: [UInt8], name: String, dicomScaling: DicomScaling = .published
    ) throws -> RasterRGB {
        guard !bytes.isEmpty else {
            throw AltaError("image is empty", why: "the file has 0 bytes", remedy: "fetch the file again", file: name)
        }
        if bytes.starts(with: pngSignature) { return try decodePNG(bytes, name) }
        if bytes.starts(with: jpegSignature) { return try decodeJPEG(bytes, name) }
        if isDICOM(bytes) { return try decodeDICOM(bytes, name, dicomScaling) }
        throw AltaError(
            "file is neither JPEG nor PNG nor DICOM", why: "its first bytes are those of none of them",
            remedy: "convert it to JPEG, to 8-bit PNG, or to DICOM with a preamble", file: name)
    }

    private static let pngSignature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    private static let jpegSignature: [UInt8] = [0xFF, 0xD8, 0xFF]

    /// Refuses, before anything is allocated, a size that is past the limit or that the file cannot hold.
    ///
    /// `largestExpansion` is the most bytes of pixels, at `bitsPerPixel`, that one byte of the file can stand for.
    static func checkSize(
        width: Int, height: Int, bitsPerPixel: Int, fileByteCount: Int, largestExpansion: Int, name: String
    ) throws {
        guard width > 0, height > 0 else {
            throw AltaError(
                "image has no pixels", why: "its header says \(width) x \(height)", remedy: "fetch the file again",
                file: name)
        }
        guard width <= maximumPixels / height else {
            throw AltaError(
                "image is too large", why: "its header says \(width) x \(height), the limit is \(maximumPixels) pixels",
                remedy: "scale it down before training (the model sees at most a few hundred pixels a side)",
                file: name)
        }
        guard width * height * bitsPerPixel / 8 / largestExpansion <= fileByteCount else {
            throw AltaError(
                "image is damaged",
                why: "its header says \(width) x \(height), which a file of \(fileByteCount) bytes cannot hold",
                remedy: "fetch the file again", file: name)
        }
    }

    /// The damage that a codec reported, as an error.
    static func damaged(_ kind: String, _ message: String, _ name: String) -> AltaError {
        AltaError(
            "\(kind) image is truncated or damaged", why: message, remedy: "fetch the file again or leave it out",
            file: name)
    }
}
