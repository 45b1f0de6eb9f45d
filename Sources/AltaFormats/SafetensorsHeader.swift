import AltaCore

/// The checks of a safetensors header, tensor by tensor.
enum SafetensorsHeader {
    static func fault(_ why: String, _ file: FileBytes) -> AltaError {
        AltaError(
            "malformed safetensors file", why: why,
            remedy: "it may be truncated or of another format; fetch or write it again", file: file.path)
    }

    /// One tensor's description, checked against the file.
    static func entry(
        _ name: String, _ value: JSONValue, dataStart: Int, file: FileBytes
    ) throws -> SafetensorsFile.Entry {
        guard let typeName = value["dtype"]?.string, let shapeJSON = value["shape"]?.array,
            let offsets = value["data_offsets"]?.array
        else { throw fault("tensor \(name) lacks dtype, shape or data_offsets", file) }
        guard let dtype = SafetensorsType(rawValue: typeName) else {
            let known = SafetensorsType.allCases.map(\.rawValue).joined(separator: " ")
            throw fault("tensor \(name) has the type \(typeName.prefix(40)); known are \(known)", file)
        }
        let shape = shapeJSON.compactMap(\.wholeSize)
        guard shape.count == shapeJSON.count else {
            throw fault("the shape of tensor \(name) holds something other than sizes", file)
        }
        guard let byteCount = byteCount(shape, dtype) else { throw fault("the size of tensor \(name) overflows", file) }
        let ends = offsets.compactMap(\.wholeSize)
        guard ends.count == 2, offsets.count == 2, ends[0] <= ends[1], ends[1] <= file.bytes.count - dataStart else {
            throw fault(
                "the data_offsets of tensor \(name) are not two ascending places in the "
                    + "\(file.bytes.count - dataStart) bytes of data", file)
        }
        guard ends[1] - ends[0] == byteCount else {
            throw fault(
                "tensor \(name) has \(ends[1] - ends[0]) bytes; its shape \(shape) of \(typeName) needs \(byteCount)",
                file)
        }
        return .init(dtype: dtype, shape: shape, range: (dataStart + ends[0])..<(dataStart + ends[1]))
    }

    /// Two tensors that share bytes are an error: one of them would hold something other than was meant.
    static func checkOverlaps(_ entries: [String: SafetensorsFile.Entry], file: FileBytes) throws {
        let inOrder = entries.filter { !$0.value.range.isEmpty }
            .sorted { ($0.value.range.lowerBound, $0.key) < ($1.value.range.lowerBound, $1.key) }
        for (first, second) in zip(inOrder, inOrder.dropFirst())
        where second.value.range.lowerBound < first.value.range.upperBound {
            throw fault("tensors \(first.key) and \(second.key) overlap", file)
        }
    }

    /// Bytes of a tensor, or nil where they overflow.
    static func byteCount(_ shape: [Int], _ dtype: SafetensorsType) -> Int? {
        var product = dtype.byteCount
        for size in shape {
            let (next, overflows) = product.multipliedReportingOverflow(by: size)
            if overflows { return nil }
            product = next
        }
        return product
    }
}

extension JSONValue {
    /// A size written as a whole number of at least 0.
    fileprivate var wholeSize: Int? {
        guard case .integer(let size) = self, size >= 0 else { return nil }
        return size
    }
}
