/// Numbers at given places of bytes, the lowest byte first.
struct LittleEndianReader {
    private let bytes: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    func u8(_ offset: Int) -> UInt8 { bytes[offset] }

    func u32(_ offset: Int) -> UInt32 {
        UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    func u64(_ offset: Int) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
}

/// Bytes, at first zero, into which numbers are put, the lowest byte first.
struct LittleEndianWriter {
    private(set) var bytes: [UInt8]

    init(byteCount: Int) { bytes = [UInt8](repeating: 0, count: byteCount) }

    mutating func put(_ number: some FixedWidthInteger, at offset: Int) {
        withUnsafeBytes(of: number.littleEndian) { put(Array($0), at: offset) }
    }

    mutating func put(_ values: [UInt8], at offset: Int) {
        precondition(offset >= 0 && offset + values.count <= bytes.count, "\(values.count) bytes at \(offset)")
        bytes.replaceSubrange(offset..<(offset + values.count), with: values)
    }
}
