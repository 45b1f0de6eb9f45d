/// What a rank said last about what it is doing: read from the file `rank-R.status` that it writes without system calls
/// and that outlives it.
///
/// Times are seconds since 1970 by the clock of the rank's host: between hosts, compare changes and not times.
public struct RankStatus: Sendable, Equatable {
    /// The environment variable that names the folder of the files; set by the launcher.
    public static let folderVariable = "ALTA_STATUS_FOLDER"

    /// The rank.
    public var rank: Int
    /// How many ranks the job has; 0: not known to the rank yet.
    public var rankCount: Int
    /// The name of its host.
    public var host: String
    /// Its process.
    public var processIdentifier: Int32
    /// A hash of the job it belongs to, the same on all ranks of a job; 0: unknown.
    public var job: UInt64
    /// Whether its file is copied out once a heartbeat, since it lies on a file system that other hosts serve; else the file
    /// is the rank's own memory.
    public var isCopied: Bool
    /// What it is doing, or did last: `start`, `data`, `forward`, `loss`, `backward`, `communication`, `update`,
    /// `comparison`, `checkpoint`, `evaluation`, or `end` once it has left the job in good order.
    public var phase: String
    /// The step at hand, from 1; nil before the first.
    public var step: Int?
    /// How many steps this process has completed; after a restart it begins at 0 again.
    public var completedSteps: Int
    /// The collective it is in, or was in last; nil: none yet.
    public var operation: RankOperation?
    /// Whether it is in one.
    public var isInCollective: Bool
    /// When phase, step or collective changed last.
    public var since: Double
    /// When its watchdog last said that the process runs; 0: never.
    public var heartbeat: Double
    /// How often it said so.
    public var heartbeatCount: Int
    /// When it last said that work of its own, which others wait for, goes on (files looked at, hashed or written); 0: never.
    public var progress: Double
    /// Its last operations (128 at most), the earliest first.
    public var operations: [RankOperation]

    /// Stores what a rank says.
    public init(
        rank: Int, rankCount: Int, host: String, processIdentifier: Int32 = 0, job: UInt64 = 0, isCopied: Bool = false,
        phase: String, step: Int? = nil, completedSteps: Int = 0, operation: RankOperation? = nil,
        isInCollective: Bool = false, since: Double = 0, heartbeat: Double = 0, heartbeatCount: Int = 0,
        progress: Double = 0, operations: [RankOperation] = []
    ) {
        self.rank = rank
        self.rankCount = rankCount
        self.host = host
        self.processIdentifier = processIdentifier
        self.job = job
        self.isCopied = isCopied
        self.phase = phase
        self.step = step
        self.completedSteps = completedSteps
        self.operation = operation
        self.isInCollective = isInCollective
        self.since = since
        self.heartbeat = heartbeat
        self.heartbeatCount = heartbeatCount
        self.progress = progress
        self.operations = operations
    }

    /// Where it is, as `in forward of step 12`.
    public var place: String { "in \(phase)" + (step.map { " of step \($0)" } ?? "") }

    /// The statuses of all ranks that have a file in the folder, in the order of the ranks.
    ///
    /// What is no complete status is left out; nothing throws, and no more is read than a status has. Of a rank that was
    /// stopped or killed within the few nanoseconds of a change, half of that change is read.
    public static func load(folder: String) -> [RankStatus] {
        SmallFile.names(in: folder, prefix: "rank-", suffix: ".status")
            .compactMap { load(path: "\(folder)/\($0)") }
            .sorted { $0.rank < $1.rank }
    }

    /// The status of one rank; nil: it has no file there, or no complete one.
    public static func load(folder: String, rank: Int) -> RankStatus? {
        load(path: "\(folder)/\(RankStatusLayout.fileName(rank: rank))")
    }

    private static func load(path: String) -> RankStatus? {
        var found: RankStatus?
        // A rank that is in the middle of a change finishes it in nanoseconds, or never, where it was stopped.
        for _ in 0..<64 {
            guard
                let bytes = try? SmallFile.contents(
                    path, what: "a rank's status", limit: RankStatusLayout.byteCount),
                let words = words(bytes)
            else { return nil }
            found = RankStatus(words: words)
            if isWhole(words) { break }
        }
        return found
    }

    private static func words(_ bytes: [UInt8]) -> [UInt64]? {
        guard bytes.count == RankStatusLayout.byteCount else { return nil }
        return bytes.withUnsafeBytes { bytes in
            (0..<RankStatusLayout.wordCount).map { bytes.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self) }
        }
    }

    /// Whether the words are one state and not a mixture of two.
    package static func isWhole(_ words: [UInt64]) -> Bool {
        words[RankStatusLayout.writtenWord] == words[RankStatusLayout.writingWord]
    }

    static func finite(_ value: Double) -> Double { value.isFinite ? value : 0 }
}

extension RankStatus {
    /// Reads the words of a status; nil: they are something else, or of another version.
    package init?(words: [UInt64]) {
        typealias Layout = RankStatusLayout
        guard words.count == Layout.wordCount, words[Layout.magicWord] == Layout.magic,
            words[Layout.versionWord] == Layout.version
        else { return nil }
        func number(_ index: Int) -> Int { Int(clamping: Int64(bitPattern: words[index])) }
        func operation(_ start: Int) -> RankOperation? {
            RankOperation(words: words[start..<start + Layout.Operation.wordCount])
        }
        func seconds(_ index: Int) -> Double { Self.finite(Double(bitPattern: words[index])) }
        let ring = (0..<Layout.ringCount).compactMap {
            operation(Layout.ringWord + $0 * Layout.Operation.wordCount)
        }
        self.init(
            rank: number(Layout.rankWord), rankCount: number(Layout.rankCountWord),
            host: Layout.text(words[Layout.hostWord..<Layout.hostWord + Layout.hostWordCount]),
            processIdentifier: Int32(truncatingIfNeeded: words[Layout.processWord]), job: words[Layout.jobWord],
            isCopied: words[Layout.copiedWord] == 1,
            phase: Layout.text(words[Layout.phaseWord..<Layout.phaseWord + Layout.phaseWordCount]),
            step: number(Layout.stepWord) > 0 ? number(Layout.stepWord) : nil,
            completedSteps: number(Layout.completedStepsWord), operation: operation(Layout.operationWord),
            isInCollective: words[Layout.isInCollectiveWord] == 1, since: seconds(Layout.sinceWord),
            heartbeat: seconds(Layout.heartbeatSecondsWord),
            heartbeatCount: number(Layout.heartbeatCountWord), progress: seconds(Layout.progressSecondsWord),
            operations: ring.sorted { $0.number < $1.number })
    }
}
