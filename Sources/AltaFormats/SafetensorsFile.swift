import AltaCore

/// A safetensors file, mapped: an 8-byte header length, a JSON header, the tensors' bytes.
///
/// Opening checks everything that reading relies on, so that a view can never leave the file. The header may take at
/// most 100 MB (the format's own limit) and no more than the file holds. Tensors must cover the data without gaps and
/// overlaps. Source: the `safetensors` crate's format description.
public struct SafetensorsFile: Sendable {
    /// The longest header in bytes.
    public static let maximumHeaderByteCount = 100_000_000

    /// Where it came from.
    public var path: String { file.path }
    /// The names of the tensors in the order of the header.
    public let names: [String]
    /// The texts under `__metadata__`; empty where there are none.
    public let metadata: [String: String]
    private let file: FileBytes
    private let entries: [String: Entry]

    struct Entry {
        var dtype: SafetensorsType
        var shape: [Int]
        /// Place in the file.
        var range: Range<Int>
    }

    /// Opens a file. Errors: it cannot be read, or is malformed; each names the tensor concerned.
    public init(path: String) throws {
        try self.init(FileBytes(mapping: path, what: "the safetensors file"))
    }

    /// Reads bytes that are in memory or mapped already.
    public init(_ file: FileBytes) throws {
        let header = try Self.header(of: file)
        var entries: [String: Entry] = [:]
        var names: [String] = []
        var metadata: [String: String] = [:]
        for member in header.json.members {
            if member.key == "__metadata__" {
                metadata = try Self.metadata(member.value, file)
            } else {
                names.append(member.key)
                entries[member.key] = try SafetensorsHeader.entry(
                    member.key, member.value, dataStart: header.end, file: file)
            }
        }
        try SafetensorsHeader.checkCoverage(entries, dataStart: header.end, file: file)
        self.file = file
        self.entries = entries
        self.names = names
        self.metadata = metadata
    }

    /// Whether there is a tensor of this name.
    public func contains(_ name: String) -> Bool { entries[name] != nil }

    /// A tensor in place. Errors: there is none of this name (the nearest is named).
    public func tensor(_ name: String) throws -> TensorView {
        guard let entry = entries[name] else {
            throw AltaError.noTensor(name, among: names, file: path)
        }
        return TensorView(name: name, dtype: entry.dtype, shape: entry.shape, file: file, range: entry.range)
    }

    /// The elements of a floating-point tensor, row-major; F16 and BF16 exactly, F64 rounded to the nearest Float.
    ///
    /// Errors: there is no such tensor, or it holds whole numbers.
    public func floats(_ name: String) throws -> [Float] { try tensor(name).floats() }

    /// The elements of a tensor of whole numbers or truth values (0 and 1), row-major.
    ///
    /// Errors: there is no such tensor, or it holds floating-point numbers.
    public func integers(_ name: String) throws -> [Int] { try tensor(name).integers() }

    private static func header(of file: FileBytes) throws -> (json: JSONObject, end: Int) {
        let bytes = file.bytes
        guard bytes.count >= 8 else {
            throw SafetensorsHeader.fault("the file has \(bytes.count) bytes, not even a header's length", file)
        }
        let claimed = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        guard claimed <= UInt64(min(bytes.count - 8, maximumHeaderByteCount)) else {
            throw SafetensorsHeader.fault(
                "its header claims \(claimed) bytes; the file has \(bytes.count), and "
                    + "\(maximumHeaderByteCount) are the limit", file)
        }
        let end = 8 + Int(claimed)
        let json = try JSONValue(parsing: UnsafeRawBufferPointer(rebasing: bytes[8..<end]), file: file.path)
        guard case .object(let object) = json else {
            throw SafetensorsHeader.fault("its header is no JSON object", file)
        }
        return (object, end)
    }

    private static func metadata(_ value: JSONValue, _ file: FileBytes) throws -> [String: String] {
        guard case .object(let object) = value else {
            throw SafetensorsHeader.fault("__metadata__ is no object", file)
        }
        var texts: [String: String] = [:]
        for member in object.members {
            guard case .string(let text) = member.value else {
                throw SafetensorsHeader.fault("the metadata \(member.key) is no text", file)
            }
            texts[member.key] = text
        }
        return texts
    }
}
