import AltaCore

/// A storage of a PyTorch file: elements of one type side by side, which tensors are views of.
struct TorchStorage {
    let dtype: SafetensorsType
    /// Place in the file.
    let range: Range<Int>

    /// How many elements it has.
    var count: Int { range.count / dtype.byteCount }
}

/// What the pickle says of a storage: `("storage", type, key, device, count)`, in old files with a view
/// `(key, offset, count)` as a sixth.
struct TorchStorageReference {
    /// As `torch.FloatStorage`.
    let typeName: String
    let key: String
    /// Elements; of the whole storage where this is a view.
    let count: Int
    /// The part that is meant, in elements.
    let part: Range<Int>

    /// Nil where the value is no storage; an error of text where it is a malformed one.
    init?(_ value: PickleValue, _ heap: PickleHeap) throws(TorchFault) {
        guard let node = heap.node(value), node.kind == .persistent, let items = heap.sequence(node.items[0]),
            case .text("storage")? = items.first
        else { return nil }
        guard items.count >= 5, let typeName = heap.globalName(items[1]), case .text(let key) = items[2],
            case .integer(let count) = items[4], count >= 0
        else { throw TorchFault("a storage is described wrongly") }
        self.typeName = typeName
        self.key = key
        self.count = count
        guard items.count > 5, let view = heap.sequence(items[5]) else {
            part = 0..<count
            return
        }
        guard view.count == 3, case .integer(let start) = view[1], case .integer(let length) = view[2],
            start >= 0, length >= 0, start <= count, length <= count - start
        else { throw TorchFault("a part of the storage \(key.prefix(40)) does not lie within it") }
        part = start..<start + length
    }

    /// The type of the elements; nil where this system has none like it.
    var dtype: SafetensorsType? { Self.types[typeName] }

    /// Untyped storages count bytes.
    static let types: [String: SafetensorsType] = [
        "torch.FloatStorage": .float32, "torch.HalfStorage": .float16, "torch.BFloat16Storage": .bfloat16,
        "torch.DoubleStorage": .float64, "torch.LongStorage": .int64, "torch.IntStorage": .int32,
        "torch.ShortStorage": .int16, "torch.CharStorage": .int8, "torch.ByteStorage": .uint8,
        "torch.BoolStorage": .bool, "torch.storage.UntypedStorage": .uint8, "torch.UntypedStorage": .uint8,
        "torch.cuda.FloatStorage": .float32, "torch.cuda.HalfStorage": .float16,
        "torch.cuda.BFloat16Storage": .bfloat16, "torch.cuda.DoubleStorage": .float64,
        "torch.cuda.LongStorage": .int64, "torch.cuda.IntStorage": .int32, "torch.cuda.ShortStorage": .int16,
        "torch.cuda.CharStorage": .int8, "torch.cuda.ByteStorage": .uint8, "torch.cuda.BoolStorage": .bool,
    ]

    /// The names by which tensors over untyped storages tell their type.
    static let elementTypes: [String: SafetensorsType] = [
        "torch.float32": .float32, "torch.float16": .float16, "torch.bfloat16": .bfloat16, "torch.float64": .float64,
        "torch.int64": .int64, "torch.int32": .int32, "torch.int16": .int16, "torch.int8": .int8,
        "torch.uint8": .uint8, "torch.bool": .bool,
    ]
}

/// Why something in a PyTorch file cannot be used; the caller adds the tensor and the file.
struct TorchFault: Error {
    let why: String

    init(_ why: String) { self.why = why }
}
