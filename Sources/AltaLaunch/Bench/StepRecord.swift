import AltaCore

/// A line of `alta-worker bench step`: a step of a job.
package struct StepRecord: Equatable, Sendable {
    package var ranks: Int
    package var hosts: Int
    package var threads: Int
    package var studies: Int
    /// Of the slowest rank's step.
    package var seconds: Double
    package var meanComputeSeconds: Double
    package var largestComputeSeconds: Double
    /// Communication with waiting, the mean of the ranks.
    package var communicationSeconds: Double
    package var waitSeconds: Double
    package var lossSeconds: Double
    package var backwardSeconds: Double
    package var updateSeconds: Double
    /// The rank that computed longest.
    package var slowestRank: Int
    package var slowestHost: String
    package var loss: Double
    package var resultHash: String
    package var firstLoss: Double
    package var firstHash: String
    package var keepsBits: Bool
    /// What decides the bits, and what ran.
    package var kernels: String
    package var transport: String
    package var precision: String
    package var gradientBytes: Double
    package var gatheredBytes: Double
    package var wordGradientBytes: Double
    package var radiographCost: Int
    package var shortestReport: Int
    package var longestReport: Int

    /// Reads a line. Errors: a key is missing or has another type.
    package init(json: JSONValue) throws {
        let reader = Reader(json: json)
        (ranks, hosts) = (try reader.int("ranks"), try reader.int("host_count"))
        (threads, studies) = (try reader.int("threads"), try reader.int("studies"))
        seconds = try reader.double("seconds_per_step")
        meanComputeSeconds = try reader.double("compute_seconds", "mean")
        largestComputeSeconds = try reader.double("compute_seconds", "maximum")
        communicationSeconds = try reader.double("mean_communication_seconds")
        waitSeconds = try reader.double("mean_wait_seconds")
        lossSeconds = try reader.double("seconds", "loss")
        backwardSeconds = try reader.double("seconds", "backward")
        updateSeconds = try reader.double("seconds", "update")
        slowestRank = try reader.int("slowest_rank")
        slowestHost = try reader.text("slowest_host")
        (loss, resultHash) = (try reader.double("loss"), try reader.text("result_hash"))
        (firstLoss, firstHash) = (try reader.double("first_loss"), try reader.text("first_hash"))
        keepsBits = try reader.get("keeps_bits").bool ?? false
        (kernels, transport) = (try reader.text("kernels"), try reader.text("transport"))
        precision = try reader.text("precision")
        gradientBytes = try reader.double("gradient_bytes")
        gatheredBytes = try reader.double("gathered_bytes")
        wordGradientBytes = try reader.double("word_gradient_bytes")
        radiographCost = try reader.int("radiograph_cost")
        (shortestReport, longestReport) = (try reader.int("shortest_report"), try reader.int("longest_report"))
    }

    /// The records of a job, from what rank 0 printed; lines that are no objects are skipped.
    /// Errors: an object is no step, or there are fewer of them than asked for.
    package static func records(of output: [UInt8], count: Int) throws -> [StepRecord] {
        let lines = output.split(separator: UInt8(ascii: "\n")).filter { $0.first == UInt8(ascii: "{") }
        let records = try lines.map { line in
            try StepRecord(json: try line.withUnsafeBytes { try JSONValue(parsing: $0, file: "bench step's output") })
        }
        guard records.count == count else {
            throw AltaError(
                "bench step printed \(records.count) steps instead of \(count)",
                remedy: "use the alta-worker that was built with this alta-launch")
        }
        return records
    }

    private struct Reader {
        let json: JSONValue

        func get(_ keys: String...) throws -> JSONValue { try get(keys) }
        func int(_ keys: String...) throws -> Int { try need(get(keys).int, keys) }
        func double(_ keys: String...) throws -> Double { try need(get(keys).double, keys) }
        func text(_ keys: String...) throws -> String { try need(get(keys).string, keys) }

        private func get(_ keys: [String]) throws -> JSONValue {
            try need(keys.reduce(json as JSONValue?) { $0?[$1] }, keys)
        }

        private func need<T>(_ value: T?, _ keys: [String]) throws -> T {
            guard let value else {
                throw AltaError(
                    "a line of bench step has no right \(keys.joined(separator: "."))",
                    remedy: "use the alta-worker that was built with this alta-launch")
            }
            return value
        }
    }
}
