import AltaCore

/// Where the statuses of a job's ranks can be read.
public protocol StatusSource: Sendable {
    /// What a rank said last; nil: nothing, or this process cannot see it.
    func status(of rank: Int) -> RankStatus?
}

/// Statuses in files, as ranks that are processes leave them.
public struct FolderStatuses: StatusSource {
    private let folder: String
    private let job: UInt64

    /// The files beside a rank's own.
    ///
    /// - Parameter job: whose files count; those that an earlier job left do not.
    public init(folder: String, job: UInt64) {
        self.folder = folder
        self.job = job
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
