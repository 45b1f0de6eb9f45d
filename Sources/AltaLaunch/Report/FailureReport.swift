import AltaCore

/// What the launcher says at the end of a job that failed, and the code it ends with.
///
/// A pure function of what is known, so that every way of failing can be tested without failing.
public struct FailureReport: Equatable, Sendable {
    /// The first begins with `error: ` and names the first cause.
    public var lines: [String]
    /// The job's exit code (INTERFACE contract).
    public var exitCode: Int32
    /// Whether the user, a batch system or the time limit wanted the end.
    public var wasAskedFor: Bool
    /// The hosts that mpirun named as lost.
    public var lostHosts: [String]

    /// The first cause in one line, without `error: `.
    public var cause: String { String((lines.first ?? "").dropFirst("error: ".count)) }

    /// What is known of a job that ended.
    public struct Facts {
        /// How mpirun ended.
        public var end: JobEnd
        /// What failing ranks left, the earliest first.
        public var records: [FailureRecord]
        /// What mpirun said.
        public var messages: MpirunMessages
        /// What the ranks printed.
        public var output: RankOutput
        /// The host, where the job has only one.
        public var onlyHost: String?
        /// What the ranks published last, in their order.
        public var statuses: [RankStatus]
        /// Whether the kernel ended processes of this host for lack of memory.
        public var memory: MemoryKills.Verdict

        /// Stores what is known.
        public init(
            end: JobEnd, records: [FailureRecord], messages: MpirunMessages, output: RankOutput, onlyHost: String?,
            statuses: [RankStatus] = [], memory: MemoryKills.Verdict = .unknown
        ) {
            self.end = end
            self.records = records
            self.messages = messages
            self.output = output
            self.onlyHost = onlyHost
            self.statuses = statuses
            self.memory = memory
        }
    }

    private static let shownLines = 10
    private static let shownRecords = 8
    /// The whole line stands in the rank's log.
    private static let longestLine = 300

    /// The report on a job; nil where it succeeded, be it that someone had asked for its end.
    public init?(_ facts: Facts) {
        if facts.end.status == 0 && facts.records.isEmpty { return nil }
        let cause = Cause(facts)
        lines = ["error: " + cause.text.split(whereSeparator: \.isNewline).joined(separator: " ")]
        exitCode = cause.exitCode
        wasAskedFor = cause.wasAskedFor || facts.end.signal != nil
        lostHosts = facts.messages.lostHosts
        if let rank = cause.rank {
            lines.append("  its output: \(facts.output.path(of: .rank(rank)))")
            let tail = Self.tail(facts.output.lastLines(of: .rank(rank)), without: cause.text)
            if !tail.isEmpty { lines.append("  its last lines:") }
            lines += tail.map { "    | " + $0.prefix(Self.longestLine) + ($0.count > Self.longestLine ? " ..." : "") }
        } else {
            lines.append("  the ranks' output: \(facts.output.folder)")
        }
        let later = facts.records.filter { $0.rank != cause.rank }
        lines += later.prefix(Self.shownRecords).map { "  after it: " + $0.sentence }
        if later.count > Self.shownRecords { lines.append("  and \(later.count - Self.shownRecords) more ranks") }
        if !facts.output.lastLines(of: .mpirun).isEmpty {
            lines.append("  mpirun (exit status \(facts.end.status)) said: \(facts.output.path(of: .mpirun))")
        }
    }

    /// The last lines of a rank, but for what the first line of the report says already.
    private static func tail(_ lines: [String], without cause: String) -> ArraySlice<String> {
        lines.filter { line in
            let text = line.hasPrefix("error: ") ? String(line.dropFirst("error: ".count)) : line
            return text.isEmpty || !cause.contains(text)
        }.suffix(shownLines)
    }
}

extension FailureRecord {
    /// `rank 1 on HOST failed in step 3 (data): message`.
    var sentence: String { "rank \(rank) on \(host) failed \(FailureReport.place(phase, step)): \(message)" }
}

extension FailureReport {
    /// `in step 3 (data)`, or `at start`.
    static func place(_ phase: String, _ step: Int?) -> String {
        step.map { "in step \($0) (\(phase))" } ?? "at \(phase)"
    }
}
