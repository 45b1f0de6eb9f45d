import AltaCore

/// What the counters of a reduction's shared memory say: rounds begun, buckets announced, buckets done.
private enum ReductionCounter {
    static let begun = 0
    static let announced = 1
    static let done = 2
}

/// The sum over all ranks of a vector whose summands are made in shared memory, bucket by bucket, while they are made.
///
/// Every rank writes its summands into its part of the node's memory and announces bucket after bucket. A bucket that all
/// ranks of the node have announced is added up there, each leader its slice, into the first rank's part: no copy in, none
/// out. Then the leaders of a slice add theirs up over the nodes, in the background. Integer sums are the same bits
/// whatever the buckets, nodes and ranks. Source: hierarchical all-reduce (reduce-scatter in memory, all-reduce between
/// nodes, reading in place).
///
/// A round is `begin`, writing, `announce` and `advance` now and then, `finish`; every rank makes the same rounds. A rank
/// that stops elsewhere leaves the others waiting, as in any collective.
public final class NodeReduction<E: CollectiveElement>: BucketReduction {
    /// This rank's summands, `[n]`; to be written between `begin` and the bucket's announcement.
    public let own: UnsafeMutableBufferPointer<E>
    /// The sums, `[n]`, the node's; valid from `finish` to this node's next `begin`.
    public let sum: UnsafeMutableBufferPointer<E>
    /// Bytes that the node's ranks share for what they make of the sums.
    public let common: UnsafeMutableRawBufferPointer
    /// What is reduced at once, in the order in which it becomes ready.
    public let buckets: [Range<Int>]
    /// Seconds of the last round that `finish` waited for ranks of this node that had not announced everything.
    public private(set) var secondsWaited = 0.0

    /// This rank's places.
    public let groups: NodeGroups
    private let memory: SharedMemory
    private let parts: [UnsafeMutablePointer<E>]
    /// Where slices are cut: at multiples of this many elements.
    private let block: Int
    private var round = 0
    private var announced = 0
    private var started = 0
    private var done = 0
    private var underWay: [Pending] = []

    /// A slice that is being added up over the nodes.
    private struct Pending {
        let slice: Range<Int>
        let reduction: (any StartedReduction)?
    }

    /// How many slices a leader has under way: enough to hide latency; many large ones at once only cost memory
    /// (146 MB posted at once took 2 to 4 times as long as one after the other).
    private static var largestUnderWay: Int { 3 }

    /// Stores the parts; `make` assembles them.
    init(groups: NodeGroups, memory: SharedMemory, count: Int, buckets: [Range<Int>], block: Int) {
        self.groups = groups
        self.memory = memory
        self.buckets = buckets
        self.block = block
        parts = memory.parts.map { part in
            guard let base = part.baseAddress else { preconditionFailure("shared memory without an address") }
            return base.assumingMemoryBound(to: E.self)
        }
        own = UnsafeMutableBufferPointer(start: parts[memory.rank], count: count)
        sum = UnsafeMutableBufferPointer(start: parts[0], count: count)
        common = UnsafeMutableRawBufferPointer(
            rebasing: memory.parts[0][NodeReduction.paddedBytes(count)...])
    }

    /// The bytes of a part's elements, up to a whole cache line.
    static func paddedBytes(_ count: Int) -> Int {
        (max(count, 1) * MemoryLayout<E>.stride + SharedMemory.alignment - 1) & ~(SharedMemory.alignment - 1)
    }

    /// Waits until no rank of the node reads the last round's sums any more: then `own` may be written. Collective.
    public func begin() throws {
        round += 1
        memory.publish(round, on: ReductionCounter.begun)
        try groups.node.waitInMemory { memory.least(on: ReductionCounter.begun) >= round }
        (announced, started, done) = (0, 0, 0)
        secondsWaited = 0
    }

    /// Tells that this rank's summands of the first `count` buckets are final. Not collective.
    public func announce(_ count: Int) {
        guard count > announced else { return }
        precondition(count <= buckets.count, "bucket \(count) of \(buckets.count) announced")
        announced = count
        memory.publish(ticket(count), on: ReductionCounter.announced)
    }

    /// Does what can be done without waiting. Not collective; called often, since MPI works inside its calls alone.
    ///
    /// - Parameter summed: takes a slice of this rank's whose sum over all ranks has just become final.
    /// - Returns: whether there was anything to do.
    @discardableResult
    public func advance(_ summed: (Range<Int>) throws -> Void) throws -> Bool {
        var worked = false
        let ready = memory.least(on: ReductionCounter.announced) - ticket(0)
        while started < ready, underWay.count < Self.largestUnderWay {
            underWay.append(try addUp(started))
            started += 1
            worked = true
        }
        while let first = underWay.first, try first.reduction?.isDone() ?? true {
            underWay.removeFirst()
            if !first.slice.isEmpty { try summed(first.slice) }
            done += 1
            memory.publish(ticket(done), on: ReductionCounter.done)
            worked = true
        }
        return worked
    }

    /// Announces what is left and returns when every slice of the node has been `summed`. Collective.
    public func finish(_ summed: (Range<Int>) throws -> Void) throws {
        announce(buckets.count)
        let end = ticket(buckets.count)
        let clock = ContinuousClock()
        var last = clock.now
        try groups.node.waitInMemory {
            // As long as there is work, without giving the processor away.
            while memory.least(on: ReductionCounter.done) < end {
                let isWaiting = memory.least(on: ReductionCounter.announced) < end
                let worked = try advance(summed)
                if !worked { try groups.node.pause() }
                let now = clock.now
                if isWaiting && !worked { secondsWaited += last.duration(to: now) / .seconds(1) }
                last = now
            }
            return true
        }
    }

    /// Gives the shared memory back. Collective over the node.
    public func free() throws { try memory.free() }

    /// Counters never go back, so that no rank takes an earlier round's for its own.
    private func ticket(_ count: Int) -> Int { round * (buckets.count + 1) + count }

    /// Adds this rank's slice of a bucket up over the node, and begins to over the nodes.
    private func addUp(_ bucket: Int) throws -> Pending {
        let range = buckets[bucket]
        if parts.count > 1 { groups.node.noteShared(byteCount: range.count * MemoryLayout<E>.stride) }
        guard let leaders = groups.leaders else { return Pending(slice: 0..<0, reduction: nil) }
        let slice = slice(of: range)
        guard !slice.isEmpty else { return Pending(slice: slice, reduction: nil) }
        for start in stride(from: slice.lowerBound, to: slice.upperBound, by: block) {
            let count = min(block, slice.upperBound - start)
            for part in parts.dropFirst() {
                E.elementType.accumulate(.sum, part + start, into: parts[0] + start, count: count)
            }
        }
        let sums = UnsafeMutableBufferPointer(rebasing: sum[slice])
        return Pending(slice: slice, reduction: try leaders.startAllReduce(sums, .sum))
    }

    /// The part of a bucket that this rank leads: whole blocks.
    private func slice(of range: Range<Int>) -> Range<Int> {
        let (rank, slices) = (groups.node.rank, groups.sliceCount)
        let blocks = (range.count + block - 1) / block
        func start(_ index: Int) -> Int { min(range.lowerBound + blocks * index / slices * block, range.upperBound) }
        return start(rank)..<start(rank + 1)
    }
}
