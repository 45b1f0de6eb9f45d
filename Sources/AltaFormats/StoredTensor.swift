import AltaCore

/// A tensor in a file of weights, in place: like `TensorView`, but its elements may lie in any order, as those of
/// PyTorch's transposed, sliced or expanded tensors do.
public struct StoredTensor: Sendable {
    /// The most elements that a tensor may have beyond what the file holds, by repeating stored ones.
    static let repeatedLimit = 1 << 20

    /// The tensor's name.
    public let name: String
    /// Its sizes, outermost first; empty for a scalar. The product never overflows.
    public let shape: [Int]
    /// How far apart neighbours are along each size, in elements.
    let strides: [Int]
    /// The stored elements from the first that is used to the last, as they lie in the file.
    let span: TensorView

    init(name: String, dtype: SafetensorsType, shape: [Int], strides: [Int], file: FileBytes, range: Range<Int>) {
        self.name = name
        self.shape = shape
        self.strides = strides
        span = TensorView(
            name: name, dtype: dtype, shape: [range.count / dtype.byteCount], file: file, range: range)
    }

    /// A tensor whose elements lie row-major.
    public init(_ view: TensorView) {
        name = view.name
        shape = view.shape
        strides = Self.rowMajorStrides(view.shape)
        span = view
    }

    /// The type of the stored elements.
    public var dtype: SafetensorsType { span.dtype }

    /// How many elements it has.
    public var elementCount: Int { shape.product ?? 0 }

    /// Whether the elements lie in the file as they are read: row-major, without gaps.
    public var isContiguous: Bool {
        zip(shape, zip(strides, Self.rowMajorStrides(shape))).allSatisfy { $0 == 1 || $1.0 == $1.1 }
            || elementCount == 0
    }

    /// Converts the elements of a floating-point tensor, row-major: F16 and BF16 exactly, F64 rounded to the nearest
    /// Float. Of the file only the pages of this tensor are touched, and nothing is allocated.
    ///
    /// Errors: it holds whole numbers. A buffer of another length is a programmer's fault.
    /// - Parameter values: `elementCount` elements, which may be uninitialised.
    public func readFloats(into values: UnsafeMutableBufferPointer<Float>) throws {
        precondition(values.count == elementCount, "\(values.count) places for \(elementCount) elements of \(name)")
        try forEachRow { places, start, step in
            try span.readFloats(
                from: start, step: step, into: UnsafeMutableBufferPointer(rebasing: values[places]))
        }
    }

    /// Gives the memory that reading took back to the system; the file stays in its cache.
    public func releasePages() { span.file.releasePages(in: span.range) }

    /// Hands the elements of a floating-point tensor over, row-major: as they lie in the file where they are Floats, side by
    /// side, else converted. What that took of memory is given back.
    ///
    /// Errors: it holds whole numbers, or `body` throws.
    public func withFloats<Result>(_ body: (UnsafeBufferPointer<Float>) throws -> Result) throws -> Result {
        defer { releasePages() }
        guard dtype == .float32, isContiguous, let start = span.bytes.baseAddress,
            UInt(bitPattern: start) % UInt(MemoryLayout<Float>.alignment) == 0
        else { return try floats().withUnsafeBufferPointer(body) }
        return try withExtendedLifetime(span) {
            try body(UnsafeBufferPointer(start: start.assumingMemoryBound(to: Float.self), count: elementCount))
        }
    }

    /// The elements of a floating-point tensor; see `readFloats(into:)`.
    public func floats() throws -> [Float] {
        let count = elementCount
        return try [Float](unsafeUninitializedCapacity: count) { values, initialized in
            try readFloats(into: UnsafeMutableBufferPointer(rebasing: values[..<count]))
            initialized = count
        }
    }

    /// The elements of a tensor of whole numbers or truth values (0 and 1), row-major.
    ///
    /// Errors: it holds floating-point numbers.
    public func integers() throws -> [Int] {
        let count = elementCount
        return try [Int](unsafeUninitializedCapacity: count) { values, initialized in
            try forEachRow { places, start, step in
                try span.readIntegers(
                    from: start, step: step, into: UnsafeMutableBufferPointer(rebasing: values[places]))
            }
            initialized = count
        }
    }

    static func rowMajorStrides(_ shape: [Int]) -> [Int] {
        var strides = shape
        var stride = 1
        for index in shape.indices.reversed() {
            strides[index] = stride
            // A shape without elements may have sizes whose product overflows; its strides are never used.
            stride = stride.multipliedReportingOverflow(by: shape[index]).partialValue
        }
        return strides
    }

    /// Runs `body` for each run of elements that are equally far apart in the file: for all at once where the tensor is
    /// contiguous, else along the last size. It gets the places of the result, the first stored element and the step.
    private func forEachRow(_ body: (Range<Int>, Int, Int) throws -> Void) rethrows {
        let count = elementCount
        if isContiguous { return try body(0..<count, 0, 1) }
        guard let length = shape.last, let step = strides.last else { return }
        var index = [Int](repeating: 0, count: shape.count - 1)
        var start = 0
        for place in stride(from: 0, to: count, by: length) {
            try body(place..<place + length, start, step)
            advance(&index, &start)
        }
    }

    /// The next row: the odometer of all sizes but the last, and the place of its first element.
    private func advance(_ index: inout [Int], _ start: inout Int) {
        for axis in index.indices.reversed() {
            index[axis] += 1
            start += strides[axis]
            if index[axis] < shape[axis] { return }
            start -= index[axis] * strides[axis]
            index[axis] = 0
        }
    }
}
