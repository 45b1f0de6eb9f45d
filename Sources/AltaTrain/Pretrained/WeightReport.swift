import AltaCore

/// What became of one pretrained source: what was loaded, what not, and why. Nothing of it is silent.
struct WeightReport {
    /// A tensor, and what there is to say of it.
    struct Entry {
        let name: String
        var note = ""
        /// Whether the first part of its name is enough to show: it is one of many of no interest.
        var isCoarse = false

        /// What it is shown with.
        var module: String {
            isCoarse ? String(name.prefix { $0 != "." }) : WeightReport.module(name)
        }
    }

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
    var missing: [Entry] = []
    /// Tensors that were made from others of the source.
    var copied: [Entry] = []
    /// Tensors that were fitted to another number of patches, with both shapes.
    var resized: [Entry] = []
    /// Tensors of the source that nothing is known of.
    var unexpected: [Entry] = []
    /// Tensors of the source that have no use here, each with what it is.
    var unused: [Entry] = []
    /// What a person should know besides.
    var notes: [String] = []

    /// The table for a person, one string a line.
    func lines() -> [String] {
        let groups = [
            ("missing, freshly initialised", missing), ("copied", copied), ("resized", resized),
            ("unexpected, ignored", unexpected), ("not used", unused),
        ]
        let first = "weights: \(key) \(path) (\(format))"
        return [first, row("loaded", "\(loaded) tensors, \(numbers) numbers")]
            + groups.map { name, entries in
                row(name, entries.isEmpty ? "none" : "\(entries.count): \(WeightReport.shown(entries))")
            } + notes
    }

    private func row(_ name: String, _ text: String) -> String { "  " + name.padded(to: 30) + text }

    /// The report as a member of the log's `start` event.
    var json: JSONValue {
        let list = { (entries: [Entry]) -> JSONValue in
            .object(members: [
                ("tensors", .integer(entries.count)),
                ("names", .array(WeightReport.groups(entries).map { .string($0) })),
            ])
        }
        return .object(members: [
            ("key", .string(key)), ("path", .string(path)), ("format", .string(format)), ("loaded", .integer(loaded)),
            ("numbers", .integer(numbers)), ("missing", list(missing)), ("copied", list(copied)),
            ("resized", list(resized)), ("unexpected", list(unexpected)), ("unused", list(unused)),
        ])
    }

    /// How many groups a line shows.
    private static let shownGroups = 24

    private static func shown(_ entries: [Entry]) -> String {
        let groups = groups(entries)
        let more = groups.count > shownGroups ? ", and \(groups.count - shownGroups) groups more" : ""
        return groups.prefix(shownGroups).joined(separator: ", ") + more
    }

    /// Tensors of equal modules in one text with their number: `blocks.*.attn_adapter (48)`. One alone has its full name.
    static func groups(_ entries: [Entry]) -> [String] {
        var members: [String: [Entry]] = [:]
        var order: [String] = []
        for entry in entries {
            let group = entry.module + "|" + entry.note
            if members[group] == nil { order.append(group) }
            members[group, default: []].append(entry)
        }
        return order.map { group in
            let entries = members[group] ?? []
            let note = entries.first.map { $0.note.isEmpty ? "" : " \($0.note)" } ?? ""
            guard entries.count > 1 else { return (entries.first?.name ?? "") + note }
            return "\(entries[0].module) (\(entries.count))" + note
        }
    }

    /// The module that a tensor is of, numbers as `*`: `blocks.*.attn_adapter` of `blocks.3.attn_adapter.D_fc1.bias`.
    static func module(_ name: String) -> String {
        var parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        if parts.count > 1, ["weight", "bias"].contains(parts[parts.count - 1]) { parts.removeLast() }
        if parts.count > 1, Int(parts[parts.count - 1]) == nil { parts.removeLast() }
        return parts.map { Int($0) == nil ? $0 : "*" }.joined(separator: ".")
    }
}
