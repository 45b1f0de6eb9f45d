import AltaCore

/// Zip archives as `torch.save` writes them, without compression: taken apart and put together for structured damage.
public enum StoredZip {
    /// One file of an archive.
    public struct Entry: Sendable {
        /// Its name.
        public var name: String
        /// Its content.
        public var content: [UInt8]
        /// The size that the archive says it has; nil: the content's.
        public var claimedByteCount: Int?

        /// Stores a file.
        public init(_ name: String, _ content: [UInt8]) {
            self.name = name
            self.content = content
        }
    }

    /// The entries of a well-formed archive without zip64 sizes, in order.
    public static func entries(_ archive: [UInt8]) -> [Entry] {
        var entries: [Entry] = []
        guard let end = archive.indices.last(where: { number(archive, $0, 4) == 0x0605_4B50 }) else { return [] }
        var place = Int(number(archive, end + 16, 4))
        while number(archive, place, 4) == 0x0201_4B50 {
            let nameByteCount = Int(number(archive, place + 28, 2))
            let local = Int(number(archive, place + 42, 4))
            let start = local + 30 + Int(number(archive, local + 26, 2)) + Int(number(archive, local + 28, 2))
            let name = String(decoding: archive[place + 46..<place + 46 + nameByteCount], as: UTF8.self)
            entries.append(Entry(name, Array(archive[start..<start + Int(number(archive, place + 20, 4))])))
            place += 46 + nameByteCount + Int(number(archive, place + 30, 2)) + Int(number(archive, place + 32, 2))
        }
        return entries
    }

    /// An archive of entries. Checksums are left 0: the reader does not look at them.
    /// - Parameter isLarge: whether sizes and places are written in the zip64 form.
    public static func archive(_ entries: [Entry], isLarge: Bool = false) -> [UInt8] {
        var bytes: [UInt8] = []
        var directory: [UInt8] = []
        for entry in entries {
            let place = bytes.count
            let name = Array(entry.name.utf8)
            let byteCount = entry.claimedByteCount ?? entry.content.count
            let numbers = [byteCount, byteCount, place]
            let extra = isLarge ? little(1, 2) + little(24, 2) + numbers.flatMap { little($0, 8) } : []
            let size = isLarge ? 0xFFFF_FFFF : byteCount
            let common =
                little(0, 2) + little(0, 2) + little(0, 4) + little(0, 4) + little(size, 4) + little(size, 4)
                + little(name.count, 2)
            bytes += little(0x0403_4B50, 4) + little(20, 2) + common + little(0, 2) + name + entry.content
            directory += little(0x0201_4B50, 4) + little(20, 2) + little(20, 2) + common + little(extra.count, 2)
            directory += little(0, 2) + little(0, 2) + little(0, 2) + little(0, 4)
            directory += little(isLarge ? 0xFFFF_FFFF : place, 4) + name + extra
        }
        return bytes + directory + ending(entries.count, directory.count, at: bytes.count, isLarge: isLarge)
    }

    private static func ending(_ count: Int, _ byteCount: Int, at place: Int, isLarge: Bool) -> [UInt8] {
        var bytes: [UInt8] = []
        if isLarge {
            bytes += little(0x0606_4B50, 4) + little(44, 8) + little(45, 2) + little(45, 2) + little(0, 8)
            bytes += little(count, 8) + little(count, 8) + little(byteCount, 8) + little(place, 8)
            bytes += little(0x0706_4B50, 4) + little(0, 4) + little(place + byteCount, 8) + little(1, 4)
        }
        let (shortCount, short) = isLarge ? (0xFFFF, 0xFFFF_FFFF) : (count, byteCount)
        bytes += little(0x0605_4B50, 4) + little(0, 4) + little(shortCount, 2) + little(shortCount, 2)
        return bytes + little(short, 4) + little(isLarge ? 0xFFFF_FFFF : place, 4) + little(0, 2)
    }

    /// A number of some bytes, the lowest first.
    public static func little(_ number: Int, _ byteCount: Int) -> [UInt8] {
        (0..<byteCount).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }

    private static func number(_ bytes: [UInt8], _ place: Int, _ byteCount: Int) -> UInt64 {
        guard place + byteCount <= bytes.count else { return 0 }
        return (0..<byteCount).reversed().reduce(0) { $0 << 8 | UInt64(bytes[place + $1]) }
    }
}
