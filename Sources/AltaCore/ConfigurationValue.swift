/// How the value of a configuration key is read from JSON and written to it, and what would be right.
struct ConfigurationValue<Value: Sendable>: Sendable {
    /// What is allowed, to follow "it must be".
    let expected: String
    /// The value, or nil where the JSON is of another type or out of range.
    let decode: @Sendable (JSONValue) -> Value?
    /// The JSON that `decode` turns into the value.
    let encode: @Sendable (Value) -> JSONValue

    /// The same, with `null` for nil.
    func orNull() -> ConfigurationValue<Value?> {
        ConfigurationValue<Value?>(
            expected: expected + ", or null",
            decode: { json in
                if case .null = json { return .some(nil) }
                return decode(json).map(Optional.some)
            },
            encode: { value in value.map(encode) ?? .null })
    }
}

extension ConfigurationValue where Value == Int {
    /// A whole number; the upper limit keeps products of sizes far from overflow.
    static func whole(atLeast minimum: Int, atMost maximum: Int = 1 << 31) -> ConfigurationValue {
        ConfigurationValue(
            expected: "a whole number from \(minimum) to \(maximum)",
            decode: { json in json.int.flatMap { (minimum...maximum).contains($0) ? $0 : nil } },
            encode: { .integer($0) })
    }
}

extension ConfigurationValue where Value == UInt64 {
    /// A seed: a whole number that JSON readers keep exact.
    static var seed: ConfigurationValue {
        ConfigurationValue(
            expected: "a whole number from 0 to \(Int.max)",
            decode: { json in json.int.flatMap { UInt64(exactly: $0) } },
            encode: { seed in
                precondition(seed <= UInt64(Int.max), "the seed \(seed) is above \(Int.max)")
                return .integer(Int(seed))
            })
    }
}

extension ConfigurationValue where Value == Double {
    /// A finite number.
    static func real(atLeast minimum: Double) -> ConfigurationValue {
        real("a number of at least \(minimum.plain)") { $0 >= minimum }
    }

    /// A finite number.
    static func real(above minimum: Double) -> ConfigurationValue {
        real("a number above \(minimum.plain)") { $0 > minimum }
    }

    /// A finite number.
    static func real(atLeast minimum: Double, below limit: Double) -> ConfigurationValue {
        real("a number of at least \(minimum.plain) and below \(limit.plain)") { $0 >= minimum && $0 < limit }
    }

    private static func real(
        _ expected: String, _ isAllowed: @escaping @Sendable (Double) -> Bool
    ) -> ConfigurationValue {
        ConfigurationValue(
            expected: expected,
            decode: { json in json.double.flatMap { $0.isFinite && isAllowed($0) ? $0 : nil } },
            encode: { .number($0) })
    }
}

extension ConfigurationValue where Value == Bool {
    /// A truth value.
    static var truth: ConfigurationValue {
        ConfigurationValue(expected: "true or false", decode: { $0.bool }, encode: { .bool($0) })
    }
}

extension ConfigurationValue where Value == String {
    /// A path, relative to the working folder unless it begins with `/`.
    static var path: ConfigurationValue {
        ConfigurationValue(
            expected: "a path",
            decode: { json in json.string.flatMap { $0.isEmpty || $0.utf8.contains(0) ? nil : $0 } },
            encode: { .string($0) })
    }
}

extension ConfigurationValue where Value: CaseIterable & RawRepresentable, Value.RawValue == String {
    /// One of the names of an enumeration.
    static var choice: ConfigurationValue {
        ConfigurationValue(
            expected: Value.allCases.map(\.rawValue).joined(separator: " or "),
            decode: { json in json.string.flatMap { Value(rawValue: $0) } },
            encode: { .string($0.rawValue) })
    }
}

extension ConfigurationValue where Value == Resume {
    /// `auto`, a path, or null.
    static var resume: ConfigurationValue {
        ConfigurationValue(
            expected: "auto, the path of a run or step folder, or null",
            decode: { json in
                switch json {
                case .null: .never
                case .string("auto"): .auto
                default: ConfigurationValue<String>.path.decode(json).map { .path($0) }
                }
            },
            encode: { resume in
                switch resume {
                case .never: .null
                case .auto: "auto"
                case .path(let path): .string(path)
                }
            })
    }
}

extension Double {
    /// The number without a superfluous `.0`.
    fileprivate var plain: String { Int(exactly: self).map(String.init) ?? "\(self)" }
}
