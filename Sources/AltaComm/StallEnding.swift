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
    /// How long telling and files may take, which are small.
    package var writingSeconds = 10.0

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
        // Neither a file system nor a reader of standard error that hangs keeps the job from ending.
        let limit = DispatchTime.now() + writingSeconds
        let isWritten = Self.begin { write(stall) }
        let isTold = Self.begin { for line in stall.lines { say(line) } }
        let isDone = [isWritten, isTold].allSatisfy { $0.wait(timeout: limit) == .success }
        if isDone, keepsDumps, let path = board.path {
            let folder = URL(filePath: path).deletingLastPathComponent().path
            let isNamed = Self.begin { say("  the last operations of each rank: \(folder)/*.operations") }
            _ = isNamed.wait(timeout: limit)
        }
        let code = ExitCode.stoppedEarly.rawValue
        if MPICollectives.isUnderWay {
            Thread.detachNewThread { MPICollectives.abortJob(exitCode: code) }
            sleep(Self.abortSeconds)
        }
        exit(code)
    }

    /// Does something on a thread of its own; the semaphore tells its end.
    private static func begin(_ body: @escaping @Sendable () -> Void) -> DispatchSemaphore {
        let isDone = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            body()
            isDone.signal()
        }
        return isDone
    }

    private func write(_ stall: Stall) {
        var failure: (any Error)?
        if let failureFolder {
            let record = stall.record(secondsSince1970: Date().timeIntervalSince1970)
            // The culprit may write of itself under its own name.
            let name = FailureRecord.fileName(rank: record.rank, seenBy: stall.reporter.rank)
            do { try record.write(folder: failureFolder, name: name) } catch { failure = error }
        }
        for status in stall.ranks.compactMap(\.status) { OperationDump.write(status, beside: board) }
        if let failure { say("note: no failure record: \(failure)") }
    }

    /// How long MPI has for ending the job; it takes one second.
    private static let abortSeconds: UInt32 = 5
}

extension Watchdog {
    /// Starts the watchdog of a process that is a rank, as the environment wants it; see `Settings`. Not collective, and
    /// possible before MPI starts.
    ///
    /// - Throws: `AltaError` where the environment asks for nonsense.
    /// - Parameters:
    ///   - statuses: where the other ranks are seen; nil: in the files beside the board's own, where it has one.
    ///   - say: prints a line on standard error.
    ///   - exit: ends this process at once.
    public static func start(
        board: RankBoard, statuses: (any StatusSource)? = nil, environment: [String: String],
        say: @escaping @Sendable (String) -> Void, exit: @escaping @Sendable (Int32) -> Void
    ) throws -> Watchdog {
        let ending = StallEnding(environment: environment, board: board, say: say, exit: exit)
        let settings = try Settings(environment: environment)
        return start(
            board: board, statuses: statuses ?? board.statusesBeside(environment), settings: settings,
            stalled: ending.perform)
    }
}
