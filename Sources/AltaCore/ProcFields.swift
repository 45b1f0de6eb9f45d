/// A file of `Key: value` lines, as `/proc/self/status` and `/proc/meminfo` are.
public struct ProcFields: Sendable {
    private let values: [String: String]
    private let file: String

    /// Splits the lines of `text`; `file` is for messages. Lines without a colon are skipped.
    public init(text: String, file: String) {
        self.file = file
        let pairs = text.split(separator: "\n").compactMap { line -> (String, String)? in
            guard let colon = line.firstIndex(of: ":") else { return nil }
            let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            return (String(line[..<colon]), String(value))
        }
        values = Dictionary(pairs, uniquingKeysWith: { first, _ in first })
    }

    /// The value of a key as text.
    ///
    /// - Throws: `AltaError` where the key is absent.
    public func text(_ key: String) throws -> String {
        guard let value = values[key] else { throw AltaError("no \(key)", file: file) }
        return value
    }

    /// The value of a key in bytes, written as `1234 kB`, where a kB is 1024 bytes.
    ///
    /// - Throws: `AltaError` where the key is absent or its value is not of this form.
    public func bytes(_ key: String) throws -> Int {
        let words = try text(key).split(separator: " ")
        guard words.count == 2, words[1] == "kB", let kibibytes = Int(words[0]), kibibytes >= 0,
            case let (bytes, false) = kibibytes.multipliedReportingOverflow(by: 1024)
        else {
            throw AltaError("\(key) is '\(words.joined(separator: " "))'", why: "expected a number of kB", file: file)
        }
        return bytes
    }
}
