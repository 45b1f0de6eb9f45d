/// A view of `rows x columns` bf16 numbers, row-major and contiguous: the twin of `Matrix` for what rests in 16 bits.
///
/// The memory belongs to an `Arena` or a `Region`; a view is as long-lived as its owner, and nothing checks that.
public struct HalfMatrix {
    /// The first element.
    public let base: UnsafeMutablePointer<BFloat16>
    /// The number of rows.
    public let rows: Int
    /// The number of columns, which is also the distance between rows.
    public let columns: Int
    /// Rows after the last that are scratch of this matrix: their contents are meaningless and may be overwritten.
    public let slackRows: Int

    /// A view of memory that somebody else owns.
    public init(base: UnsafeMutablePointer<BFloat16>, rows: Int, columns: Int, slackRows: Int = 0) {
        precondition(rows >= 0 && columns >= 0 && slackRows >= 0, "a matrix of \(rows) + \(slackRows) x \(columns)")
        self.base = base
        self.rows = rows
        self.columns = columns
        self.slackRows = slackRows
    }

    /// The element at (`row`, `column`), rounded where it is set; bounds are checked in debug builds only.
    public subscript(row: Int, column: Int) -> Float {
        get {
            assert(row >= 0 && row < rows && column >= 0 && column < columns, "(\(row), \(column)) of \(shape)")
            return base[row * columns + column].float
        }
        nonmutating set {
            assert(row >= 0 && row < rows && column >= 0 && column < columns, "(\(row), \(column)) of \(shape)")
            base[row * columns + column] = BFloat16(newValue)
        }
    }

    /// The rows `range` as a matrix of their own. Only a view that reaches the last row keeps the slack.
    public func rows(_ range: Range<Int>) -> HalfMatrix {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows \(range) of \(shape)")
        return HalfMatrix(
            base: row(range.lowerBound), rows: range.count, columns: columns,
            slackRows: range.upperBound == rows ? slackRows : 0)
    }

    /// The first element of row `index`.
    public func row(_ index: Int) -> UnsafeMutablePointer<BFloat16> { base + index * columns }

    /// The number of elements, slack not counted.
    public var count: Int { rows * columns }

    /// All elements, row after row.
    public var elements: UnsafeMutableBufferPointer<BFloat16> {
        UnsafeMutableBufferPointer(start: base, count: count)
    }

    /// A copy of all elements, row after row, in fp32.
    public func toArray() -> [Float] { elements.map(\.float) }

    /// Copies a matrix of the same shape; the two may overlap.
    public func copy(from source: HalfMatrix) {
        precondition(source.rows == rows && source.columns == columns, "copy \(source.shape) to \(shape)")
        base.update(from: source.base, count: count)
    }

    /// Rounds and copies `rows * columns` numbers.
    public func copy(from numbers: some Collection<Float>) {
        precondition(numbers.count == count, "copy \(numbers.count) numbers to \(shape)")
        _ = elements.update(fromContentsOf: numbers.map { BFloat16($0) })
    }

    /// Sets every element.
    public func fill(_ value: Float) { elements.update(repeating: BFloat16(value)) }

    /// Whether another matrix of this shape has the same bits in every element.
    public func hasBits(of other: HalfMatrix) -> Bool {
        precondition(other.rows == rows && other.columns == columns, "\(shape) compared with \(other.shape)")
        return zip(elements, other.elements).allSatisfy { $0.bits == $1.bits }
    }

    /// The shape for messages, as `[3, 768]`.
    public var shape: String { "[\(rows), \(columns)]" }

    /// The elements as the kernels take them.
    var words: UnsafeMutablePointer<UInt16> { HalfMatrix.words(base) }

    /// Numbers as the kernels take them.
    static func words(_ base: UnsafeMutablePointer<BFloat16>) -> UnsafeMutablePointer<UInt16> {
        UnsafeMutableRawPointer(base).assumingMemoryBound(to: UInt16.self)
    }
}

/// Traps unless two matrices have the same shape.
func requireSameShape(_ a: HalfMatrix, _ b: HalfMatrix, _ operation: StaticString) {
    precondition(a.rows == b.rows && a.columns == b.columns, "\(operation) of \(a.shape) and \(b.shape)")
}

/// Traps unless two matrices have the same shape.
func requireSameShape(_ a: HalfMatrix, _ b: Matrix, _ operation: StaticString) {
    precondition(a.rows == b.rows && a.columns == b.columns, "\(operation) of \(a.shape) and \(b.shape)")
}
