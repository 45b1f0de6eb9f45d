import AltaCore

/// What `alta-worker preflight` says, rank by rank, while it runs; and what its silence or its end says.
package struct RankChecks {
    static let name = "ranks"

    /// What was found so far.
    package private(set) var findings: [CheckFinding] = []
    /// Whether rank 0 came to its end in good order.
    package private(set) var isComplete = false
    /// What rank 0 is looking at.
    package private(set) var current: String?
    /// The lines that begin with `error: `, without that.
    private(set) var errors: [(rank: Int, text: String)] = []
    /// What Open MPI said of a host that a rank could not reach, the first time.
    private var unreachable: (rank: Int, text: String)?
    /// Whether a rank said by itself what ended the job.
    package private(set) var isBroken = false

    /// Nothing was heard yet.
    package init() {}

    /// Takes a line that a rank printed.
    ///
    /// - Returns: the finding that it holds, if any.
    package mutating func read(_ line: String, rank: Int) -> CheckFinding? {
        if line.hasPrefix("error: ") { errors.append((rank, String(line.dropFirst("error: ".count)))) }
        if unreachable == nil, Self.unreachableMarks.contains(where: line.contains) {
            // "[[4768,1],1][btl_tcp_endpoint.c:793:...] from h2 to: h3 Unable to connect to the peer 10.0.0.3 ...".
            unreachable = (rank, String(line.split(separator: "]").last ?? "").trimmingPrefix(" ").description)
        }
        guard line.hasPrefix("{"), let json = try? JSONValue(parsing: line) else { return nil }
        if let finding = CheckFinding(json: json) {
            if json["ends_job"]?.bool == true { isBroken = true }
            guard !findings.contains(finding) else { return nil }
            findings.append(finding)
            return finding
        }
        if rank == 0 { read(event: json) }
        return nil
    }

    private static let unreachableMarks = ["Unable to connect to the peer", "failed to TCP connect to a peer"]
    private static let networkRemedy =
        "open all TCP ports between the hosts, or name the network that all of them share: "
        + "--mca btl_tcp_if_include=10.0.0.0/24"

    private mutating func read(event json: JSONValue) {
        if let begun = json["begun"]?.string { current = begun }
        if json["exit_code"]?.int != nil { isComplete = true }
    }

    /// For what a job of ranks is ended.
    package enum Limit: Equatable {
        /// It took longer than so many seconds.
        case timeout(seconds: Double)
        /// It said nothing for so many seconds.
        case silence(seconds: Double)
    }

    /// How the job of ranks ended.
    package struct End {
        /// mpirun's exit status; nil: it was ended for `limit`.
        package var status: Int32?
        /// The limit that it met, where it did.
        package var limit: Limit
        /// What failing ranks left, the earliest first.
        package var records: [FailureRecord]
        /// mpirun's own lines.
        package var lines: [String]

        /// Stores an end.
        package init(status: Int32?, limit: Limit, records: [FailureRecord] = [], lines: [String] = []) {
            self.status = status
            self.limit = limit
            self.records = records
            self.lines = lines
        }
    }

    /// What the end itself says; nil where the ranks told everything.
    package func judge(_ end: End) -> CheckFinding? {
        guard !isComplete, !isBroken else { return nil }
        let place = current.map { "while looking at \($0)" } ?? "before they had joined the job"
        guard let status = end.status else { return judge(late: end.limit, place: place) }
        if let unreachable {
            return .failed(
                Self.name, "rank \(unreachable.rank) cannot reach another, \(place): \(unreachable.text)",
                remedy: Self.networkRemedy)
        }
        let messages = MpirunMessages(lines: end.lines, status: status)
        if case .signal = messages.ending, let rank = messages.rank {
            return .failed(
                Self.name, "rank \(rank) was killed \(place)",
                remedy: "often the system is out of memory (see dmesg): start fewer ranks on a machine")
        }
        if let record = end.records.firstCause {
            return .failed(
                Self.name, record.sentence, remedy: "correct that, then check again",
                isTransient: record.exitCode == ExitCode.stoppedEarly.rawValue)
        }
        if let error = errors.first {
            return .failed(Self.name, "rank \(error.rank): \(error.text)", remedy: "correct that, then check again")
        }
        let said = messages.firstSentence.map { ": \($0)" } ?? ""
        return .failed(
            Self.name, "mpirun could not run the ranks (exit status \(status))\(said)",
            remedy: "try the line of `alta-launch run --dry-run` by hand",
            isTransient: messages.hasLostHost)
    }
}

extension RankChecks {
    private func judge(late limit: Limit, place: String) -> CheckFinding {
        switch limit {
        case .timeout(let seconds):
            .failed(
                Self.name, "the ranks did not end within \(seconds.plainText) s, \(place)",
                remedy: "give --timeout more seconds, or look on the hosts for what they wait for")
        case .silence(let seconds):
            .failed(
                Self.name, "nothing was heard of the ranks for \(seconds.fixed(0)) s, \(place)",
                remedy: current == nil || current == "network"
                    ? Self.networkRemedy
                    : "look on the hosts for what they wait for, as a file system that does not answer")
        }
    }
}

/// Lines of what several ranks print in pieces.
package struct LineAssembler {
    private var begun: [OutputSource: [UInt8]] = [:]

    /// Nothing was printed yet.
    package init() {}

    /// Longer lines are cut; a finding about a thousand ranks has some tens of KB.
    private static let longestLine = 1 << 22

    /// Adds a piece; returns the lines that it ended, without line ends.
    package mutating func append(_ bytes: ArraySlice<UInt8>, of source: OutputSource) -> [String] {
        var line = begun[source] ?? []
        var ended: [String] = []
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                if line.last == UInt8(ascii: "\r") { line.removeLast() }
                ended.append(String(decoding: line, as: UTF8.self))
                line.removeAll(keepingCapacity: true)
            } else if line.count < Self.longestLine {
                line.append(byte)
            }
        }
        begun[source] = line
        return ended
    }

    /// What was begun and not ended.
    package func rest(of source: OutputSource) -> String? {
        begun[source].flatMap { $0.isEmpty ? nil : String(decoding: $0, as: UTF8.self) }
    }
}
