import AltaCore
import Foundation

extension ThreadCollectives {
    /// The stack of a rank's thread in bytes: kernels run on it, as on a main thread.
    static let stackByteCount = 16 << 20

    /// Runs one rank per thread and waits for all of them.
    ///
    /// Not collective: the caller is no rank, and blocks.
    ///
    /// - Parameters:
    ///   - rankCount: the number of ranks R, at least 1.
    ///   - body: what each rank does, with the collectives that are its own.
    /// - Returns: what each rank returned, `[R]`.
    /// - Throws: the error that was thrown first; the other ranks' collectives fail because of it.
    public static func run<T: Sendable>(
        rankCount: Int, _ body: @escaping @Sendable (any Collectives) throws -> T
    ) throws -> [T] {
        precondition(rankCount > 0, "a job of \(rankCount) ranks; it takes one at least")
        let group = ThreadGroup(rankCount: rankCount)
        let outcomes = Outcomes<T>(rankCount: rankCount)
        let hostName = try HostName.current()
        for rank in 0..<rankCount {
            let thread = Thread {
                outcomes.record(rank: rank, in: group) {
                    try body(ThreadCollectives(rank: rank, hostName: hostName, group: group))
                }
            }
            thread.stackSize = stackByteCount
            thread.name = "rank \(rank)"
            thread.start()
        }
        group.waitForAll()
        return try outcomes.results()
    }
}

/// What the ranks returned or threw, and the error that came first.
private final class Outcomes<T: Sendable>: Sendable {
    private let found: Locked<(values: [T?], firstError: (any Error)?)>

    init(rankCount: Int) {
        found = Locked((Array(repeating: nil, count: rankCount), nil))
    }

    /// Runs one rank's body to its end and lets the others know.
    func record(rank: Int, in group: ThreadGroup, _ body: () throws -> T) {
        do {
            let value = try body()
            found.withLock { $0.values[rank] = value }
        } catch {
            let placed: any Error = (error as? AltaError)?.at(rank: rank) ?? error
            found.withLock { $0.firstError = $0.firstError ?? placed }
            let exitCode = (error as? AltaError)?.exitCode ?? .failed
            group.fail(AltaError("rank \(rank) failed", why: "\(placed)", rank: rank, exitCode: exitCode))
        }
        group.leave(rank: rank)
    }

    func results() throws -> [T] {
        try found.withLock { found in
            if let error = found.firstError { throw error }
            return found.values.compactMap { $0 }
        }
    }
}
