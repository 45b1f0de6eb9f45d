import AltaCore

/// A file of weights of any kind that is read: safetensors, PyTorch, or the index of a model in several such files.
///
/// The kind is told by the content, never by the name. Everything is mapped: opening reads descriptions, reading a
/// tensor touches that tensor's pages.
public struct WeightFile: Sendable {
    /// What a file of weights is.
    public enum Format: String, Sendable {
        case safetensors
        /// Of `torch.save` since PyTorch 1.6: a zip archive.
        case torchArchive = "PyTorch"
        /// Of `torch.save` before 1.6.
        case torchLegacy = "PyTorch before 1.6"
        /// An index (`model.safetensors.index.json`, `pytorch_model.bin.index.json`) and the files it names.
        case sharded
    }

    /// Where it came from.
    public let path: String
    /// What it is.
    public let format: Format
    /// The names of the tensors in the order of the file, or of the index.
    public let names: [String]
    /// What the file holds beside weights, as `epoch` or `optimizer`; tensors that an index does not name.
    public let skipped: [String]
    /// The texts that a safetensors file has beside its tensors; empty for all other files.
    public let metadata: [String: String]
    private let tensors: [String: StoredTensor]

    init(
        path: String, format: Format, names: [String], skipped: [String] = [], metadata: [String: String] = [:],
        tensors: [String: StoredTensor]
    ) {
        self.path = path
        self.format = format
        self.names = names
        self.skipped = skipped
        self.metadata = metadata
        self.tensors = tensors
    }

    /// Opens a file; of an index also the files that it names.
    ///
    /// Errors: it cannot be read, is of no known kind, malformed or without weights; a file that an index names is
    /// missing, lies outside its folder or lacks a tensor.
    public static func open(_ path: String) throws -> WeightFile {
        try open(FileBytes(mapping: path, what: "the file of weights"))
    }

    /// Opens bytes that are in memory or mapped already; their path tells where the files of an index are.
    public static func open(_ file: FileBytes) throws -> WeightFile {
        guard case .object(let index)? = try indexObject(file) else { return try single(file) }
        return try ShardedWeights.open(index, file)
    }

    /// Opens anything but an index.
    static func single(_ file: FileBytes) throws -> WeightFile {
        let bytes = file.bytes
        if bytes.starts(with: [0x50, 0x4B, 0x03, 0x04]) || TorchLegacy.isLegacy(file) {
            let torch = try TorchFile(file)
            return WeightFile(
                path: file.path, format: torch.isLegacy ? .torchLegacy : .torchArchive, names: torch.names,
                skipped: torch.skipped, tensors: torch.tensors)
        }
        guard looksLikeSafetensors(bytes) else { throw unknown(file) }
        let safetensors = try SafetensorsFile(file)
        let tensors = try safetensors.names.map { ($0, StoredTensor(try safetensors.tensor($0))) }
        return WeightFile(
            path: file.path, format: .safetensors, names: safetensors.names, metadata: safetensors.metadata,
            tensors: Dictionary(tensors) { first, _ in first })
    }

    /// Whether there is a tensor of this name.
    public func contains(_ name: String) -> Bool { tensors[name] != nil }

    /// A tensor in place. Errors: there is none of this name (the nearest is named).
    public func tensor(_ name: String) throws -> StoredTensor {
        guard let tensor = tensors[name] else { throw AltaError.noTensor(name, among: names, file: path) }
        return tensor
    }

    /// The sizes of a tensor, outermost first. Errors: there is none of this name.
    public func shape(of name: String) throws -> [Int] { try tensor(name).shape }

    /// How many elements a tensor has. Errors: there is none of this name.
    public func elementCount(of name: String) throws -> Int { try tensor(name).elementCount }

    /// Converts a tensor's elements to Float, row-major; see `StoredTensor.readFloats(into:)`.
    ///
    /// Errors: there is none of this name, or it holds whole numbers.
    public func readFloats(_ name: String, into values: UnsafeMutableBufferPointer<Float>) throws {
        try tensor(name).readFloats(into: values)
    }

    /// A header's length that the file could hold, and a header that begins as JSON does.
    private static func looksLikeSafetensors(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.count > 8 && bytes[8] == UInt8(ascii: "{")
            && UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self)) <= SafetensorsFile.maximumHeaderByteCount
    }

    /// The JSON of an index; nil where the file is no JSON.
    private static func indexObject(_ file: FileBytes) throws -> JSONValue? {
        let first = file.bytes.prefix(64).first { $0 > 32 }
        guard first == UInt8(ascii: "{"), !looksLikeSafetensors(file.bytes) else { return nil }
        guard file.bytes.count <= ShardedWeights.maximumIndexByteCount else { throw unknown(file) }
        return try JSONValue(parsing: file.bytes, file: file.path)
    }

    private static func unknown(_ file: FileBytes) -> AltaError {
        var why = "it is neither safetensors nor a file of torch.save nor an index of such files"
        var remedy = "name a .safetensors, .pth, .pt or .bin file, or an .index.json"
        if file.bytes.starts(with: "version https://git-lfs".utf8) {
            why = "it is a placeholder of Git LFS; the weights were not fetched"
            remedy = "run git lfs pull in its folder"
        } else if file.bytes.count > 262, file.bytes[257..<262].elementsEqual("ustar".utf8) {
            why = "it is a tar archive, as PyTorch wrote before 0.1.10"
            remedy = "load it in Python and save it again with torch.save"
        }
        return AltaError("not a file of weights", why: why, remedy: remedy, file: file.path)
    }
}
