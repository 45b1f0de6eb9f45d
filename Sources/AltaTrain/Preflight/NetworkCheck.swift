import AltaComm
import AltaCore

/// How messages travel between hosts, and between ranks of one host.
package enum NetworkCheck {
    static let name = "network"
    static let remedy =
        "open all TCP ports between the hosts, or name the network that all of them share: "
        + "export OMPI_MCA_btl_tcp_if_include=10.0.0.0/24"

    /// A pair whose bandwidth is below this part of the median pair's is told.
    static let slowShare = 0.5
    /// A pair whose latency is more than this many times the median pair's is told, where it matters at all.
    static let slowLatency = 5.0
    private static let mattersSeconds = 20e-6

    /// - Parameters:
    ///   - pairs: between ranks of different hosts, a pair for every two hosts.
    ///   - near: between two ranks of one host, where a host has two.
    package static func judge(pairs: [PairMeasure], near: [PairMeasure], hosts: [String]) -> [CheckFinding] {
        let groups = [("between hosts", pairs), ("within a host", near)].filter { !$0.1.isEmpty }
        guard !groups.isEmpty else { return [.ok(name, "one rank: nothing to send to")] }
        return groups.flatMap { place, measures in judge(place, measures, hosts) }
    }

    private static func judge(_ place: String, _ measures: [PairMeasure], _ hosts: [String]) -> [CheckFinding] {
        let rates = measures.map(\.bytesPerSecond)
        let latencies = measures.map(\.latencySeconds)
        guard let rate = rates.upperMedian, let latency = latencies.upperMedian, let least = rates.min(),
            let worst = latencies.max()
        else { return [] }
        let values: JSONObject = [
            "pairs": .integer(measures.count), "median_bytes_per_second": .number(rate),
            "least_bytes_per_second": .number(least), "median_latency_seconds": .number(latency),
            "largest_latency_seconds": .number(worst),
        ]
        let slow = measures.filter {
            $0.bytesPerSecond < slowShare * rate
                || $0.latencySeconds > max(slowLatency * latency, mattersSeconds)
        }
        let count = measures.count == 1 ? "1 pair" : "\(measures.count) pairs"
        let usual =
            "\(count) \(place)\(measures.count == 1 ? ":" : ", the median") \(Amount.seconds(latency)) and \(Amount.rate(rate))"
        guard let first = slow.min(by: { $0.bytesPerSecond < $1.bytesPerSecond }) else {
            let range =
                measures.count == 1 ? "" : ", none slower than \(Amount.seconds(worst)) and \(Amount.rate(least))"
            return [.ok(name, usual + range, values: values)]
        }
        let often = mostFrequentHost(slow, hosts)
        return [
            .note(
                name,
                "\(usual); \(slow.count) slower, the slowest rank \(first.first) on \(hosts[first.first]) with rank "
                    + "\(first.second) on \(hosts[first.second]): \(Amount.seconds(first.latencySeconds)) and "
                    + "\(Amount.rate(first.bytesPerSecond))\(often.map { "; \($0) is in most of them" } ?? "")",
                remedy: "look at cable, port and driver of the slow host, or leave it out", values: values)
        ]
    }

    /// The host that is in more of the pairs than any other, where there are several pairs.
    private static func mostFrequentHost(_ pairs: [PairMeasure], _ hosts: [String]) -> String? {
        guard pairs.count > 1 else { return nil }
        var counts: [String: Int] = [:]
        for host in pairs.flatMap({ Set([hosts[$0.first], hosts[$0.second]]) }) { counts[host, default: 0] += 1 }
        let most = counts.max { ($0.value, $1.key) < ($1.value, $0.key) }
        return most.flatMap { $0.value * 2 > pairs.count ? $0.key : nil }
    }

    /// What two ranks that do not hear of each other tell.
    package static func silence(_ rank: Int, _ other: Int, hosts: [String], seconds: Double) -> CheckFinding {
        // Both say the same, so that it is shown once.
        let (first, second) = (min(rank, other), max(rank, other))
        return .failed(
            name,
            "rank \(first) on \(hosts[first]) and rank \(second) on \(hosts[second]) heard nothing of each other for "
                + "\(Amount.seconds(seconds))",
            remedy: remedy)
    }
}

/// Whether the clocks of all hosts agree: by them the launcher finds the first of several failures.
package enum ClockCheck {
    static let name = "clock"
    /// What is told.
    static let largestSeconds = 1.0

    /// - Parameter offsets: of each host other than rank 0's, with its name.
    package static func judge(_ offsets: [(host: String, offset: ClockOffset)]) -> [CheckFinding] {
        guard !offsets.isEmpty else { return [.ok(name, "one host")] }
        let off = offsets.filter { abs($0.offset.seconds) > largestSeconds }
        let largest = offsets.map { abs($0.offset.seconds) }.max() ?? 0
        let values: JSONObject = ["largest_offset_seconds": .number(largest)]
        guard !off.isEmpty else {
            return [.ok(name, "\(offsets.count + 1) hosts within \(Amount.seconds(largest))", values: values)]
        }
        let names = off.prefix(8).map {
            "\($0.host) is \(ProgressLine.fixed(abs($0.offset.seconds), 1)) s \($0.offset.seconds > 0 ? "ahead" : "behind")"
        }
        return [
            .note(
                name, names.joined(separator: ", ") + (off.count > 8 ? ", and \(off.count - 8) more" : ""),
                remedy: "start chrony or ntpd on every host: logs, and which failure came first, are told by the clock",
                values: values)
        ]
    }
}

/// How long collectives take over all ranks.
package enum CollectiveCheck {
    static let name = "collectives"
    /// The bytes that are moved: a small message, a usual one, several buckets of gradients.
    static let byteCounts = [1 << 12, 1 << 20, 16 << 20]
    /// A small all-reduce that takes longer waits for processors, not for the network.
    static let slowSmallSeconds = 5e-3

    /// The slowest rank's median, of one size.
    package struct Time: Equatable {
        var byteCount: Int
        var allReduceSeconds: Double
        var allGatherSeconds: Double

        /// Stores the times.
        package init(byteCount: Int, allReduceSeconds: Double, allGatherSeconds: Double) {
            self.byteCount = byteCount
            self.allReduceSeconds = allReduceSeconds
            self.allGatherSeconds = allGatherSeconds
        }
    }

    /// Times both collectives at each size. Collective.
    static func measure(_ collectives: any Collectives) throws -> [Time] {
        try byteCounts.map { bytes in
            let count = bytes / MemoryLayout<Float>.stride
            let ranks = collectives.rankCount
            let counts = (0..<ranks).map { count * ($0 + 1) / ranks - count * $0 / ranks }
            var values = [Float](repeating: 0, count: count)
            let own = [Float](repeating: 1, count: counts[collectives.rank])
            let reduce = try median(collectives) {
                try values.withUnsafeMutableBufferPointer { try collectives.allReduce($0, .sum) }
            }
            let gather = try median(collectives) {
                try values.withUnsafeMutableBufferPointer { all in
                    try own.withUnsafeBufferPointer { try collectives.allGather($0, counts: counts, into: all) }
                }
            }
            return Time(byteCount: bytes, allReduceSeconds: reduce, allGatherSeconds: gather)
        }
    }

    private static func median(_ collectives: any Collectives, _ body: () throws -> Void) throws -> Double {
        try body()
        let seconds = try (0..<5).map { _ in
            try collectives.barrier()
            return PhaseClock.seconds(try ContinuousClock().measure(body))
        }
        return try collectives.allReduce(seconds.upperMedian ?? 0, .maximum)
    }

    package static func judge(_ times: [Time], ranks: Int) -> [CheckFinding] {
        let values: JSONObject = [
            "bytes": .array(times.map { .integer($0.byteCount) }),
            "all_reduce_seconds": .array(times.map { .number($0.allReduceSeconds) }),
            "all_gather_seconds": .array(times.map { .number($0.allGatherSeconds) }),
        ]
        let text = times.map {
            "\($0.byteCount >> 10) KiB \(Amount.seconds($0.allReduceSeconds)) / \(Amount.seconds($0.allGatherSeconds))"
        }
        let finding =
            "all-reduce / all-gather over \(ranks) rank\(ranks == 1 ? "" : "s"): \(text.joined(separator: ", "))"
        guard let first = times.first, first.allReduceSeconds > slowSmallSeconds else {
            return [.ok(name, finding, values: values)]
        }
        return [
            .note(
                name, finding,
                remedy:
                    "a small all-reduce waits for processors: start no more threads than there are cores, or have ranks that "
                    + "wait yield (--mca mpi_yield_when_idle 1)",
                values: values)
        ]
    }
}
