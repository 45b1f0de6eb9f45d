/// The element types of safetensors files that this system reads and writes; raw values are the format's names.
public enum SafetensorsType: String, Sendable, CaseIterable {
    case float32 = "F32"
    case float16 = "F16"
    case bfloat16 = "BF16"
    case float64 = "F64"
    case int64 = "I64"
    case int32 = "I32"
    case int16 = "I16"
    case int8 = "I8"
    case uint8 = "U8"
    case bool = "BOOL"

    /// Bytes of one element.
    public var byteCount: Int {
        switch self {
        case .float64, .int64: 8
        case .float32, .int32: 4
        case .float16, .bfloat16, .int16: 2
        case .int8, .uint8, .bool: 1
        }
    }

    /// Whether elements are floating-point numbers.
    public var isFloatingPoint: Bool {
        switch self {
        case .float32, .float16, .bfloat16, .float64: true
        case .int64, .int32, .int16, .int8, .uint8, .bool: false
        }
    }
}

/// A tensor in a file: its description and its bytes, in place.
public struct TensorView: Sendable {
    /// The tensor's name.
    public let name: String
    /// The type of its elements.
    public let dtype: SafetensorsType
    /// Its sizes, outermost first; empty for a scalar. The product never overflows.
    public let shape: [Int]
    /// The file, which stays open as long as the view lives.
    let file: FileBytes
    let range: Range<Int>

    /// How many elements it has.
    public var elementCount: Int { range.count / dtype.byteCount }

    /// The elements, row-major, little-endian, not necessarily aligned; valid while this view or its file lives.
    public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: file.bytes[range]) }
}
