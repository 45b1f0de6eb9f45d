import AltaCore
import AltaModel
import AltaTensor

/// What a run takes of memory, computed from its configuration.
package struct MemoryNeed {
    /// A rank's weights with what training keeps of each, bytes.
    var weightBytes: Double
    /// What rank 0 has besides: the copy that checkpoints are written from, bytes.
    var copyBytes: Double
    /// One study between forward and backward, bytes.
    var studyBytes: Double
    /// The studies that a rank has in flight at least: the configuration's `micro_batch`, else 1.
    var studies: Int
    /// The memory that the ranks of one machine share for gradients, bytes, by their number.
    var sharedBytes: (_ ranks: Int) -> Double

    /// Stores the needs.
    package init(
        weightBytes: Double, copyBytes: Double = 0, studyBytes: Double, studies: Int,
        sharedBytes: @escaping (_ ranks: Int) -> Double
    ) {
        self.weightBytes = weightBytes
        self.copyBytes = copyBytes
        self.studyBytes = studyBytes
        self.studies = studies
        self.sharedBytes = sharedBytes
    }

    /// - Parameters:
    ///   - config: a run with the vocabulary's size in its model.
    ///   - sharingRanks: the ranks that share frozen weights.
    package static func of(_ config: RunConfig, sharingRanks: Int) -> MemoryNeed {
        let plan = MemoryPlan(config: config.model)
        let trained = Double(
            WeightCatalog.make(config.model).specs.filter { $0.trains(in: config.trainable) }
                .reduce(0) { $0 + $1.count })
        let (plain, copying) = (
            plan.weightBytes(training: config, sharingRanks: sharingRanks),
            plan.weightBytes(training: config, sharingRanks: sharingRanks, copies: true)
        )
        return MemoryNeed(
            weightBytes: plain, copyBytes: copying - plain,
            studyBytes: Double(plan.bytesPerStudy(tokens: config.model.maxTokens, precision: config.precision)),
            studies: max(1, config.microBatch),
            sharedBytes: { GradientReducer.sharedBytes(trained, ranks: $0, isOrderFree: config.isDeterministic) })
    }
}

extension GradientReducer {
    /// What the ranks of a machine reserve of shared memory for gradients of `count` numbers: sums of each rank, and once
    /// the fp32 gradient (of order-free sums) with the squares of its blocks. Open MPI wants a tenth more of it free.
    package static func sharedBytes(_ count: Double, ranks: Int, isOrderFree: Bool) -> Double {
        guard ranks > 1 else { return 0 }
        let squares = count / Double(Engine.settleBlock) * 8
        return (Double(ranks) * count * (isOrderFree ? 8 : 4) + (isOrderFree ? count * 4 : 0) + squares) * 1.1
    }
}

/// Whether each rank's share of its machine's memory takes the run.
package enum MemoryCheck {
    static let name = "memory"

    /// - Parameters:
    ///   - available: bytes that each rank may count on, `[R]`.
    ///   - need: nil: nothing is known of the run.
    package static func judge(
        _ available: [Int], hosts: [String], limits: [Int?], need: MemoryNeed?
    ) -> [CheckFinding] {
        let least = available.min() ?? 0
        let limit = limits.compactMap { $0 }.min().map { ", control groups allow \(Amount.bytes($0)) a host" } ?? ""
        guard let need else { return [.ok(name, "\(Amount.bytes(least)) for each rank at least\(limit)")] }
        let needed = need.weightBytes + need.studyBytes * Double(need.studies)
        let short = available.indices.filter {
            Double(available[$0]) < needed + ($0 == 0 ? need.copyBytes : 0)
        }
        let studies = need.studies == 1 ? "one study" : "\(need.studies) studies"
        let activations = Amount.bytes(need.studyBytes * Double(need.studies))
        let copy = need.copyBytes > 0 ? ", with \(Amount.bytes(need.copyBytes)) for checkpoints on rank 0" : ""
        let parts = "\(Amount.bytes(need.weightBytes)) of weights and \(activations) for \(studies)\(copy)"
        let values: JSONObject = [
            "needed_bytes": .number(needed + need.copyBytes), "least_available_bytes": .integer(least),
        ]
        guard short.isEmpty else {
            return [
                .failed(
                    name,
                    "\(Amount.bytes(least)) for \(RankList.text(short, hosts: hosts)), of the \(parts) that are needed\(limit)",
                    remedy: "start fewer ranks on a machine, lower micro_batch, or choose a smaller model",
                    values: values)
            ]
        }
        return [
            .ok(name, "\(Amount.bytes(least)) for each rank at least, which needs \(parts)\(limit)", values: values)
        ]
    }
}

/// Whether the ranks of a machine can share memory for their gradients.
package enum SharedMemoryCheck {
    static let name = "shared memory"
    /// Docker's 64 MB is the usual trap; who has more, has it on purpose.
    static let leastBytes = Double(128 << 20)
    private static let remedy =
        "enlarge it: `docker run --shm-size=...`, a memory-backed emptyDir in Kubernetes, or a larger tmpfs"

    /// - Parameter need: nil: nothing is known of the run.
    package static func judge(_ reports: RankReports<MachineFacts>, need: MemoryNeed?) -> [CheckFinding] {
        let hosts = RankList.byHost(reports.hosts.indices, hosts: reports.hosts)
        var small: [(host: String, free: Double, needed: Double)] = []
        var least = Double.infinity
        var folder = "/dev/shm"
        for (host, ranks) in hosts {
            guard let facts = reports.facts[ranks[0]], let free = facts.sharedFreeBytes.map(Double.init) else {
                continue
            }
            folder = facts.sharedFolder
            least = min(least, free)
            let needed = need.map { $0.sharedBytes(ranks.count) } ?? (ranks.count > 1 ? leastBytes : 0)
            if free < needed { small.append((host, free, needed)) }
        }
        guard least.isFinite else { return [.note(name, "\(folder) cannot be asked how much is free")] }
        let largest = hosts.map { $0.ranks.count }.max() ?? 1
        let values: JSONObject = [
            "free_bytes": .number(least), "needed_bytes": .number(need?.sharedBytes(largest) ?? 0),
        ]
        guard let first = small.first else {
            let needed = need.map { ", the run takes \(Amount.bytes($0.sharedBytes(largest)))" } ?? ""
            return [.ok(name, "\(Amount.bytes(least)) free in \(folder)\(needed)", values: values)]
        }
        let names = small.prefix(8).map(\.host).joined(separator: ", ") + (small.count > 8 ? ", ..." : "")
        return [
            .note(
                name,
                "\(Amount.bytes(first.free)) free in \(folder) of \(names), of \(Amount.bytes(first.needed)) that the run "
                    + "would use: gradients are sent instead, which is slower",
                remedy: remedy, values: values)
        ]
    }
}

/// Whether ranks of one machine can copy from each other's memory.
package enum CopyCheck {
    static let name = "single copy"

    /// - Parameter obstacles: why a rank cannot copy from the next rank of its machine, `[R]`; empty: it can, or is alone.
    package static func judge(_ obstacles: [String], hosts: [String], scopes: [String?]) -> [CheckFinding] {
        let hindered = obstacles.indices.filter { !obstacles[$0].isEmpty }
        guard let first = hindered.first else {
            let isAlone = RankList.byHost(hosts.indices, hosts: hosts).allSatisfy { $0.ranks.count == 1 }
            return [
                .ok(
                    name,
                    isAlone ? "every rank is alone on its machine" : "ranks of a machine copy messages once (CMA)")
            ]
        }
        let scope = scopes[first].flatMap { $0 == "0" ? nil : " (kernel.yama.ptrace_scope is \($0))" } ?? ""
        return [
            .note(
                name,
                "no copies from a neighbour's memory by \(RankList.text(hindered, hosts: hosts)): \(obstacles[first])\(scope), so "
                    + "large messages are copied twice",
                remedy: scope.isEmpty
                    ? "start all ranks of a machine in one container, or give it the capability SYS_PTRACE"
                    : "ask for sysctl kernel.yama.ptrace_scope=0, or give the container the capability SYS_PTRACE")
        ]
    }
}
