import AltaCore

/// A tensor to be written: its description, and a closure that hands over its bytes piece by piece.
public struct TensorSource {
    /// The tensor's name.
    public let name: String
    /// The type of its elements.
    public let dtype: SafetensorsType
    /// Its sizes, outermost first.
    public let shape: [Int]
    /// Writes the elements, row-major, little-endian, exactly as many bytes as shape and type say.
    public let content: (FileSink) throws -> Void

    /// Stores the description; the closure runs when the tensor's turn has come.
    public init(
        name: String, dtype: SafetensorsType, shape: [Int], content: @escaping (FileSink) throws -> Void
    ) {
        self.name = name
        self.dtype = dtype
        self.shape = shape
        self.content = content
    }

    /// An F32 tensor from an array.
    public static func floats(_ name: String, shape: [Int], _ values: [Float]) -> TensorSource {
        TensorSource(name: name, dtype: .float32, shape: shape) { sink in
            try values.withUnsafeBytes { try sink.write($0) }
        }
    }

    /// An I64 tensor from an array.
    public static func integers(_ name: String, shape: [Int], _ values: [Int]) -> TensorSource {
        TensorSource(name: name, dtype: .int64, shape: shape) { sink in
            try values.withUnsafeBytes { try sink.write($0) }
        }
    }

    /// A U8 tensor from an array.
    public static func bytes(_ name: String, shape: [Int], _ values: [UInt8]) -> TensorSource {
        TensorSource(name: name, dtype: .uint8, shape: shape) { sink in
            try values.withUnsafeBytes { try sink.write($0) }
        }
    }
}

/// Writes safetensors files.
public enum SafetensorsWriter {
    /// Writes tensors and metadata as one file, atomically (`AtomicFile`), without holding a second copy of them.
    ///
    /// Tensors stand in the given order but for the width of their elements, the widest first, so that each is
    /// aligned; the header is padded with spaces to 8 bytes. The same input gives the same bytes.
    /// `progress` is called after each part that the system took.
    /// Errors: what `AtomicFile.write` and the sources throw. A repeated name, a negative or overflowing shape or a
    /// source that writes another number of bytes is a programmer's fault.
    public static func write(
        _ tensors: [TensorSource], metadata: [String: String] = [:], to path: String, temporary: String? = nil,
        progress: @escaping () -> Void = {}
    ) throws {
        try AtomicFile.write(path, temporary: temporary, progress: progress) {
            try write(tensors, metadata: metadata, to: $0)
        }
    }

    /// The same into a file that is being written.
    public static func write(
        _ tensors: [TensorSource], metadata: [String: String] = [:], to sink: FileSink
    ) throws {
        let ordered = tensors.enumerated()
            .sorted { ($1.element.dtype.byteCount, $0.offset) < ($0.element.dtype.byteCount, $1.offset) }
            .map(\.element)
        let header = try header(ordered, metadata)
        try withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { try sink.write($0) }
        try sink.write(header)
        for tensor in ordered {
            let start = sink.byteCount
            try tensor.content(sink)
            let (written, wanted) = (sink.byteCount - start, byteCount(of: tensor))
            precondition(written == wanted, "tensor \(tensor.name) wrote \(written) bytes instead of \(wanted)")
        }
    }

    private static func header(_ tensors: [TensorSource], _ metadata: [String: String]) throws -> String {
        var header = JSONObject()
        if !metadata.isEmpty {
            var texts = JSONObject()
            for (key, text) in metadata.sorted(by: { $0.key < $1.key }) { texts[key] = .string(text) }
            header["__metadata__"] = .object(texts)
        }
        var offset = 0
        for tensor in tensors {
            precondition(
                header[tensor.name] == nil && tensor.name != "__metadata__",
                "the name \(tensor.name) is not free among \(tensors.count) tensors")
            let end = offset + byteCount(of: tensor)
            header[tensor.name] = [
                "dtype": .string(tensor.dtype.rawValue), "shape": .array(tensor.shape.map { .integer($0) }),
                "data_offsets": [.integer(offset), .integer(end)],
            ]
            offset = end
        }
        let text = try JSONValue.object(header).text()
        return text + String(repeating: " ", count: (8 - text.utf8.count % 8) % 8)
    }

    private static func byteCount(of tensor: TensorSource) -> Int {
        let count = SafetensorsHeader.byteCount(tensor.shape, tensor.dtype)
        guard let count, tensor.shape.allSatisfy({ $0 >= 0 }) else {
            preconditionFailure("tensor \(tensor.name) has the shape \(tensor.shape) of \(tensor.dtype.rawValue)")
        }
        return count
    }
}
