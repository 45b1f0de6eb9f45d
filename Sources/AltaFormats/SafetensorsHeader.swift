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

    /// Tensors must cover the data without overlaps and gaps, as the format demands: with an overlap one tensor would hold
    /// something other than was meant, and a gap may hide another file.
    static func checkCoverage(_ entries: [String: SafetensorsFile.Entry], dataStart: Int, file: FileBytes) throws {
        let inOrder = entries.filter { !$0.value.range.isEmpty }
            .sorted { ($0.value.range.lowerBound, $0.key) < ($1.value.range.lowerBound, $1.key) }
        var end = dataStart
        var last = "the header"
        for (name, entry) in inOrder {
            guard entry.range.lowerBound >= end else { throw fault("tensors \(last) and \(name) overlap", file) }
            guard entry.range.lowerBound == end else {
                throw fault(
                    "\(entry.range.lowerBound - end) bytes between \(last) and tensor \(name) are no tensor's", file)
            }
            (end, last) = (entry.range.upperBound, name)
        }
        guard end == file.bytes.count else {
            throw fault("\(file.bytes.count - end) bytes after \(last) are no tensor's", file)
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
