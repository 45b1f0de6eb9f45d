import AltaCore

/// A checkpoint that `torch.save` wrote (`.pth`, `.pt`, `.bin`), mapped: a zip archive, or the form before PyTorch 1.6.
///
/// The pickle within is read as plain data (`PickleMachine`); nothing of it is run. Opening checks that every tensor
/// lies within its storage and every storage within the file. The weights are those of the one dictionary named
/// `model`, `state_dict`, `model_state_dict` or `module` that holds tensors, where there is one, else of the
/// outermost dictionary. Source: `torch/serialization.py` and `torch/_utils.py`.
public struct TorchFile: Sendable {
    /// Where it came from.
    public let path: String
    /// Whether it has the form before PyTorch 1.6.
    public let isLegacy: Bool
    /// The names of the tensors in the order of the dictionary.
    public let names: [String]
    /// The keys beside the weights that are no weights, as `epoch` or `optimizer`.
    public let skipped: [String]
    let tensors: [String: StoredTensor]

    /// Opens a file. Errors: it cannot be read, is malformed, has no weights, or has weights of a kind that is not read
    /// (sparse, quantised, complex, big-endian); each names the tensor concerned.
    public init(path: String) throws {
        try self.init(FileBytes(mapping: path, what: "the PyTorch file"))
    }

    /// Reads bytes that are in memory or mapped already.
    public init(_ file: FileBytes) throws {
        isLegacy = TorchLegacy.isLegacy(file)
        let content = isLegacy ? try TorchLegacy.read(file) : try TorchArchive.read(file)
        let objects = TorchObjects(heap: content.heap, file: file, storages: content.storages)
        let weights = try TorchWeights(objects)
        path = file.path
        names = weights.names
        skipped = weights.skipped
        tensors = weights.tensors
    }

    /// Whether there is a tensor of this name.
    public func contains(_ name: String) -> Bool { tensors[name] != nil }

    /// A tensor in place. Errors: there is none of this name (the nearest is named).
    public func tensor(_ name: String) throws -> StoredTensor {
        guard let tensor = tensors[name] else { throw AltaError.noTensor(name, among: names, file: path) }
        return tensor
    }
}

/// What a PyTorch file holds, before tensors are looked for.
struct TorchContent {
    let heap: PickleHeap
    /// Where the content of a storage lies, by its key.
    let storages: [String: Range<Int>]
}

/// The form since PyTorch 1.6: a zip archive with `NAME/data.pkl` and one entry `NAME/data/KEY` a storage.
enum TorchArchive {
    static func read(_ file: FileBytes) throws -> TorchContent {
        let archive = try ZipArchive(file)
        let suffix = "/data.pkl"
        let pickles = archive.names.filter { $0.hasSuffix(suffix) && $0.count { $0 == "/" } == 1 }
        guard let pickle = pickles.first, pickles.count == 1 else {
            throw ZipArchive.fault("the archive has \(pickles.count) entries data.pkl instead of one", file)
        }
        let folder = pickle.dropLast(suffix.count)
        guard !archive.contains("\(folder)/constants.pkl") else {
            throw AltaError(
                "a TorchScript program is not read", why: "the archive has constants.pkl",
                remedy: "save the weights in Python: torch.save(module.state_dict(), path)", file: file.path)
        }
        let order = "\(folder)/byteorder"
        if archive.contains(order) { try checkByteOrder(file.bytes[archive.content(order)], file) }
        let bytes = try UnsafeRawBufferPointer(rebasing: file.bytes[archive.content(pickle)])
        let heap = try PickleMachine.read(bytes, path: file.path)
        let data = "\(folder)/data/"
        var storages: [String: Range<Int>] = [:]
        for name in archive.names where name.hasPrefix(data) {
            storages[String(name.dropFirst(data.count))] = try archive.content(name)
        }
        return TorchContent(heap: heap, storages: storages)
    }

    private static func checkByteOrder(_ order: Slice<UnsafeRawBufferPointer>, _ file: FileBytes) throws {
        guard order.elementsEqual("little".utf8) else { throw AltaError.bigEndian(file) }
    }
}

extension AltaError {
    /// A name that is not among those of a file of weights. Looking for the nearest is left out where it takes long.
    static func noTensor(_ name: String, among names: [String], file: String) -> AltaError {
        AltaError(
            "no tensor \(name) among \(names.count)",
            remedy: name.nearest(among: names.prefix(2000)).map { "the nearest name is \($0)" }, file: file)
    }

    /// A PyTorch file of a machine with the other order of bytes.
    static func bigEndian(_ file: FileBytes) -> AltaError {
        AltaError(
            "a big-endian PyTorch file is not read", why: "its byteorder is not little",
            remedy: "load it in Python on an ordinary machine and save it again with torch.save", file: file.path)
    }
}
