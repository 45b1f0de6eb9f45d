import AltaCore
import Foundation

/// How a process ends the job that its watchdog found stalled.
public struct StallEnding: Sendable {
    /// Where the launcher looks for failure records; nil: nowhere.
    let failureFolder: String?
    /// The rank's board: dumps of operations stand beside its file.
    let board: RankBoard
    /// Whether that folder outlives the job, and is worth naming.
    let keepsDumps: Bool
    /// Prints a line on standard error.
    let say: @Sendable (String) -> Void
    /// Ends this process at once, whatever its threads do. Libraries do not.
    let exit: @Sendable (Int32) -> Void

    /// - Parameters:
    ///   - board: the rank's.
    ///   - say: prints a line on standard error.
    ///   - exit: ends this process at once.
    public init(
        environment: [String: String], board: RankBoard, say: @escaping @Sendable (String) -> Void,
        exit: @escaping @Sendable (Int32) -> Void
    ) {
        failureFolder = environment[FailureRecord.folderVariable]
        keepsDumps = board.path != nil && environment[RankStatus.folderVariable] != nil
        self.board = board
        self.say = say
        self.exit = exit
    }

    /// Tells, leaves the record for the launcher, and ends every rank with exit code 75.
    ///
    /// MPI may be what hangs, or may not have started: then this process ends, and mpirun ends the others.
    public func perform(_ stall: Stall) {
        for line in stall.lines { say(line) }
        let isWritten = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            write(stall)
            isWritten.signal()
        }
        // A file system that hangs, too, does not keep the job from ending.
        if isWritten.wait(timeout: .now() + Self.writingSeconds) == .success, keepsDumps, let path = board.path {
            say(
                "  the last operations of each rank: \(URL(filePath: path).deletingLastPathComponent().path)/*.operations"
            )
        }
        let code = ExitCode.stoppedEarly.rawValue
        if MPICollectives.isUnderWay {
            Thread.detachNewThread { MPICollectives.abortJob(exitCode: code) }
            sleep(Self.abortSeconds)
        }
        exit(code)
    }

    private func write(_ stall: Stall) {
        if let failureFolder {
            let record = stall.record(secondsSince1970: Date().timeIntervalSince1970)
            // The culprit may write of itself under its own name.
            let name = FailureRecord.fileName(rank: record.rank, seenBy: stall.reporter.rank)
            do { try record.write(folder: failureFolder, name: name) } catch {
                say("note: no failure record: \(error)")
            }
        }
        for status in stall.ranks.compactMap(\.status) { OperationDump.write(status, beside: board) }
    }

    /// How long files may take, which are small.
    private static let writingSeconds = 10.0
    /// How long MPI has for ending the job; it takes one second.
    private static let abortSeconds: UInt32 = 5
}

extension Watchdog {
    /// Starts the watchdog of a process that is a rank, as the environment wants it; see `Settings`. Not collective, and
    /// possible before MPI starts.
    ///
    /// - Throws: `AltaError` where the environment asks for nonsense.
    /// - Parameters:
    ///   - say: prints a line on standard error.
    ///   - exit: ends this process at once.
    public static func start(
        board: RankBoard, environment: [String: String], say: @escaping @Sendable (String) -> Void,
        exit: @escaping @Sendable (Int32) -> Void
    ) throws -> Watchdog {
        let ending = StallEnding(environment: environment, board: board, say: say, exit: exit)
        let folder = board.path.map { URL(filePath: $0).deletingLastPathComponent().path }
        let statuses: any StatusSource =
            folder.map { FolderStatuses(folder: $0, job: LaunchedRank(environment).job) } ?? BoardStatuses()
        return start(
            board: board, statuses: statuses, settings: try Settings(environment: environment),
            stalled: ending.perform)
    }
}
