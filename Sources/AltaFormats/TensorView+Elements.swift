import AltaCore

extension TensorView {
    /// The elements of a floating-point tensor, row-major; F16 and BF16 exactly, F64 rounded to the nearest Float.
    ///
    /// Errors: it holds whole numbers.
    public func floats() throws -> [Float] {
        switch dtype {
        case .float32: copy(UInt32.self) { Float(bitPattern: $0) }
        case .float16: copy(UInt16.self) { Float(Float16(bitPattern: $0)) }
        case .bfloat16: copy(UInt16.self) { Float(bitPattern: UInt32($0) << 16) }
        case .float64: copy(UInt64.self) { Float(Double(bitPattern: $0)) }
        case .int64, .int32, .int16, .int8, .uint8, .bool: throw typeFault("floating-point numbers")
        }
    }

    /// The elements of a tensor of whole numbers or truth values (0 and 1), row-major.
    ///
    /// Errors: it holds floating-point numbers.
    public func integers() throws -> [Int] {
        switch dtype {
        case .int64: copy(Int64.self) { Int($0) }
        case .int32: copy(Int32.self) { Int($0) }
        case .int16: copy(Int16.self) { Int($0) }
        case .int8: copy(Int8.self) { Int($0) }
        case .uint8: copy(UInt8.self) { Int($0) }
        case .bool: copy(UInt8.self) { $0 == 0 ? 0 : 1 }
        case .float32, .float16, .bfloat16, .float64: throw typeFault("whole numbers")
        }
    }

    private func copy<Stored: FixedWidthInteger & BitwiseCopyable, Element>(
        _ type: Stored.Type, _ convert: (Stored) -> Element
    ) -> [Element] {
        let count = elementCount
        return [Element](unsafeUninitializedCapacity: count) { elements, initialized in
            let bytes = bytes
            for place in 0..<count {
                let stored = bytes.loadUnaligned(fromByteOffset: place * MemoryLayout<Stored>.size, as: Stored.self)
                elements.initializeElement(at: place, to: convert(Stored(littleEndian: stored)))
            }
            initialized = count
        }
    }

    private func typeFault(_ wanted: String) -> AltaError {
        AltaError(
            "tensor \(name) has the type \(dtype.rawValue)", why: "\(wanted) were expected",
            remedy: "check that this is the right file", file: file.path)
    }
}
