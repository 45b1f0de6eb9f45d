import AltaCore
import AltaData

extension ParserTargets {
    /// Small PNGs; libspng checks sums, so that those of the pieces are mended in half of the inputs.
    static func png() throws -> ParserTarget {
        let files = try fixtures("images") { $0.hasSuffix(".png") && !$0.contains("jpeg") }
        return ParserTarget(
            "png", originals: files,
            mutate: { original, other, key in
                let bytes = ByteMutator.mutated(original, other: other, key: key)
                return key.integer(9, below: 2) == 0 ? bytes : mended(bytes)
            }, read: readImage)
    }

    static func jpeg() throws -> ParserTarget {
        try ParserTarget(
            "jpeg", originals: fixtures("images") { $0.hasSuffix(".jpg") && !$0.contains("png") }, read: readImage)
    }

    /// Small files of every transfer syntax that is read; DCMTK is C++ and not made for damaged files.
    static func dicom() throws -> ParserTarget {
        try ParserTarget("dicom", originals: fixtures("dicom") { $0.hasSuffix(".dcm") }, read: readImage)
    }

    @Sendable private static func readImage(_ input: [UInt8]) throws {
        let image = try ImageDecoder.decode(bytes: input, name: "input")
        precondition(image.width > 0 && image.height > 0, "an image of \(image.width) x \(image.height)")
    }

    /// A PNG whose pieces have the sums that belong to them, as far as its lengths lead.
    private static func mended(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        var place = 8
        while place + 12 <= bytes.count {
            let byteCount = bytes[place..<place + 4].reduce(0) { $0 << 8 | Int($1) }
            guard byteCount <= bytes.count - place - 12 else { break }
            let end = place + 8 + byteCount
            let sum = cyclicSum(bytes[place + 4..<end])
            for index in 0..<4 { bytes[end + index] = UInt8(truncatingIfNeeded: sum >> UInt32(24 - 8 * index)) }
            place = end + 4
        }
        return bytes
    }

    /// CRC-32.
    private static func cyclicSum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        ~bytes.reduce(UInt32.max) { sum, byte in
            (0..<8).reduce(sum ^ UInt32(byte)) { sum, _ in sum & 1 == 1 ? 0xEDB8_8320 ^ sum >> 1 : sum >> 1 }
        }
    }
}
