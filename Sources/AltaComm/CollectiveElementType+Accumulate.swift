extension CollectiveElementType {
    /// Combines `count` elements of this type into those of `target`, one by one.
    ///
    /// Switches on the type outside the loop, so that each loop is compiled for its type.
    func accumulate(
        _ operation: ReduceOperation, _ source: UnsafeRawPointer, into target: UnsafeMutableRawPointer, count: Int
    ) {
        switch self {
        case .float: Self.accumulate(Float.self, operation, source, target, count)
        case .double: Self.accumulate(Double.self, operation, source, target, count)
        case .int32: Self.accumulate(Int32.self, operation, source, target, count)
        case .int64: Self.accumulate(Int64.self, operation, source, target, count)
        case .uint8: Self.accumulate(UInt8.self, operation, source, target, count)
        case .uint64: Self.accumulate(UInt64.self, operation, source, target, count)
        }
    }

    private static func accumulate<E: CollectiveElement>(
        _ type: E.Type, _ operation: ReduceOperation, _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer,
        _ count: Int
    ) {
        let source = source.assumingMemoryBound(to: E.self)
        let target = target.assumingMemoryBound(to: E.self)
        switch operation {
        case .sum: for index in 0..<count { target[index] = E.collectiveSum(target[index], source[index]) }
        case .maximum: for index in 0..<count { target[index] = max(target[index], source[index]) }
        case .minimum: for index in 0..<count { target[index] = min(target[index], source[index]) }
        }
    }
}
