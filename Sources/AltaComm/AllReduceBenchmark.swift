import AltaCore

/// Sums over ranks by `NodeReduction` and by MPI_Allreduce, side by side: checked, then timed in turn.
public struct AllReduceBenchmark {
    let collectives: any Collectives
    /// What counts as a node.
    let nodes: NodeSplit
    /// How many pairs are timed.
    let pairs: Int

    /// Stores the parts.
    public init(collectives: any Collectives, nodes: NodeSplit, pairs: Int) {
        self.collectives = collectives
        self.nodes = nodes
        self.pairs = pairs
    }

    /// The sum of `count` int64, as gradients are summed. Collective.
    ///
    /// Ours is timed from the summands in shared memory to the sum there, MPI's in place. Each time is the slowest rank's.
    ///
    /// - Throws: `AltaError` on every rank where the two sums differ.
    public func run(count: Int, notice: (String) -> Void) throws -> AllReduceTimes {
        let size = AllReduceBenchmark.bucketByteCount / MemoryLayout<Int64>.stride
        let buckets = stride(from: 0, to: count, by: size).map { $0..<min($0 + size, count) }
        let reduction = try NodeReduction<Int64>.make(
            collectives, by: nodes, count: count, buckets: buckets, block: AllReduceBenchmark.block,
            commonByteCount: 0, notice: notice)
        let buffer = UnsafeMutableBufferPointer<Int64>.allocate(capacity: count)
        defer { buffer.deallocate() }
        var times = AllReduceTimes(count: count, ranks: collectives.rankCount)
        // The first pair, untimed, also touches all memory.
        for pair in 0...pairs {
            let own = try ours(reduction, seed: pair)
            let cut = try mpi(buffer, seed: pair, collectives)
            try check(reduction.sum, buffer)
            let whole = try (collectives as? any WholeMessages).map { try mpi(buffer, seed: pair, $0.wholeMessages) }
            if pair > 0 { times.add(own: own, whole: whole ?? cut, cut: cut) }
        }
        try reduction.free()
        return times
    }

    /// As in training (`GradientReducer`).
    static let bucketByteCount = 4 << 20
    static let block = 1 << 14

    private func ours(_ reduction: NodeReduction<Int64>, seed: Int) throws -> Double {
        try reduction.begin()
        fill(reduction.own, seed: seed)
        return try slowest { try reduction.finish { _ in } }
    }

    private func mpi(
        _ buffer: UnsafeMutableBufferPointer<Int64>, seed: Int, _ collectives: any Collectives
    ) throws -> Double {
        fill(buffer, seed: seed)
        return try slowest { try collectives.allReduce(buffer, .sum) }
    }

    /// Other numbers on every rank and in every pair, of all 64 bits.
    private func fill(_ values: UnsafeMutableBufferPointer<Int64>, seed: Int) {
        var state = UInt64(collectives.rank &* 1_000_003 &+ seed) &* 0x9E37_79B9_7F4A_7C15 | 1
        for index in values.indices {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            values[index] = Int64(bitPattern: state)
        }
    }

    private func slowest(_ body: () throws -> Void) throws -> Double {
        try collectives.barrier()
        let seconds = try ContinuousClock().measure(body) / .seconds(1)
        return try collectives.allReduce(seconds, .maximum)
    }

    private func check(_ ours: UnsafeMutableBufferPointer<Int64>, _ mpi: UnsafeMutableBufferPointer<Int64>) throws {
        let differing = ours.indices.first { ours[$0] != mpi[$0] }
        let places = try collectives.allGather(Int64(differing ?? -1))
        guard let rank = places.firstIndex(where: { $0 >= 0 }) else { return }
        throw AltaError(
            "the two sums of \(ours.count) numbers differ at \(places[rank])",
            remedy: "report this as a defect", rank: rank)
    }
}

/// What `AllReduceBenchmark` measured for one size.
public struct AllReduceTimes: Sendable {
    /// How many int64.
    public let count: Int
    /// The number of ranks.
    public let ranks: Int
    private var own: [Double] = []
    private var whole: [Double] = []
    private var cut: [Double] = []

    init(count: Int, ranks: Int) {
        self.count = count
        self.ranks = ranks
    }

    mutating func add(own: Double, whole: Double, cut: Double) {
        self.own.append(own)
        self.whole.append(whole)
        self.cut.append(cut)
    }

    /// Median seconds of the sum in shared memory and between nodes.
    public var seconds: Double { median(own) }
    /// Median seconds of one MPI_Allreduce of everything.
    public var mpiSeconds: Double { median(whole) }
    /// Median seconds of MPI_Allreduce in buckets of 4 MiB, the fastest way for large sums.
    public var mpiBucketSeconds: Double { median(cut) }
    /// How often ours fits into one MPI_Allreduce: the median over pairs.
    public var ratio: Double { median(zip(whole, own).map { $0 / $1 }) }
    /// How often ours fits into MPI_Allreduce in buckets: the median over pairs.
    public var bucketRatio: Double { median(zip(cut, own).map { $0 / $1 }) }

    private func median(_ values: [Double]) -> Double {
        let (sorted, middle) = (values.sorted(), values.count / 2)
        guard !sorted.isEmpty else { return 0 }
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}

/// Collectives that can leave messages uncut.
protocol WholeMessages {
    /// The same ranks, with one call to MPI for each collective, as far as MPI can count.
    var wholeMessages: any Collectives { get }
}

extension MPICollectives: WholeMessages {
    var wholeMessages: any Collectives {
        var limits = limits
        limits.reduceByteCount = Int.max
        return MPICollectives(place: place, rankCount: rankCount, hostName: hostName, limits: limits)
    }
}

extension MeteredCollectives: WholeMessages {
    var wholeMessages: any Collectives { (base as? any WholeMessages)?.wholeMessages ?? self }
}
