import AltaCore

/// What a result says of where and how it was measured.
package struct BenchSetting: Equatable, Sendable {
    package var host: String
    package var hosts: [String]
    package var cores: Int
    /// The operating system's kernel.
    package var system: String
    /// Of the worker's bytes.
    package var workerHash: String
    package var options: BenchOptions
    package var secondsSince1970: Double

    /// Stores the facts.
    package init(
        host: String, hosts: [String] = [], cores: Int, system: String = "", workerHash: String = "",
        options: BenchOptions, secondsSince1970: Double = 0
    ) {
        self.host = host
        self.hosts = hosts
        self.cores = cores
        self.system = system
        self.workerHash = workerHash
        self.options = options
        self.secondsSince1970 = secondsSince1970
    }
}

extension ScalingResult {
    /// The contents of `scaling.json`.
    package func json(setting: BenchSetting, predictions: [ScalingPrediction]) -> JSONValue {
        let record = points.compactMap { measurement.records($0.run).first }.first
        var object = JSONObject()
        object["format"] = "alta scaling 1"
        object["valid"] = .bool(isValid)
        object["noisy"] = .bool(measurement.isNoisy)
        object["seconds_since_1970"] = .number(setting.secondsSince1970)
        object["host"] = .string(setting.host)
        object["hosts"] = .array(setting.hosts.map { .string($0) })
        object["cores"] = .integer(setting.cores)
        object["system"] = .string(setting.system)
        object["worker_hash"] = .string(setting.workerHash)
        object["kernels"] = .string(record?.kernels ?? "")
        object["transport"] = .string(record?.transport ?? "")
        object["precision"] = .string(record?.precision ?? "")
        object["model_name"] = .string(setting.options.model)
        object["threads_per_rank"] = .integer(setting.options.threadsPerRank)
        object["studies_per_rank"] = .integer(measurement.sweep.studiesPerRank)
        object["steps"] = .integer(setting.options.steps)
        object["repeats"] = .integer(setting.options.repeats)
        object["step_options"] = .array(setting.options.workerArguments.map { .string($0) })
        object["points"] = .array(points.map(describe))
        object["model"] = model.json
        if let network {
            object["network"] = [
                "name": .string(network.name), "bytes_per_second": .number(network.bytesPerSecond),
                "latency_seconds": .number(network.latencySeconds),
            ]
        }
        object["model_error"] = modelError
        object["ranks_per_host"] = .integer(setting.options.ranksPerHost)
        object["predictions"] = .array(predictions.map(\.json))
        return .object(object)
    }

    private var modelError: JSONValue {
        let sizes = modelErrors.map { abs($0) }
        return [
            "points": .integer(sizes.count), "mean": .number(sizes.reduce(0, +) / Double(max(sizes.count, 1))),
            "largest": .number(sizes.max() ?? 0), "fitted_to_these_points": .bool(!isModelForeign),
        ]
    }

    private func describe(_ point: ScalingPoint) -> JSONValue {
        let run = point.run
        var object = JSONObject()
        object["curve"] = .string(point.curve.rawValue)
        object["ranks"] = .integer(run.ranks)
        object["hosts"] = .integer(run.hosts)
        object["threads"] = .integer(run.threads)
        object["studies"] = .integer(run.studies)
        object["oversubscribed"] = .bool(run.isOversubscribed)
        object["studies_per_second"] = Self.spread(point.studiesPerSecond)
        object["seconds_per_step"] = Self.spread(point.secondsPerStep)
        object["ratio"] = Self.spread(point.ratio)
        object["efficiency"] = .number(point.efficiency)
        object["exposed_communication"] = .number(point.exposedCommunication)
        object["waiting"] = .number(point.waiting)
        object["slowest_rank"] = .integer(point.slowestRank)
        object["slowest_host"] = .string(point.slowestHost)
        object["loss"] = .number(point.loss)
        object["result_hash"] = .string(point.hash)
        object["valid"] = .bool(point.verdict.isValid)
        object["validity"] = .string(point.verdict.text)
        object["predicted_seconds"] = point.predictedSeconds.map { .number($0) } ?? .null
        object["communication_seconds"] = .number(point.communicationSeconds)
        object["predicted_communication_seconds"] =
            point.predicted.map { .number($0.communicationSeconds) } ?? .null
        object["model_error"] = point.modelError.map { .number($0) } ?? .null
        object["rounds"] = .array(
            (measurement.rounds[run] ?? []).map {
                [
                    "seconds_per_step": .array($0.records.map { .number($0.seconds) }),
                    "load_average": .number($0.conditions.loadAverage),
                    "busy_cores": .number($0.conditions.busyCores), "noisy": .bool($0.conditions.isNoisy),
                ]
            })
        return .object(object)
    }

    private static func spread(_ spread: ScalingPoint.Spread) -> JSONValue {
        [
            "median": .number(spread.median), "smallest": .number(spread.smallest),
            "largest": .number(spread.largest),
        ]
    }
}
