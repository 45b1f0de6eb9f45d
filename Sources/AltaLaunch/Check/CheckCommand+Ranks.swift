import AltaCore
import Foundation

extension CheckCommand {
    /// How long the ranks may say nothing: to read and hash a large table takes its time.
    private static let silenceSeconds = 60.0

    /// Starts `alta-worker preflight` on the planned ranks and hands on what they find, while they find it.
    ///
    /// - Returns: all that they found.
    /// - Throws: `AltaError` where mpirun cannot be started, or this process was told to stop.
    func ranks(_ mpirun: String, _ worker: String, found: (CheckFinding) -> Void) throws -> [CheckFinding] {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var plan = plan
        try plan.writeFiles(in: folder)
        let arguments = plan.arguments(
            mpirun: mpirun,
            environment: plan.environment(failureFolder: folder, progress: "lines")
                + JobAttempt.environment(options.launch, statuses: folder),
            worker: worker, workerArguments: options.preflightArguments)
        var reader = RankReader()
        let limits = ProbeProcess.Limits(
            seconds: options.launch.timeoutSeconds ?? .infinity, silenceSeconds: Self.silenceSeconds)
        let ended = try process.run(arguments, limits: limits) { stream, bytes in
            for finding in reader.read(bytes, stream: stream) { found(finding) }
        }
        let end = RankChecks.End(
            ended, silenceSeconds: Self.silenceSeconds, timeoutSeconds: limits.seconds,
            records: FailureRecord.load(folder: folder), lines: reader.mpirunLines)
        var findings = reader.checks.findings
        if let last = reader.checks.judge(end) {
            found(last)
            findings.append(last)
        }
        return findings
    }

    /// Where a failing rank leaves its record.
    private func temporaryFolder() throws(AltaError) -> String {
        let folder =
            "\(FileManager.default.temporaryDirectory.path)/alta-check-\(getuid())-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        guard mkdir(folder, 0o700) == 0 else {
            throw AltaError.system("cannot make a folder for what ranks leave", file: folder)
        }
        return folder
    }

    /// Writes the findings as one JSON object, where a file was named.
    func write(_ findings: [CheckFinding], seconds: Double) throws {
        guard let path = options.jsonPath else { return }
        let report: JSONValue = [
            "command": "check", "exit_code": .integer(Int(findings.exitCode.rawValue)), "seconds": .number(seconds),
            "ranks": .integer(plan.ranks), "hosts": .array(plan.hosts.map { .string($0.name) }),
            "findings": .array(findings.map(\.json)),
        ]
        try AtomicFile.write(path, temporary: "\(path).\(getpid()).partial", text: try report.text(.pretty))
    }
}

extension RankChecks.End {
    /// An end as it was seen, with the limits that held.
    fileprivate init(
        _ end: ProbeProcess.End, silenceSeconds: Double, timeoutSeconds: Double, records: [FailureRecord],
        lines: [String]
    ) {
        let limit: RankChecks.Limit =
            end == .timeout ? .timeout(seconds: timeoutSeconds) : .silence(seconds: silenceSeconds)
        if case .exited(let status) = end {
            self.init(status: status, limit: limit, records: records, lines: lines)
        } else {
            self.init(status: nil, limit: limit, records: records, lines: lines)
        }
    }
}

/// Takes apart what mpirun prints, and reads the ranks' lines.
private struct RankReader {
    private(set) var checks = RankChecks()
    /// What mpirun said itself.
    private(set) var mpirunLines: [String] = []
    private var splitters = [OutputSplitter(), OutputSplitter()]
    private var assemblers = [LineAssembler(), LineAssembler()]
    private static let keptLines = 200

    /// The findings in what was printed on a stream; no bytes end it.
    mutating func read(_ bytes: ArraySlice<UInt8>, stream: Int) -> [CheckFinding] {
        var pieces: [(OutputSource, ArraySlice<UInt8>)] = []
        if bytes.isEmpty {
            splitters[stream].finish { pieces.append(($0, $1)) }
        } else {
            splitters[stream].append(bytes) { pieces.append(($0, $1)) }
        }
        var found: [CheckFinding] = []
        for (source, piece) in pieces {
            for line in assemblers[stream].append(piece, of: source) { found += read(line, of: source) }
        }
        return found
    }

    private mutating func read(_ line: String, of source: OutputSource) -> [CheckFinding] {
        guard case .rank(let rank) = source else {
            let isWorthKeeping = !line.isEmpty && !MpirunMessages.isStateReport(line)
            if isWorthKeeping, mpirunLines.count < Self.keptLines { mpirunLines.append(line) }
            return []
        }
        return checks.read(line, rank: rank).map { [$0] } ?? []
    }
}
