import AltaCore

/// How the seconds of one thing that all ranks do spread over them.
public struct RankSpread: Sendable, Equatable {
    /// The least of any rank, in seconds.
    public let minimum: Double
    /// The mean over the ranks, in seconds.
    public let mean: Double
    /// The most of any rank, in seconds.
    public let maximum: Double
    /// The rank with the most; the lowest of several.
    public let longestRank: Int

    /// The spread of each rank's seconds, `[R]`, R at least 1.
    package init(_ seconds: [Double]) {
        precondition(!seconds.isEmpty, "a spread over no ranks")
        minimum = seconds.min() ?? 0
        maximum = seconds.max() ?? 0
        mean = seconds.reduce(0, +) / Double(seconds.count)
        longestRank = seconds.firstIndex(of: maximum) ?? 0
    }
}

/// What the ranks of a step spent their time on until they told each other; the same on every rank.
public struct RankSpreads: Sendable, Equatable {
    /// Waiting for this rank's own studies.
    public let data: RankSpread
    /// Forward passes, losses and backward sweeps.
    public let compute: RankSpread
    /// Waiting for slower ranks, as far as it is known: a straggler has the least.
    public let wait: RankSpread

    package init(data: RankSpread, compute: RankSpread, wait: RankSpread) {
        self.data = data
        self.compute = compute
        self.wait = wait
    }

    /// Under their names in the log.
    var named: [(name: String, spread: RankSpread)] { [("data", data), ("compute", compute), ("wait", wait)] }
}

extension RankSpreads {
    /// As `log.jsonl` has it, with the host of the longest.
    package func json(hosts: [String]) -> JSONValue {
        .object(
            members: named.map { name, spread in
                (
                    name,
                    .object(members: [
                        ("min", .number(spread.minimum)), ("mean", .number(spread.mean)),
                        ("max", .number(spread.maximum)), ("rank", .integer(spread.longestRank)),
                        ("host", .string(hosts[spread.longestRank])),
                    ])
                )
            })
    }
}

/// Notices a rank that is slower than the others for long: a busy or throttled machine holds up the whole job.
///
/// Studies are dealt out by an estimate of their cost, so that one rank is the longest in every step; what counts is that
/// it is the same one in most of them, by much.
package struct StragglerWatch {
    /// So many steps are judged together.
    static let windowSteps = 20
    /// Of which the same rank must be the longest in so many.
    static let suspiciousSteps = 16
    /// By this factor over the mean, in the mean of the window.
    static let suspiciousFactor = 1.4
    /// A step below this many seconds is too short to tell.
    static let shortestSeconds = 0.01

    private let hosts: [String]
    private var window: [RankSpreads] = []

    /// A watch over the ranks on `hosts`, `[R]`.
    package init(hosts: [String]) { self.hosts = hosts }

    /// Takes a step's spreads; once a window, what a person should know of each suspicious rank.
    package mutating func add(_ spreads: RankSpreads, step: Int) -> [String] {
        window.append(spreads)
        guard window.count == Self.windowSteps else { return [] }
        defer { window = [] }
        return [("preparing studies", \RankSpreads.data), ("computing", \.compute)].compactMap { what, path in
            slowRank(window.map { $0[keyPath: path] }).map { rank, factor in
                "note: rank \(rank) on \(hosts[rank]) takes \(ProgressLine.fixed(factor, 1)) times the ranks' mean for "
                    + "\(what) (steps \(step - Self.windowSteps + 1) to \(step)), and the others wait for it; "
                    + "see whether something else runs on that host"
            }
        }
    }

    /// The rank that is the longest in most steps, and by how much over the mean.
    private func slowRank(_ spreads: [RankSpread]) -> (rank: Int, factor: Double)? {
        let counts = Dictionary(grouping: spreads, by: \.longestRank)
        guard hosts.count > 1, let (rank, own) = counts.max(by: { $0.value.count < $1.value.count }),
            own.count >= Self.suspiciousSteps
        else { return nil }
        let longest = own.reduce(0) { $0 + $1.maximum } / Double(own.count)
        let mean = own.reduce(0) { $0 + $1.mean } / Double(own.count)
        guard longest >= Self.shortestSeconds, longest >= mean * Self.suspiciousFactor else { return nil }
        return (rank, longest / mean)
    }
}
