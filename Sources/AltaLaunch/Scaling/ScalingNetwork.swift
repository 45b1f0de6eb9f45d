import AltaCore
import Foundation

/// The network between hosts, as the scaling model sees it.
public struct ScalingNetwork: Equatable, Sendable {
    /// How it is called in tables.
    public var name: String
    /// Bytes a second that a host can send while it receives as many.
    public var bytesPerSecond: Double
    /// Seconds that the smallest message takes, one way.
    public var latencySeconds: Double

    /// Stores the facts.
    public init(name: String, bytesPerSecond: Double, latencySeconds: Double) {
        self.name = name
        self.bytesPerSecond = bytesPerSecond
        self.latencySeconds = latencySeconds
    }

    /// A network by the speed of its links.
    ///
    /// - Parameters:
    ///   - gigabits: of a link in 10^9 bits a second; 94 % of them carry payload (Ethernet and TCP headers take the rest).
    ///   - latencySeconds: nil: 30 us up to 25 Gbit/s (TCP), 5 us beyond (networks whose cards do the work).
    public init(gigabits: Double, latencySeconds: Double? = nil) {
        self.init(
            name: "\(gigabits.plainText) Gbit/s", bytesPerSecond: gigabits * 1e9 / 8 * 0.94,
            latencySeconds: latencySeconds ?? (gigabits > 25 ? 5e-6 : 30e-6))
    }

    /// The speeds that predictions are made for, 10^9 bits a second.
    public static let predictedGigabits = [1.0, 10, 25, 100, 200]
}

/// Seconds of collectives between P hosts, r ranks on each, which share their host's link.
///
/// Each is the better of two algorithms: a ring, whose every link carries the message about once (an all-reduce: twice), and
/// one that halves distances, which has fewer rounds. Libraries choose likewise, by size.
public struct CollectiveCosts: Equatable, Sendable {
    /// P.
    public var hosts: Int
    /// r.
    public var ranksPerHost: Int
    /// What they share.
    public var network: ScalingNetwork

    private var rounds: Double { hosts > 1 ? log2(Double(hosts)).rounded(.up) : 0 }

    /// Seconds of the latency and of the transfer of one collective.
    public struct Cost: Equatable, Sendable {
        /// Of rounds, whatever their size.
        public var latency = 0.0
        /// Of the bytes.
        public var transfer = 0.0

        var seconds: Double { latency + transfer }

        static func * (factor: Double, cost: Cost) -> Cost {
            Cost(latency: factor * cost.latency, transfer: factor * cost.transfer)
        }
    }

    /// The sum of `bytes` of each host, on every host; each leader of a host has its slice. Ring: 2 (P - 1) rounds and
    /// 2 (P - 1) / P of the bytes; recursive doubling: log2 P rounds of all bytes.
    public func allReduce(bytes: Double) -> Cost {
        guard hosts > 1 else { return Cost() }
        let (others, transfer) = (Double(hosts - 1), bytes / network.bytesPerSecond)
        let ring = Cost(
            latency: 2 * others * network.latencySeconds, transfer: 2 * others / Double(hosts) * transfer)
        let doubling = Cost(latency: rounds * network.latencySeconds, transfer: rounds * transfer)
        return ring.seconds < doubling.seconds ? ring : doubling
    }

    /// Pieces of all ranks, `bytes` together, to every rank, or their sums back to their owners. Ring over all ranks: P r - 1
    /// rounds, all bytes over each link; recursive doubling: log2 P rounds between hosts, in which every rank of a host
    /// fetches a copy of its own.
    public func allGather(bytes: Double) -> Cost {
        guard hosts > 1 else { return Cost() }
        let share = Double(hosts - 1) / Double(hosts)
        let transfer = share * bytes / network.bytesPerSecond
        let ring = Cost(
            latency: Double(hosts * ranksPerHost - 1) * network.latencySeconds, transfer: transfer)
        let doubling = Cost(
            latency: rounds * network.latencySeconds, transfer: Double(ranksPerHost) * transfer)
        return ring.seconds < doubling.seconds ? ring : doubling
    }

    /// A few numbers of every host, combined on every host.
    public func small() -> Cost { Cost(latency: rounds * network.latencySeconds) }
}
