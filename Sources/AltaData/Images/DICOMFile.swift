import AltaCore
import CDCMTK

/// A DICOM file in memory, read by DCMTK; the bytes outlive it.
///
/// Only what a radiograph is gets through: one frame of one sample a pixel, 8 or 16 bits, grey.
final class DICOMFile {
    /// More items of sequences and fragments of pixels than this are refused: DCMTK reads nested sequences by recursion, 1.4 kB
    /// of stack a level, and the smallest stack of a thread here is 512 kB. A radiograph has some ten.
    private static let mostItems = 300
    /// A byte of compressed pixels may stand for eight runs of JPEG-LS, each as long as a row can be.
    private static let longestRunExpansion = 8 * 65535 * 2
    /// A Huffman-coded 8 x 8 block takes at least one bit (as in JPEG files); RLE and lossless JPEG expand less.
    private static let largestExpansion = 1024
    private static let messageCapacity = 200

    private let handle: OpaquePointer
    private let description: alta_dicom_description
    private let name: String

    /// Reads and checks a file's attributes; its pixels are decoded by `storedPixels`.
    ///
    /// Throws `AltaError` where the file is damaged, or of a kind that is refused.
    init(_ bytes: UnsafeRawBufferPointer, name: String) throws {
        var handle: OpaquePointer?
        var description = alta_dicom_description()
        let (code, message) = Self.call { text, capacity in
            alta_dicom_open(bytes.baseAddress, bytes.count, Self.mostItems, &handle, &description, text, capacity)
        }
        guard code == ALTA_DICOM_DONE, let handle else { throw Self.fault(code, message, name) }
        self.handle = handle
        self.description = description
        self.name = name
        try checkKind()
        try checkBits()
        try checkSize()
    }

    deinit { alta_dicom_close(handle) }

    /// Rows of pixels.
    var height: Int { Int(description.rows) }
    /// Pixels of a row.
    var width: Int { Int(description.columns) }
    /// Whether the lowest value is white (MONOCHROME1).
    var isInverted: Bool { photometric == "MONOCHROME1" }

    /// The stored values, `[height, width]`, as pydicom's `pixel_array` has them: neither the modality's nor any window's
    /// table is applied, bits above those stored are dropped.
    func storedPixels() throws -> [Int32] {
        description.bits_allocated == 8
            ? try decoded(UInt8.self, signed: { Int32(Int8(bitPattern: $0)) })
            : try decoded(UInt16.self, signed: { Int32(Int16(bitPattern: $0)) })
    }

    private func decoded<Sample: FixedWidthInteger & UnsignedInteger>(
        _ type: Sample.Type, signed: (Sample) -> Int32
    ) throws -> [Int32] {
        let count = height * width
        // DCMTK wants an even number of bytes.
        var samples = [Sample](repeating: 0, count: count + count % 2)
        let (code, message) = samples.withUnsafeMutableBytes { buffer in
            Self.call { text, capacity in
                alta_dicom_decode(handle, buffer.baseAddress, buffer.count, text, capacity)
            }
        }
        guard code == ALTA_DICOM_DONE else { throw Self.fault(code, message, name) }
        let unused = Sample.bitWidth - Int(description.bits_stored)
        let isSigned = description.pixel_representation == 1
        return (0..<count).map { index in
            let value = samples[index] << unused
            return (isSigned ? signed(value) : Int32(value)) >> Int32(unused)
        }
    }

    private var photometric: String {
        withUnsafeBytes(of: description.photometric) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    private func checkKind() throws {
        guard description.frames == 1 else {
            throw refused("DICOM of \(description.frames) frames is not supported", "give one frame a file")
        }
        guard description.samples_per_pixel == 1, photometric == "MONOCHROME1" || photometric == "MONOCHROME2" else {
            throw refused(
                "DICOM of kind \(photometric.isEmpty ? "unknown" : photometric) is not supported",
                "give grey radiographs, MONOCHROME1 or MONOCHROME2",
                "it has \(description.samples_per_pixel) samples a pixel")
        }
    }

    private func checkBits() throws {
        let (allocated, stored) = (description.bits_allocated, description.bits_stored)
        guard allocated == 8 || allocated == 16 else {
            throw refused(
                "DICOM with \(allocated) bits a pixel is not supported", "convert it to 8 or 16 bits allocated")
        }
        guard (1...allocated).contains(stored), description.high_bit == stored - 1 else {
            throw refused(
                "DICOM with its highest bit at \(description.high_bit) is not supported",
                "convert it so that the \(stored) bits stored are the lowest of the \(allocated) allocated")
        }
        guard description.pixel_representation <= 1 else {
            throw Self.fault(ALTA_DICOM_DAMAGED, "PixelRepresentation is \(description.pixel_representation)", name)
        }
    }

    private func checkSize() throws {
        let expansion =
            description.is_compressed == 0
            ? 1 : description.has_long_runs == 1 ? Self.longestRunExpansion : Self.largestExpansion
        try ImageDecoder.checkSize(
            width: width, height: height, bitsPerPixel: Int(description.bits_allocated),
            fileByteCount: Int(clamping: description.pixel_byte_count), largestExpansion: expansion, name: name)
    }

    private func refused(_ what: String, _ remedy: String, _ why: String? = nil) -> AltaError {
        AltaError(what, why: why, remedy: remedy, file: name)
    }

    private static func call(_ body: (UnsafeMutablePointer<CChar>?, Int) -> Int32) -> (code: Int, message: String) {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: messageCapacity) { text in
            text.initialize(repeating: 0)
            let code = body(text.baseAddress, text.count)
            return (Int(code), String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
        }
    }

    private static func fault(_ code: Int, _ message: String, _ name: String) -> AltaError {
        switch code {
        case ALTA_DICOM_SYNTAX:
            AltaError(
                "DICOM transfer syntax is not supported", why: message,
                remedy: "convert it to an uncompressed one, as with gdcmconv --raw", file: name)
        case ALTA_DICOM_INSTALLATION:
            AltaError(
                "DICOM decoder cannot start", why: message,
                remedy: "install DCMTK's data files (Debian: libdcmtk17), or set DCMDICTPATH", file: name)
        default: ImageDecoder.damaged("DICOM", message, name)
        }
    }
}
