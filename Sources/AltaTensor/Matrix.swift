/// A view of `rows x columns` floats, row-major and contiguous. The memory belongs to an `Arena` or a `Region`.
///
/// A view is as long-lived as its owner; nothing checks that. `slackRows` tells how many rows after the last one belong
/// to this matrix alone, so that a product whose primitive works on multiples of 16 rows may read and write them.
public struct Matrix {
    /// The first element.
    public let base: UnsafeMutablePointer<Float>
    /// The number of rows.
    public let rows: Int
    /// The number of columns, which is also the distance between rows.
    public let columns: Int
    /// Rows after the last that are scratch of this matrix: their contents are meaningless and may be overwritten.
    public let slackRows: Int

    /// A view of memory that somebody else owns.
    public init(base: UnsafeMutablePointer<Float>, rows: Int, columns: Int, slackRows: Int = 0) {
        precondition(rows >= 0 && columns >= 0 && slackRows >= 0, "a matrix of \(rows) + \(slackRows) x \(columns)")
        self.base = base
        self.rows = rows
        self.columns = columns
        self.slackRows = slackRows
    }

    /// The element at (`row`, `column`); bounds are checked in debug builds only.
    public subscript(row: Int, column: Int) -> Float {
        get {
            assert(row >= 0 && row < rows && column >= 0 && column < columns, "(\(row), \(column)) of \(shape)")
            return base[row * columns + column]
        }
        nonmutating set {
            assert(row >= 0 && row < rows && column >= 0 && column < columns, "(\(row), \(column)) of \(shape)")
            base[row * columns + column] = newValue
        }
    }

    /// The rows `range` as a matrix of their own. Only a view that reaches the last row keeps the slack.
    public func rows(_ range: Range<Int>) -> Matrix {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows \(range) of \(shape)")
        return Matrix(
            base: row(range.lowerBound), rows: range.count, columns: columns,
            slackRows: range.upperBound == rows ? slackRows : 0)
    }

    /// The first element of row `index`.
    public func row(_ index: Int) -> UnsafeMutablePointer<Float> { base + index * columns }

    /// The number of elements, slack not counted.
    public var count: Int { rows * columns }

    /// All elements, row after row.
    public var elements: UnsafeMutableBufferPointer<Float> { UnsafeMutableBufferPointer(start: base, count: count) }

    /// A copy of all elements, row after row.
    public func toArray() -> [Float] { Array(elements) }

    /// Copies a matrix of the same shape; the two may overlap.
    public func copy(from source: Matrix) {
        precondition(source.rows == rows && source.columns == columns, "copy \(source.shape) to \(shape)")
        base.update(from: source.base, count: count)
    }

    /// Copies `rows * columns` numbers.
    public func copy(from numbers: some Collection<Float>) {
        precondition(numbers.count == count, "copy \(numbers.count) numbers to \(shape)")
        _ = elements.update(fromContentsOf: numbers)
    }

    /// Sets every element.
    public func fill(_ value: Float) { elements.update(repeating: value) }

    /// The shape for messages, as `[3, 768]`.
    public var shape: String { "[\(rows), \(columns)]" }
}
