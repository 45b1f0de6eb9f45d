import AltaCore

/// The shape of a job that is timed.
package struct BenchRun: Hashable, Sendable {
    package var ranks: Int
    /// Hosts that it is spread over.
    package var hosts: Int
    /// Ranks on the host that has most.
    package var fullestHostRanks: Int
    /// Threads of each rank.
    package var threads: Int
    /// The global batch.
    package var studies: Int
    /// Whether some host has more threads than cores: such a time says nothing of scaling.
    package var isOversubscribed = false

    /// As a person calls it.
    package var name: String {
        "\(ranks) rank\(ranks == 1 ? "" : "s") x \(threads) thread\(threads == 1 ? "" : "s"), \(studies) "
            + "stud\(studies == 1 ? "y" : "ies")"
    }
}

/// A curve of a result.
package enum ScalingCurve: String, CaseIterable, Sendable {
    /// One global batch on more and more ranks.
    case strong
    /// As many studies on every rank.
    case weak
    /// All cores of the first host, as one rank or as many.
    case wholeNode = "whole_node"
}

/// Which jobs a sweep runs, and on which curves they are: a pure function of the options and the machines.
package struct ScalingSweep: Equatable, Sendable {
    /// A place on a curve.
    package struct Point: Equatable, Sendable {
        package var curve: ScalingCurve
        package var run: BenchRun
    }

    /// The places of all curves; the first of a curve is what the others are compared with.
    package var points: [Point]
    /// Every job once.
    package var runs: [BenchRun]
    /// Global batches for which no timed job has one rank: one rank takes one step over each, untimed.
    package var referenceBatches: [Int]
    /// Studies of a rank on the weak curve.
    package var studiesPerRank: Int

    private init(points: [Point], studiesPerRank: Int) {
        self.points = points
        self.studiesPerRank = studiesPerRank
        runs = points.reduce(into: []) { if !$0.contains($1.run) { $0.append($1.run) } }
        let alone = Set(runs.filter { $0.ranks == 1 }.map(\.studies))
        referenceBatches = Set(runs.map(\.studies)).subtracting(alone).sorted()
    }

    /// - Parameter layout: hosts, the ranks of the fullest, and whether too many threads share cores, for a number of ranks
    ///   and threads.
    /// - Throws: usage errors: fewer studies than ranks, or what `layout` throws.
    package static func make(
        _ options: BenchOptions, coresOfHosts: [Int], layout: (_ ranks: Int, _ threads: Int) throws -> (Int, Int, Bool)
    ) throws -> ScalingSweep {
        let threads = options.threadsPerRank
        let fitting = coresOfHosts.reduce(0) { $0 + max(1, $1 / threads) }
        let ranks = options.ranks.isEmpty ? powers(upTo: fitting) : options.ranks
        let most = ranks.max() ?? 1
        let perRank = options.studiesPerRank ?? options.studies.map { max(1, $0 / most) } ?? 4
        let batch = options.studies ?? perRank * most
        let cores = coresOfHosts.first ?? 1
        var shapes: [(curve: ScalingCurve, ranks: Int, threads: Int, studies: Int)] = []
        if options.mode != .weak { shapes += ranks.map { (.strong, $0, threads, batch) } }
        if options.mode != .strong { shapes += ranks.map { (.weak, $0, threads, perRank * $0) } }
        if options.mode != .weak, options.measuresWholeNodes, cores > 1, batch >= cores {
            shapes += [(.wholeNode, 1, cores, batch), (.wholeNode, cores, 1, batch)]
        }
        let points = try shapes.map { shape in
            try checkStudies(shape.studies, ranks: shape.ranks)
            let (hosts, fullest, isFull) = try layout(shape.ranks, shape.threads)
            return Point(
                curve: shape.curve,
                run: BenchRun(
                    ranks: shape.ranks, hosts: hosts, fullestHostRanks: fullest, threads: shape.threads,
                    studies: shape.studies, isOversubscribed: isFull))
        }
        return ScalingSweep(points: points, studiesPerRank: perRank)
    }

    private static func checkStudies(_ studies: Int, ranks: Int) throws {
        guard studies < ranks else { return }
        throw BenchOptions.command.usageError(
            "\(studies) studies on \(ranks) ranks", "give --studies of at least the largest number of ranks")
    }

    /// The jobs of a round, from 0: each round begins with another one, so that what changes slowly on the machine (its
    /// temperature, its other users) does not always meet the same job.
    package func order(round: Int) -> [BenchRun] {
        let start = round % max(runs.count, 1)
        return Array(runs[start...] + runs[..<start])
    }

    /// Studies that a rank has at most in the jobs over a global batch.
    package func largestShare(of batch: Int) -> Int {
        runs.filter { $0.studies == batch }.map { (batch + $0.ranks - 1) / $0.ranks }.max() ?? batch
    }

    private static func powers(upTo most: Int) -> [Int] {
        var ranks = [1]
        while let last = ranks.last, last * 2 <= most { ranks.append(last * 2) }
        return ranks
    }
}
