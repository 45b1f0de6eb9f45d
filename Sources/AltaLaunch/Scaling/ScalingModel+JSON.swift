import AltaCore

extension ScalingModel {
    /// The numbers of the model by their keys in `scaling.json`.
    private static let numbers: [(key: String, path: WritableKeyPath<ScalingModel, Double> & Sendable)] = [
        ("fixed_seconds", \.fixedSeconds), ("seconds_per_study", \.secondsPerStudy),
        ("seconds_per_pair", \.secondsPerPair), ("backward_share", \.backwardShare), ("crowding", \.crowding),
        ("jitter", \.jitter), ("own_sum_seconds", \.ownSumSeconds),
        ("shared_seconds_per_byte", \.sharedSecondsPerByte), ("shared_latency_seconds", \.sharedLatencySeconds),
        ("gradient_bytes", \.gradientBytes), ("gathered_bytes_per_study", \.gatheredBytesPerStudy),
        ("word_gradient_bytes_per_study", \.wordGradientBytesPerStudy), ("hidden_share", \.hiddenShare),
    ]

    /// As it stands in `scaling.json`.
    public var json: JSONValue {
        var object = JSONObject()
        for (key, path) in Self.numbers { object[key] = .number(self[keyPath: path]) }
        object["radiograph_cost"] = .integer(costs.radiographs)
        object["report_tokens"] = .array(costs.reports.map { .integer($0) })
        return .object(object)
    }

    /// Reads what `json` gave. Errors: a key is missing, or its value is no number of 0 or more.
    public init(json: JSONValue, file: String) throws {
        self.init()
        func wrong(_ key: String) -> AltaError {
            AltaError(
                "the scaling model has no right \(key)", remedy: "give a scaling.json that alta-launch bench wrote",
                file: file)
        }
        for (key, path) in Self.numbers {
            guard let value = json[key]?.double, value >= 0, value.isFinite else { throw wrong(key) }
            self[keyPath: path] = value
        }
        guard let radiographs = json["radiograph_cost"]?.int, (0...1 << 30).contains(radiographs) else {
            throw wrong("radiograph_cost")
        }
        let reports = json["report_tokens"]?.array?.compactMap { $0.int }.filter { (0...1 << 30).contains($0) } ?? []
        guard !reports.isEmpty, reports.count == json["report_tokens"]?.array?.count else {
            throw wrong("report_tokens")
        }
        costs = StudyCosts(radiographs: radiographs, reports: reports)
    }
}
