import AltaCore

/// The entries of a zip archive, found through its central directory; zip64 too. Entries must be stored as they are.
///
/// Opening checks that every entry lies within the file, that no two overlap and none has the name of another. Sums
/// (CRC-32) are not checked: PyTorch may leave them out, and reading would touch bytes that nobody wants.
/// Source: PKWARE's APPNOTE, sections 4.3 to 4.5.
struct ZipArchive {
    /// The names in the order of the directory.
    private(set) var names: [String] = []
    private var entries: [String: Entry] = [:]
    private let file: FileBytes
    private var bytes: UnsafeRawBufferPointer { file.bytes }

    private struct Entry {
        /// Where its content lies in the file.
        var range: Range<Int>
        /// How it is compressed; 0: not at all.
        var method: UInt64
    }

    init(_ file: FileBytes) throws {
        self.file = file
        let directory = try directory()
        var place = directory.range.lowerBound
        var occupied: [Range<Int>] = []
        for _ in 0..<directory.count {
            let header = try ZipEntryHeader(file, at: place, before: directory.range.upperBound)
            place = header.end
            guard entries[header.name] == nil else { throw Self.fault("it has two entries \(header.name)", file) }
            let whole = try span(of: header, before: directory.range.lowerBound)
            entries[header.name] = Entry(
                range: whole.upperBound - header.byteCount..<whole.upperBound, method: header.method)
            names.append(header.name)
            occupied.append(whole)
        }
        try checkOverlaps(occupied)
    }

    /// Whether there is an entry of this name.
    func contains(_ name: String) -> Bool { entries[name] != nil }

    /// Where the content of an entry lies in the file. Errors: there is none of this name, or it is compressed.
    func content(_ name: String) throws -> Range<Int> {
        guard let entry = entries[name] else { throw Self.fault("it lacks the entry \(name)", file) }
        guard entry.method == 0 else {
            throw AltaError(
                "a compressed PyTorch file is not read",
                why: "the entry \(name) is compressed by method \(entry.method); torch.save stores entries as they are",
                remedy: "load it in Python and save it again with torch.save", file: file.path)
        }
        return entry.range
    }

    static func fault(_ why: String, _ file: FileBytes) -> AltaError {
        AltaError(
            "malformed PyTorch file", why: why,
            remedy: "it may be truncated or of another format; fetch or write it again", file: file.path)
    }

    /// The directory and how many entries it has, from the record at the end of the file.
    private func directory() throws -> (range: Range<Int>, count: Int) {
        guard let record = endRecord else { throw Self.fault("it lacks the directory at its end", file) }
        var (count, byteCount) = (number(record + 10, 2), number(record + 12, 4))
        var start = number(record + 16, 4)
        var limit = record
        if let large = try largeEndRecord(before: record) {
            (count, byteCount, start) = (number(large + 32, 8), number(large + 40, 8), number(large + 48, 8))
            limit = large
        }
        guard start <= UInt64(limit), byteCount <= UInt64(limit) - start, count <= byteCount / 46 else {
            throw Self.fault("its directory does not lie within the file", file)
        }
        return (Int(start)..<Int(start + byteCount), Int(count))
    }

    /// The record that ends the archive; behind it there may be a comment of up to 65,535 bytes.
    private var endRecord: Int? {
        let last = bytes.count - 22
        guard last >= 0 else { return nil }
        return stride(from: last, through: max(0, last - 65_535), by: -1).first {
            number($0, 4) == 0x0605_4B50 && number($0 + 20, 2) == UInt64(last - $0)
        }
    }

    /// The zip64 record, where there is one; a locator right before the end record tells its place.
    private func largeEndRecord(before record: Int) throws -> Int? {
        guard record >= 20, number(record - 20, 4) == 0x0706_4B50 else { return nil }
        let place = number(record - 12, 8)
        guard record - 20 >= 56, place <= UInt64(record - 20 - 56), number(Int(place), 4) == 0x0606_4B50 else {
            throw Self.fault("its zip64 record is not where the locator says", file)
        }
        return Int(place)
    }

    /// All bytes of an entry, its local header included.
    private func span(of header: ZipEntryHeader, before limit: Int) throws -> Range<Int> {
        let start = header.localHeader
        guard start <= limit - 30, number(start, 4) == 0x0403_4B50 else {
            throw Self.fault("the entry \(header.name) is not where the directory says", file)
        }
        let nameStart = start + 30
        let nameByteCount = Int(number(start + 26, 2))
        let content = nameStart + nameByteCount + Int(number(start + 28, 2))
        guard content <= limit, header.byteCount <= limit - content else {
            throw Self.fault("the entry \(header.name) of \(header.byteCount) bytes does not lie within the file", file)
        }
        guard String(decoding: bytes[nameStart..<nameStart + nameByteCount], as: UTF8.self) == header.name else {
            throw Self.fault("the entry \(header.name) has another name where its content is", file)
        }
        return start..<content + header.byteCount
    }

    private func checkOverlaps(_ occupied: [Range<Int>]) throws {
        let inOrder = occupied.sorted { $0.lowerBound < $1.lowerBound }
        for (first, second) in zip(inOrder, inOrder.dropFirst()) where second.lowerBound < first.upperBound {
            throw Self.fault("two of its entries overlap at byte \(second.lowerBound)", file)
        }
    }

    private func number(_ place: Int, _ byteCount: Int) -> UInt64 { file.number(place, byteCount) }
}

/// One entry of a zip archive's directory.
private struct ZipEntryHeader {
    let name: String
    let method: UInt64
    /// Bytes of the content as it lies in the file.
    let byteCount: Int
    let localHeader: Int
    /// Where the next entry begins.
    let end: Int

    init(_ file: FileBytes, at place: Int, before limit: Int) throws {
        guard limit - place >= 46, file.number(place, 4) == 0x0201_4B50 else {
            throw ZipArchive.fault("its directory ends early", file)
        }
        let nameEnd = place + 46 + Int(file.number(place + 28, 2))
        let extraEnd = nameEnd + Int(file.number(place + 30, 2))
        end = extraEnd + Int(file.number(place + 32, 2))
        guard end <= limit else { throw ZipArchive.fault("its directory ends within an entry", file) }
        let name = String(decoding: file.bytes[place + 46..<nameEnd], as: UTF8.self)
        self.name = name
        guard file.number(place + 8, 2) & 1 == 0 else {
            throw ZipArchive.fault("the entry \(name) is encrypted", file)
        }
        method = file.number(place + 10, 2)
        // Sizes and place that do not fit 32 bits stand in an extra field, in this order, where they are all ones.
        var large = Self.largeNumbers(file, nameEnd..<extraEnd)
        var sizes: [UInt64] = []
        for field in [24, 20, 42] {
            let small = file.number(place + field, 4)
            sizes.append(small == 0xFFFF_FFFF && !large.isEmpty ? large.removeFirst() : small)
        }
        guard method != 0 || sizes[0] == sizes[1], let byteCount = Int(exactly: sizes[1]),
            let start = Int(exactly: sizes[2])
        else {
            throw ZipArchive.fault("the sizes of the entry \(name) do not agree", file)
        }
        self.byteCount = byteCount
        localHeader = start
    }

    /// The numbers of the zip64 field among the extra fields.
    private static func largeNumbers(_ file: FileBytes, _ range: Range<Int>) -> [UInt64] {
        var place = range.lowerBound
        while range.upperBound - place >= 4 {
            let byteCount = Int(file.number(place + 2, 2))
            guard byteCount <= range.upperBound - place - 4 else { return [] }
            if file.number(place, 2) == 1 {
                return (0..<byteCount / 8).map { file.number(place + 4 + 8 * $0, 8) }
            }
            place += 4 + byteCount
        }
        return []
    }
}

extension FileBytes {
    /// A number of up to eight bytes, the lowest first, at a place that lies within the file.
    func number(_ place: Int, _ byteCount: Int) -> UInt64 {
        (0..<byteCount).reversed().reduce(0) { $0 << 8 | UInt64(bytes[place + $1]) }
    }
}
