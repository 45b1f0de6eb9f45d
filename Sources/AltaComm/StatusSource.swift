import AltaCore
import Foundation

/// Where the statuses of a job's ranks can be read.
public protocol StatusSource: Sendable {
    /// What a rank said last; nil: nothing, or this process cannot see it.
    func status(of rank: Int) -> RankStatus?

    /// How many ranks surely leave their statuses where this process looks, its own among them; nil: all of the job.
    var certainCount: Int? { get }
}

extension StatusSource {
    /// All of the job.
    public var certainCount: Int? { nil }
}

/// No statuses: where a process has no file of its own, it knows of no other's.
struct NoStatuses: StatusSource {
    func status(of rank: Int) -> RankStatus? { nil }

    var certainCount: Int? { 1 }
}

/// Statuses in files, as ranks that are processes leave them.
public struct FolderStatuses: StatusSource {
    private let folder: String
    private let job: UInt64
    /// The ranks of this host: others may have a folder of the same name that is another one.
    public let certainCount: Int?

    /// The files beside a rank's own.
    ///
    /// - Parameters:
    ///   - job: whose files count; those that an earlier job left do not.
    ///   - localRankCount: how many ranks of the job this host has; 0: nobody says.
    public init(folder: String, job: UInt64, localRankCount: Int = 0) {
        self.folder = folder
        self.job = job
        certainCount = localRankCount > 0 ? localRankCount : nil
    }

    /// Reads the rank's file.
    public func status(of rank: Int) -> RankStatus? {
        RankStatus.load(folder: folder, rank: rank).flatMap { $0.job == job ? $0 : nil }
    }
}

/// Boards of threads of this process.
public final class BoardStatuses: StatusSource {
    private let boards = Locked<[Int: RankBoard]>([:])

    /// No boards yet.
    public init() {}

    /// Lets others see a rank's board.
    public func add(_ board: RankBoard, rank: Int) { boards.withLock { $0[rank] = board } }

    /// Reads the rank's board.
    public func status(of rank: Int) -> RankStatus? { boards.withLock { $0[rank] }?.status() }
}

extension RankBoard {
    /// The statuses of the job's ranks, in the files beside this one's; none where it has no file.
    func statusesBeside(_ environment: [String: String]) -> any StatusSource {
        guard let path else { return NoStatuses() }
        let launched = LaunchedRank(environment)
        return FolderStatuses(
            folder: URL(filePath: path).deletingLastPathComponent().path, job: launched.job,
            localRankCount: launched.localRankCount)
    }
}
