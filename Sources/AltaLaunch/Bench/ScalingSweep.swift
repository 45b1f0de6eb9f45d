import AltaCore

/// The shape of a job that is timed.
package struct BenchRun: Hashable, Sendable {
    package var ranks: Int
    /// Hosts that it is spread over.
    package var hosts: Int
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

    /// - Parameter layout: hosts, and whether too many threads share cores, for a number of ranks and threads.
    /// - Throws: usage errors: fewer studies than ranks, or what `layout` throws.
    package init(
        options: BenchOptions, coresOfHosts: [Int], layout: (_ ranks: Int, _ threads: Int) throws -> (Int, Bool)
    ) throws {
        let threads = options.threadsPerRank
        let fitting = coresOfHosts.reduce(0) { $0 + max(1, $1 / threads) }
        let ranks = options.ranks.isEmpty ? Self.powers(upTo: fitting) : options.ranks
        let most = ranks.max() ?? 1
        let perRank = options.studiesPerRank ?? options.studies.map { max(1, $0 / most) } ?? 4
        let batch = options.studies ?? perRank * most
        func run(_ ranks: Int, _ threads: Int, _ studies: Int) throws -> BenchRun {
            guard studies >= ranks else {
                throw BenchOptions.command.usageError(
                    "\(studies) studies on \(ranks) ranks", "give --studies of at least the largest number of ranks")
            }
            let (hosts, isFull) = try layout(ranks, threads)
            return BenchRun(ranks: ranks, hosts: hosts, threads: threads, studies: studies, isOversubscribed: isFull)
        }
        var points: [Point] = []
        if options.mode != .weak {
            points += try ranks.map { Point(curve: .strong, run: try run($0, threads, batch)) }
        }
        if options.mode != .strong {
            points += try ranks.map { Point(curve: .weak, run: try run($0, threads, perRank * $0)) }
        }
        if options.measuresWholeNodes, options.mode != .weak, let cores = coresOfHosts.first, cores > 1, batch >= cores
        {
            points += try [(1, cores), (cores, 1)].map { Point(curve: .wholeNode, run: try run($0, $1, batch)) }
        }
        let runs = points.reduce(into: [BenchRun]()) { if !$0.contains($1.run) { $0.append($1.run) } }
        self.points = points
        self.runs = runs
        studiesPerRank = perRank
        let alone = Set(runs.filter { $0.ranks == 1 }.map(\.studies))
        referenceBatches = Set(runs.map(\.studies)).subtracting(alone).sorted()
    }

    /// The jobs of a round, from 0: each round begins with another one, so that what changes slowly on the machine (its
    /// temperature, its other users) does not always meet the same job.
    package func order(round: Int) -> [BenchRun] {
        let start = round % max(runs.count, 1)
        return Array(runs[start...] + runs[..<start])
    }

    private static func powers(upTo most: Int) -> [Int] {
        var ranks = [1]
        while let last = ranks.last, last * 2 <= most { ranks.append(last * 2) }
        return ranks
    }
}
