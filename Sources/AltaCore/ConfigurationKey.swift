/// One key of a configuration: its name, what it means, how it is set and read.
struct ConfigurationKey<Root>: Sendable {
    /// The full name, with dots for nested objects.
    let name: String
    /// What it means, in a line, for `--help`.
    let documentation: String
    /// What is allowed, to follow "it must be".
    let expected: String
    /// Whether another value makes another run (Docs/design.md, "the run is defined by its global batch").
    let definesRun: Bool
    /// The value as JSON.
    let json: @Sendable (Root) -> JSONValue
    /// Sets the value; false where the JSON is of another type or out of range.
    let set: @Sendable (inout Root, JSONValue) -> Bool

    init<Value>(
        _ name: String, _ path: any WritableKeyPath<Root, Value> & Sendable, _ value: ConfigurationValue<Value>,
        definesRun: Bool = true, _ documentation: String
    ) {
        self.name = name
        self.documentation = documentation
        self.definesRun = definesRun
        expected = value.expected
        json = { root in value.encode(root[keyPath: path]) }
        set = { root, json in
            guard let decoded = value.decode(json) else { return false }
            root[keyPath: path] = decoded
            return true
        }
    }

    private init<Part>(
        _ key: ConfigurationKey<Part>, prefix: String, of path: any WritableKeyPath<Root, Part> & Sendable
    ) {
        name = prefix + "." + key.name
        documentation = key.documentation
        expected = key.expected
        definesRun = key.definesRun
        json = { root in key.json(root[keyPath: path]) }
        set = { root, json in key.set(&root[keyPath: path], json) }
    }

    /// The same key of a part, seen from the whole.
    func within<Whole>(
        _ prefix: String, _ path: any WritableKeyPath<Whole, Root> & Sendable
    ) -> ConfigurationKey<Whole> {
        ConfigurationKey<Whole>(self, prefix: prefix, of: path)
    }
}

extension JSONValue {
    /// The value as it stands in messages: compact, at most 80 characters.
    var excerpt: String {
        let text = (try? self.text()) ?? "not finite"
        return text.count > 80 ? text.prefix(77) + "..." : text
    }
}
