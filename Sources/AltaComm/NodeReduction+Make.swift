import AltaCore

extension NodeReduction {
    /// Reserves memory on every node for sums of `count` elements. Collective over the job; once for a run.
    ///
    /// Where a node has no room for shared memory, every rank becomes a node of its own: slower, and the same bits.
    ///
    /// - Parameters:
    ///   - split: what counts as a node.
    ///   - buckets: what is reduced at once, in the order in which it becomes ready; together all of `0..<count`.
    ///   - block: slices are cut at multiples of so many elements from the start of a bucket.
    ///   - commonByteCount: the size of `common`.
    ///   - notice: is told, on every rank, why memory is not shared.
    public static func make(
        _ collectives: any Collectives, by split: NodeSplit, count: Int, buckets: [Range<Int>], block: Int,
        commonByteCount: Int, notice: (String) -> Void
    ) throws -> NodeReduction {
        precondition(
            block > 0 && buckets.reduce(0) { $0 + $1.count } == count, "buckets \(buckets) of \(count) elements")
        func reserve(_ split: NodeSplit) throws -> (NodeGroups, Result<SharedMemory, any Error>) {
            let groups = try NodeGroups.make(collectives, by: split)
            let bytes = paddedBytes(count) + (groups.node.rank == 0 ? commonByteCount : 0)
            return (groups, Result { try groups.node.shareMemory(byteCount: bytes) })
        }
        var (groups, memory) = try reserve(split)
        if let reason = try collectives.firstFailure(memory) {
            // Nodes that have room give it back: all go the same way.
            if case .success(let reserved) = memory { try reserved.free() }
            notice("note: ranks do not share memory, so gradients are sent instead: \(reason)")
            (groups, memory) = try reserve(.alone)
        }
        return NodeReduction(groups: groups, memory: try memory.get(), count: count, buckets: buckets, block: block)
    }
}
