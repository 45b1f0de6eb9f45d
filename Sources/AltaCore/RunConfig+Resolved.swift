extension RunConfig {
    /// Every key with its value, nested as in a configuration file; `RunConfig(json:)` reads it back equal.
    ///
    /// What is null stays null: defaults that depend on other keys are applied where they are used.
    public func resolvedJSON() -> JSONValue {
        var root = JSONObject()
        for key in Self.keys {
            let parts = key.name.split(separator: ".", maxSplits: 1).map(String.init)
            if parts.count == 1 {
                root[key.name] = key.json(self)
            } else {
                var group = root[parts[0]]?.object ?? JSONObject()
                group[parts[1]] = key.json(self)
                root[parts[0]] = .object(group)
            }
        }
        return .object(root)
    }

    /// A hash of what defines the run, to compare over ranks and with checkpoints: every key but `data`, `micro_batch`,
    /// `epochs`, `steps`, `on_not_finite`, `compare_weights_every`, `output`, `log_studies`, `checkpoint_every`,
    /// `keep_checkpoints` and `resume`.
    public func fingerprint() -> UInt64 {
        var hash = StableHash()
        for (name, value) in definingValues {
            hash.combine(name)
            hash.combine("=")
            hash.combine(value)
            hash.combine("\n")
        }
        return hash.value
    }

    /// The keys that define the run and differ, each with both values, as `seed: 1 here, 2 there`; `other` is there.
    public func differences(from other: RunConfig) -> [String] {
        zip(definingValues, other.definingValues).compactMap { here, there in
            here.value == there.value ? nil : "\(here.name): \(here.value) here, \(there.value) there"
        }
    }

    /// The names and values of the keys that define the run, with the defaults that follow from other keys applied:
    /// the default rate written out is the same run.
    private var definingValues: [(name: String, value: String)] {
        var copy = self
        copy.learningRate = peakLearningRate
        copy.deterministic = isDeterministic
        return Self.keys.filter(\.definesRun).map { key in
            let json = key.json(copy)
            return (key.name, (try? json.text()) ?? "\(json)")
        }
    }
}
