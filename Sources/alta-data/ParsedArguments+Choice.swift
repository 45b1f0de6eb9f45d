import AltaCore

extension ParsedArguments {
    /// The value of an option as one of a fixed set, or nil where it was not given.
    ///
    /// Errors: it is none of them (exit code `.usage`); all are named.
    func choice<T: RawRepresentable & CaseIterable>(_ name: String, _ type: T.Type) throws -> T?
    where T.RawValue == String {
        guard let text = value(name) else { return nil }
        guard let choice = T(rawValue: text) else {
            let names = T.allCases.map(\.rawValue)
            throw AltaError(
                "\(name) is \(text)", why: "it must be \(names.joined(separator: " or "))",
                remedy: text.nearest(among: names).map { "did you mean \($0)?" }, exitCode: .usage)
        }
        return choice
    }
}
