import Glibc

/// A matrix of either format, as products take it: the same calls then serve an engine of either.
public enum Operand {
    /// fp32 numbers.
    case full(Matrix)
    /// bf16 numbers.
    case half(HalfMatrix)

    /// The format of its numbers.
    public var format: NumberFormat {
        switch self {
        case .full: .full
        case .half: .half
        }
    }

    /// The number of rows.
    public var rows: Int {
        switch self {
        case .full(let matrix): matrix.rows
        case .half(let matrix): matrix.rows
        }
    }

    /// The number of columns, which is also the distance between rows.
    public var columns: Int {
        switch self {
        case .full(let matrix): matrix.columns
        case .half(let matrix): matrix.columns
        }
    }

    /// Rows after the last that are scratch of this matrix; see `Matrix.slackRows`.
    public var slackRows: Int {
        switch self {
        case .full(let matrix): matrix.slackRows
        case .half(let matrix): matrix.slackRows
        }
    }

    /// The rows `range` as an operand of their own. Only a view that reaches the last row keeps the slack.
    public func rows(_ range: Range<Int>) -> Operand {
        switch self {
        case .full(let matrix): .full(matrix.rows(range))
        case .half(let matrix): .half(matrix.rows(range))
        }
    }

    /// The fp32 matrix; traps for one in bf16.
    public var matrix: Matrix {
        guard case .full(let matrix) = self else { preconditionFailure("\(shape) is in bf16, fp32 was expected") }
        return matrix
    }

    /// The bf16 matrix; traps for one in fp32.
    public var halfMatrix: HalfMatrix {
        guard case .half(let matrix) = self else { preconditionFailure("\(shape) is in fp32, bf16 was expected") }
        return matrix
    }

    /// The shape for messages, as `[3, 768]`.
    public var shape: String { "[\(rows), \(columns)]" }

    /// The first element of row `index`.
    func row(_ index: Int) -> UnsafeMutableRawPointer { base + index * columns * format.byteCount }

    /// The first byte.
    public var base: UnsafeMutableRawPointer {
        switch self {
        case .full(let matrix): UnsafeMutableRawPointer(matrix.base)
        case .half(let matrix): UnsafeMutableRawPointer(matrix.base)
        }
    }

    /// Sets every element to 0.
    public func clear() { memset(base, 0, rows * columns * format.byteCount) }

    /// Copies the rows of another operand of this shape and format.
    func copy(from source: Operand) {
        precondition(
            source.rows == rows && source.columns == columns && source.format == format,
            "copy \(source.format) \(source.shape) to \(format) \(shape)")
        base.copyMemory(from: source.base, byteCount: rows * columns * format.byteCount)
    }
}

extension Arena {
    /// An uninitialised matrix of that format with room for `rows` rounded up to `Engine.rowMultiple`.
    public func operand(_ rows: Int, _ columns: Int, _ format: NumberFormat) -> Operand {
        switch format {
        case .full: .full(matrix(rows, columns))
        case .half: .half(halfMatrix(rows, columns))
        }
    }
}

/// Traps unless two operands have the same shape.
func requireSameShape(_ a: Operand, _ b: Operand, _ operation: StaticString) {
    precondition(a.rows == b.rows && a.columns == b.columns, "\(operation) of \(a.shape) and \(b.shape)")
}
