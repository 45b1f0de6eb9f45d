/// What mpirun (Open MPI 4.1) says of the first rank that failed, in its messages and its state reports.
///
/// The closing message names one rank only, the first whose end mpirun noticed, and is lost in some runs (seen in about one
/// of four where a rank was killed); the state report (`state_base_verbose 1`) says it in every run, in fewer words.
public struct MpirunMessages: Equatable, Sendable {
    /// How that rank ended.
    public enum Ending: Equatable, Sendable {
        /// By a signal; nil: its number is not known (yet).
        case signal(Int32?)
        /// With an exit code other than 0.
        case exit(Int32)
        /// It left with exit code 0, without finalizing MPI.
        case improper
        /// It called MPI_Abort with a code.
        case abort(Int32)
    }

    /// The first failing rank, where the text names one.
    public private(set) var rank: Int?
    /// Its host, where the text names it.
    public private(set) var host: String?
    /// How it ended.
    public private(set) var ending: Ending?
    /// Whether a whole host was lost.
    public private(set) var hasLostHost = false
    /// The hosts that were lost, where the text names them.
    public private(set) var lostHosts: [String] = []
    /// The first sentence of the first message, for failures before any rank ran.
    public private(set) var firstSentence: String?

    /// Reads what mpirun printed.
    /// - Parameters:
    ///   - lines: its messages, without empty lines.
    ///   - stateReport: its first report for which `isBadEnding` holds.
    ///   - status: its exit status, once it has ended.
    public init(lines: [String], stateReport: String? = nil, status: Int32? = nil) {
        for (index, line) in lines.enumerated() where ending == nil {
            read(line, next: index + 1 < lines.count ? lines[index + 1] : "")
        }
        if ending == nil, let stateReport { read(stateReport: stateReport, status: status) }
        for line in lines { readLoss(line) }
        firstSentence = Self.firstSentence(of: lines)
    }

    /// The same, but for the rank that failed and how, which are as an earlier reading has them.
    func with(endingOf earlier: MpirunMessages) -> MpirunMessages {
        var messages = self
        (messages.rank, messages.host, messages.ending) = (earlier.rank, earlier.host, earlier.ending)
        return messages
    }

    /// Whether a line is a state report, of which there are several for each rank.
    static func isStateReport(_ line: String) -> Bool { line.contains("] ACTIVATE ") }

    /// Whether a line reports a rank that ended badly by itself.
    static func isBadEnding(_ line: String) -> Bool {
        isStateReport(line) && line.contains(" PROC [[") && endings.contains { line.contains("STATE " + $0) }
    }

    /// The number of the job family that a state report names: `[host:22] [[15480,0],0] ACTIVATE ...`.
    static func jobFamily(inStateReport line: String) -> UInt32? {
        isStateReport(line) ? line.number(after: "[[").flatMap { UInt32(exactly: $0) } : nil
    }

    private static let endings = [
        "ABORTED BY SIGNAL", "EXITED WITH NON-ZERO STATUS", "TERMINATED WITHOUT SYNC", "CALLED ABORT",
    ]

    private mutating func read(_ line: String, next: String) {
        if line.contains(" noticed that process rank ") {
            rank = line.number(after: "rank ")
            host = line.word(after: "node ")
            ending = .signal(line.number(after: "signal ").map { Int32(clamping: $0) })
        } else if line.hasPrefix("MPI_ABORT was invoked on rank") {
            rank = line.number(after: "rank ")
            ending = .abort(Int32(clamping: next.number(after: "errorcode ") ?? 1))
        } else if line.contains("Process name: [[") {
            // "Process name: [[23883,1],1]": job family, job, rank.
            rank = line.number(after: "],")
            ending = .exit(Int32(clamping: next.number(after: "Exit code: ") ?? 1))
        } else if line.contains(" has exited due to process rank ") {
            rank = line.number(after: "rank ")
            host = next.word(after: "node ")
            ending = .improper
        }
    }

    private static let losses = [
        "lost communication with a remote daemon", "does not know how to route a message to the specified daemon",
        "unable to establish a communication connection to the",
    ]

    /// "Remote daemon: [[53452,0],2] on node h3", "target node:  h3".
    private mutating func readLoss(_ line: String) {
        if Self.losses.contains(where: line.contains) { hasLostHost = true }
        guard line.contains("Remote daemon") || line.contains("target node:"),
            let host = line.word(after: " on node ") ?? line.word(after: "target node:")
        else { return }
        if !lostHosts.contains(host) { lostHosts.append(host) }
    }

    private mutating func read(stateReport line: String, status: Int32?) {
        // "[host:22] [[15480,0],0] ACTIVATE PROC [[15480,1],1] STATE ...".
        guard let process = line.firstRange(of: "PROC [[") else { return }
        rank = String(line[process.upperBound...]).number(after: "],")
        let status = status ?? 1
        if line.contains("ABORTED BY SIGNAL") {
            ending = .signal(status > 128 ? status - 128 : nil)
        } else if line.contains("TERMINATED WITHOUT SYNC") {
            ending = .improper
        } else {
            ending = line.contains("CALLED ABORT") ? .abort(status) : .exit(status)
        }
    }

    private static func firstSentence(of lines: [String]) -> String? {
        // The loss of a host is the message, whatever the launch agent warned of before.
        let first = lines.firstIndex { line in losses.contains(where: line.contains) } ?? 0
        let body = lines[first...].drop { $0.hasPrefix("---") }.prefix { !$0.hasPrefix("---") }
        let text = body.prefix(4).joined(separator: " ").split(separator: " ").joined(separator: " ")
        guard !text.isEmpty else { return nil }
        return text.firstRange(of: ". ").map { String(text[..<$0.lowerBound]) } ?? text
    }
}

extension String {
    /// The word that follows the first occurrence of a text, without a comma or period at its end.
    fileprivate func word(after text: String) -> String? {
        guard let found = firstRange(of: text) else { return nil }
        let word = self[found.upperBound...].drop { $0 == " " }.prefix { $0 != " " }
        return word.isEmpty ? nil : String(word.last == "," || word.last == "." ? word.dropLast() : word)
    }

    /// The number that follows the first occurrence of a text.
    fileprivate func number(after text: String) -> Int? {
        guard let found = firstRange(of: text) else { return nil }
        return Int(self[found.upperBound...].drop { $0 == " " }.prefix { $0.isNumber })
    }
}
