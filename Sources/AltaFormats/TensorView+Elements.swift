import AltaCore

extension TensorView {
    /// The elements of a floating-point tensor, row-major; F16 and BF16 exactly, F64 rounded to the nearest Float.
    ///
    /// Errors: it holds whole numbers.
    public func floats() throws -> [Float] { try StoredTensor(self).floats() }

    /// The elements of a tensor of whole numbers or truth values (0 and 1), row-major.
    ///
    /// Errors: it holds floating-point numbers.
    public func integers() throws -> [Int] { try StoredTensor(self).integers() }

    /// Converts the stored elements `start`, `start + step` ... to Float. Errors: they are whole numbers.
    func readFloats(from start: Int, step: Int, into values: UnsafeMutableBufferPointer<Float>) throws {
        switch dtype {
        case .float32:
            if step == 1 { return copyFloats(from: start, into: values) }
            convert(start, step, values, UInt32.self) { Float(bitPattern: $0) }
        case .float16: convert(start, step, values, UInt16.self, Self.float(half:))
        case .bfloat16: convert(start, step, values, UInt16.self) { Float(bitPattern: UInt32($0) << 16) }
        case .float64: convert(start, step, values, UInt64.self) { Float(Double(bitPattern: $0)) }
        case .int64, .int32, .int16, .int8, .uint8, .bool: throw typeFault("floating-point numbers")
        }
    }

    /// Converts the stored elements `start`, `start + step` ... to whole numbers. Errors: they are floating-point.
    func readIntegers(from start: Int, step: Int, into values: UnsafeMutableBufferPointer<Int>) throws {
        switch dtype {
        case .int64: convert(start, step, values, Int64.self) { Int($0) }
        case .int32: convert(start, step, values, Int32.self) { Int($0) }
        case .int16: convert(start, step, values, Int16.self) { Int($0) }
        case .int8: convert(start, step, values, Int8.self) { Int($0) }
        case .uint8: convert(start, step, values, UInt8.self) { Int($0) }
        case .bool: convert(start, step, values, UInt8.self) { $0 == 0 ? 0 : 1 }
        case .float32, .float16, .bfloat16, .float64: throw typeFault("whole numbers")
        }
    }

    /// The Float of a half's bits. `Float(Float16)` gives the same but for signals of NaN, and is a call for each element
    /// where the processor's conversion may not be assumed.
    @inline(__always) static func float(half: UInt16) -> Float {
        let sign = UInt32(half & 0x8000) << 16
        let magnitude = UInt32(half & 0x7FFF) << 13
        // The exponents differ by 112; a product also makes subnormal halves normal. Infinity and NaN stay what they are.
        let scaled = (Float(bitPattern: magnitude) * 0x1p112).bitPattern
        let special: UInt32 = magnitude >= 0x0F80_0000 ? 0x7F80_0000 : 0
        return Float(bitPattern: sign | scaled | special)
    }

    private func convert<Stored: FixedWidthInteger & BitwiseCopyable, Element>(
        _ start: Int, _ step: Int, _ values: UnsafeMutableBufferPointer<Element>, _ type: Stored.Type,
        _ element: (Stored) -> Element
    ) {
        let bytes = bytes
        for index in values.indices {
            let offset = (start + index * step) * MemoryLayout<Stored>.size
            let stored = bytes.loadUnaligned(fromByteOffset: offset, as: Stored.self)
            values.initializeElement(at: index, to: element(Stored(littleEndian: stored)))
        }
    }

    /// Float elements side by side need no conversion: every machine that this system runs on is little-endian.
    private func copyFloats(from start: Int, into values: UnsafeMutableBufferPointer<Float>) {
        let source = bytes[(start * 4)..<((start + values.count) * 4)]
        UnsafeMutableRawBufferPointer(values).copyMemory(from: UnsafeRawBufferPointer(rebasing: source))
    }

    private func typeFault(_ wanted: String) -> AltaError {
        AltaError(
            "tensor \(name) has the type \(dtype.rawValue)", why: "\(wanted) were expected",
            remedy: "check that this is the right file", file: file.path)
    }
}
