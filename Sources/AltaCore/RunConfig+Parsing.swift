extension RunConfig {
    /// Reads a configuration: the file's keys over the defaults, then each override in order, so that a later one
    /// wins. Paths in it are relative to the working folder.
    ///
    /// Errors name the key, the value and what would be right: an unreadable file, malformed JSON, a repeated or an
    /// unknown key (with the nearest known one), a wrong type, a value out of range or at odds with another.
    /// - Parameters:
    ///   - path: a file with one JSON object; nil: the defaults.
    ///   - overrides: the arguments of `--set`, `key=value`, the value as JSON, else as text.
    ///   - stage: the stage that the command runs: the configuration may not name another one. nil: the one it names,
    ///     `align` where it names none.
    public static func load(path: String?, overrides: [String] = [], stage: Stage? = nil) throws -> RunConfig {
        let json = try path.map { path in
            let bytes = try SmallFile.contents(path, what: "the configuration")
            return try bytes.withUnsafeBytes { try JSONValue(parsing: $0, file: path) }
        }
        let named = overrides.compactMap(Stage.init(override:)).last ?? json.flatMap(Stage.init(configuration:))
        if let stage, let named, named != stage {
            throw AltaError(
                "the configuration is of the stage \(named.rawValue)",
                why: "this command runs the stage \(stage.rawValue)",
                remedy: "start alta-worker \(named.rawValue), or leave `stage` out", file: path)
        }
        var config = RunConfig(stage: stage ?? named ?? .align)
        if let json { try config.apply(json, file: path) }
        for override in overrides {
            do {
                try config.apply(override: override)
            } catch let error as AltaError {
                throw error.at(file: "--set \(override)")
            }
        }
        do {
            try config.validate()
        } catch let error as AltaError {
            let sources = [path].compactMap { $0 } + (overrides.isEmpty ? [] : ["--set"])
            throw error.at(file: sources.isEmpty ? nil : sources.joined(separator: " and "))
        }
        return config
    }

    /// Reads a configuration from a JSON object over the defaults of the stage it names; see `load`.
    ///
    /// - Parameter stage: the stage where the object names none.
    public init(json: JSONValue, stage: Stage = .align, file: String? = nil) throws {
        self.init(stage: Stage(configuration: json) ?? stage)
        try apply(json, file: file)
        try validate()
    }

    /// Applies a file's object; a key that stands there twice, nested and with a dot, is an error.
    private mutating func apply(_ json: JSONValue, file: String?) throws {
        guard case .object(let object) = json else {
            throw AltaError(
                "the configuration is \(json.excerpt)", why: "it must be one JSON object",
                remedy: "write it as {\"global_batch\": 96}", file: file)
        }
        let assignments = object.members.flatMap { ConfigurationAssignment.flatten($0.key, $0.value) }
        var seen: Set<String> = []
        // The model as a whole comes before its fields, wherever they stand.
        for assignment in assignments.filter({ $0.key == "model" }) + assignments.filter({ $0.key != "model" }) {
            guard seen.insert(assignment.key).inserted else {
                throw AltaError(
                    "the configuration key \(assignment.key) is repeated", remedy: "keep one of the two", file: file)
            }
            do {
                try set(assignment)
            } catch let error as AltaError {
                throw error.at(file: file)
            }
        }
    }

    private mutating func apply(override: String) throws {
        let parts = override.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty else {
            throw AltaError(
                "an override names no value", why: "it must be key=value",
                remedy: "write it as --set global_batch=96", exitCode: .usage)
        }
        let text = String(parts[1])
        let json = (try? JSONValue(parsing: text)) ?? .string(text)
        for assignment in ConfigurationAssignment.flatten(String(parts[0]), json) {
            do {
                try set(assignment)
            } catch {
                guard json.isNumberOrTruth, (try? set(.init(key: assignment.key, value: .string(text)))) != nil else {
                    throw error
                }
            }
        }
    }

    private mutating func set(_ assignment: ConfigurationAssignment) throws {
        if assignment.key == "model" { return try setModel(assignment.value) }
        guard let key = Self.keys.first(where: { $0.name == assignment.key }) else {
            let known = Self.keyTable().map(\.name)
            let nearest = assignment.key.nearest(among: known)
            throw AltaError(
                "unknown configuration key \(JSONValue.string(assignment.key).excerpt)",
                remedy: nearest.map { "did you mean \($0)?" })
        }
        guard key.set(&self, assignment.value) else {
            throw AltaError(
                "\(key.name) is \(assignment.value.excerpt)", why: "it must be \(key.expected)",
                remedy: "correct it (the default is \(key.json(RunConfig(stage: stage)).excerpt))")
        }
    }

    /// A name takes the preset, an object begins anew with the published model; its fields follow as assignments.
    private mutating func setModel(_ value: JSONValue) throws {
        switch value {
        case .object: model = .published(stage)
        case .string(let name):
            guard let preset = ModelConfig.preset(name, stage: stage) else { fallthrough }
            model = preset
        default:
            let nearest = value.string?.nearest(among: ModelConfig.presetNames)
            throw AltaError(
                "model is \(value.excerpt)", why: "it must be \(Self.modelExpectation)",
                remedy: nearest.map { "did you mean \($0)?" })
        }
    }
}

extension ModelConfig {
    /// Reads the fields of a `model` object, as a fixture's metadata holds it, over the published model of the stage.
    ///
    /// Errors: not an object, unknown fields, wrong types, values out of range or at odds with each other.
    public init(json: JSONValue, stage: Stage = .align, file: String? = nil) throws {
        guard case .object = json else {
            throw AltaError(
                "the model is \(json.excerpt)", why: "it must be an object of model fields", file: file)
        }
        self = try RunConfig(json: ["model": json], stage: stage, file: file).model
    }

    /// The fields as JSON, every one.
    public func resolvedJSON() -> JSONValue {
        var object = JSONObject()
        for key in Self.keys { object[key.name] = key.json(self) }
        return .object(object)
    }
}

extension Stage {
    /// The stage that a configuration names; nil: none, or none that there is, which is told when the key is set.
    fileprivate init?(configuration: JSONValue) {
        guard let name = configuration["stage"]?.string else { return nil }
        self.init(rawValue: name)
    }

    /// The stage that an argument of `--set` names.
    fileprivate init?(override: String) {
        guard override.hasPrefix("stage=") else { return nil }
        self.init(rawValue: override.dropFirst("stage=".count).filter { $0 != "\"" })
    }
}

extension JSONValue {
    /// Whether a text could be meant all the same, as the folder in `--set output=2026`.
    fileprivate var isNumberOrTruth: Bool { double != nil || bool != nil }
}

/// A key with dots and the value it is to get.
private struct ConfigurationAssignment {
    let key: String
    let value: JSONValue

    private static let groups = ["pretrained", "data"]

    /// The assignments of a value: the members one by one where it is an object of one of the nested keys.
    static func flatten(_ key: String, _ value: JSONValue) -> [ConfigurationAssignment] {
        let whole = ConfigurationAssignment(key: key, value: value)
        switch value {
        case .object(let object) where key == "model":
            return [whole] + members(of: object, in: key)
        case .object(let object) where groups.contains(key):
            return members(of: object, in: key)
        case .null where groups.contains(key):
            return RunConfig.keys.map(\.name).filter { $0.hasPrefix(key + ".") }
                .map { ConfigurationAssignment(key: $0, value: .null) }
        default:
            return [whole]
        }
    }

    private static func members(of object: JSONObject, in key: String) -> [ConfigurationAssignment] {
        object.members.map { ConfigurationAssignment(key: key + "." + $0.key, value: $0.value) }
    }
}
