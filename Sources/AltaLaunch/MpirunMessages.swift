/// What mpirun's own text (Open MPI 4.1) says of the first rank that failed.
///
/// mpirun reports one rank only: the first whose end it noticed.
public struct MpirunMessages: Equatable, Sendable {
    /// How that rank ended.
    public enum Ending: Equatable, Sendable {
        /// A signal: its number, and its name in words where given.
        case signal(Int32, String)
        /// An exit code other than 0.
        case exit(Int32)
        /// It left without finalizing MPI, with exit code 0.
        case improper
        /// It called MPI_Abort with a code.
        case abort(Int32)
    }

    /// The first failing rank, where the text names one.
    public var rank: Int?
    /// Its host, where the text names it.
    public var host: String?
    /// How it ended.
    public var ending: Ending?
    /// Whether a whole host was lost.
    public var hasLostHost = false
    /// The first sentence of the first message, for failures before any rank ran.
    public var firstSentence: String?

    /// Nothing said.
    public init() {}

    /// Reads the lines of mpirun's log.
    public init(lines: [String]) {
        for (index, line) in lines.enumerated() where ending == nil {
            read(line, following: lines[(index + 1)...])
        }
        hasLostHost = lines.contains { $0.contains("lost communication with a remote daemon") }
        firstSentence = Self.firstSentence(of: lines)
    }

    private mutating func read(_ line: String, following: ArraySlice<String>) {
        let words = line.split(separator: " ").map(String.init)
        func word(after name: String) -> String? {
            guard let index = words.firstIndex(of: name), index + 1 < words.count else { return nil }
            return words[index + 1]
        }
        let trimmedWords = CharacterTrim.trim
        if line.hasPrefix("mpirun noticed that process rank"), let signal = word(after: "signal").flatMap({ Int32($0) })
        {
            rank = word(after: "rank").flatMap { Int($0) }
            host = word(after: "node")
            let name = line.split(separator: "(").last.map { String($0.prefix { $0 != ")" }) } ?? ""
            ending = .signal(signal, name)
        } else if line.hasPrefix("MPI_ABORT was invoked on rank") {
            rank = word(after: "rank").flatMap { Int($0) }
            let code = following.first.flatMap { $0.split(separator: " ").last }.flatMap {
                Int32(trimmedWords(String($0)))
            }
            ending = .abort(code ?? 1)
        } else if line.contains("Process name: [[") {
            // "Process name: [[23883,1],1]": job family, job, rank.
            rank = line.split(separator: ",").last.flatMap { Int(trimmedWords(String($0))) }
            let code = following.first { $0.contains("Exit code:") }?.split(separator: " ").last.flatMap { Int32($0) }
            ending = .exit(code ?? 1)
        } else if line.hasPrefix("mpirun has exited due to process rank") {
            rank = word(after: "rank").flatMap { Int($0) }
            host = following.first.flatMap { next in
                let words = next.split(separator: " ")
                return words.first == "node" && words.count > 1 ? String(words[1]) : nil
            }
            ending = .improper
        }
    }

    private static func firstSentence(of lines: [String]) -> String? {
        let body = lines.drop { $0.hasPrefix("---") }.prefix { !$0.hasPrefix("---") }
        let text = body.map { CharacterTrim.spaces($0) }.filter { !$0.isEmpty }.prefix(4).joined(separator: " ")
        guard !text.isEmpty else { return nil }
        guard let end = text.firstRange(of: ". ") else { return text }
        return String(text[..<end.lowerBound])
    }
}

/// Cuts what surrounds a word in a message.
private enum CharacterTrim {
    static func trim(_ text: String) -> String {
        String(text.filter { $0.isNumber || $0 == "-" })
    }

    static func spaces(_ text: String) -> String {
        let start = text.drop { $0 == " " }
        return String(start.reversed().drop { $0 == " " || $0 == "," || $0 == "." }.reversed())
    }
}
