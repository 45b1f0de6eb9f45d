import AltaCore

/// What the launcher says at the end of a job that failed, and the code it ends with.
///
/// A pure function of what is known, so that every way of failing can be tested without failing.
public struct FailureReport: Equatable, Sendable {
    /// The first begins with `error: ` and names the first cause.
    public var lines: [String]
    /// The job's exit code (INTERFACE contract).
    public var exitCode: Int32

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

        /// Stores what is known.
        public init(
            end: JobEnd, records: [FailureRecord], messages: MpirunMessages, output: RankOutput, onlyHost: String?
        ) {
            self.end = end
            self.records = records
            self.messages = messages
            self.output = output
            self.onlyHost = onlyHost
        }
    }

    private static let shownLines = 10

    /// The report on a job; nil where it succeeded.
    public init?(_ facts: Facts) {
        if facts.end.status == 0 && facts.end.reason == nil && facts.records.isEmpty { return nil }
        let cause = Cause(facts)
        lines = ["error: " + cause.text.split(whereSeparator: \.isNewline).joined(separator: " ")]
        exitCode = cause.exitCode
        if let rank = cause.rank {
            lines.append("  its output: \(facts.output.path(of: .rank(rank)))")
            let tail = facts.output.lastLines(of: .rank(rank)).suffix(Self.shownLines)
            if !tail.isEmpty { lines.append("  its last lines:") }
            lines += tail.map { "    | \($0)" }
        } else {
            lines.append("  the ranks' output: \(facts.output.folder)")
        }
        for record in facts.records where record.rank != cause.rank {
            lines.append("  after it: " + record.sentence)
        }
        if !facts.output.lastLines(of: .mpirun).isEmpty {
            lines.append("  mpirun (exit status \(facts.end.status)) said: \(facts.output.path(of: .mpirun))")
        }
    }
}

extension FailureRecord {
    /// `rank 1 on HOST failed in step 3 (data): message`.
    var sentence: String {
        let place = step.map { "in step \($0) (\(phase))" } ?? "at \(phase)"
        return "rank \(rank) on \(host) failed \(place): \(message)"
    }
}
