import AltaCore

/// What became of one pretrained source: what was loaded, what not, and why. Nothing of it is silent.
struct WeightReport {
    /// The key of the configuration.
    let key: String
    /// The path as it was given.
    let path: String
    /// The kind of file.
    let format: String
    /// Tensors that were taken.
    var loaded = 0
    /// Numbers in them.
    var numbers = 0
    /// Tensors of the model that the source may lack and does: freshly initialised.
    var missing: [String] = []
    /// Tensors that were made from others of the source.
    var copied: [String] = []
    /// Tensors that were fitted to another number of patches, with both shapes.
    var resized: [String] = []
    /// Tensors of the source that nothing is known of.
    var unexpected: [String] = []
    /// Tensors of the source that have no use here, each with what it is.
    var unused: [String] = []

    /// The table for a person, one string a line.
    func lines() -> [String] {
        let groups = [
            ("missing, freshly initialised", missing), ("copied", copied), ("resized", resized),
            ("unexpected, ignored", unexpected), ("not used", unused),
        ]
        let first = "weights: \(key) \(path) (\(format))"
        return [first, row("loaded", "\(loaded) tensors, \(numbers) numbers")]
            + groups.map { name, names in
                row(name, names.isEmpty ? "none" : "\(names.count): \(WeightReport.grouped(names))")
            }
    }

    private func row(_ name: String, _ text: String) -> String { "  " + name.padded(to: 30) + text }

    /// The report as a member of the log's `start` event.
    var json: JSONValue {
        let list = { (names: [String]) -> JSONValue in .array(WeightReport.groups(names).map { .string($0) }) }
        return .object(members: [
            ("key", .string(key)), ("path", .string(path)), ("format", .string(format)), ("loaded", .integer(loaded)),
            ("numbers", .integer(numbers)), ("missing", list(missing)), ("copied", list(copied)),
            ("resized", list(resized)), ("unexpected", list(unexpected)), ("unused", list(unused)),
        ])
    }

    /// How many groups a line shows.
    private static let shownGroups = 16

    private static func grouped(_ names: [String]) -> String {
        let groups = groups(names)
        let more = groups.count > shownGroups ? ", and \(groups.count - shownGroups) more" : ""
        return groups.prefix(shownGroups).joined(separator: ", ") + more
    }

    /// Names that differ in numbers alone as one, with their count: `blocks.*.norm1.weight (12)`.
    static func groups(_ names: [String]) -> [String] {
        var counts: [String: Int] = [:]
        var order: [String] = []
        for name in names {
            let pattern = name.split(separator: ".", omittingEmptySubsequences: false)
                .map { Int($0) == nil ? String($0) : "*" }.joined(separator: ".")
            if counts[pattern] == nil { order.append(pattern) }
            counts[pattern, default: 0] += 1
        }
        return order.map { pattern in
            let count = counts[pattern] ?? 0
            return count > 1 ? "\(pattern) (\(count))" : pattern
        }
    }
}
