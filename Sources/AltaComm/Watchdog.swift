import AltaCore
import Foundation
import Synchronization

/// The thread beside a rank that tells others that its process runs, and that ends a job whose collectives stall.
///
/// It beats while its rank computes or waits, so that a rank that is busy is told from one that is stopped. When its rank
/// has waited in one collective for too long, it looks who is missing. The lowest waiting rank tells and ends the job; where
/// that one does not, the next one does.
public final class Watchdog: Sendable {
    /// How patient it is.
    public struct Settings: Sendable {
        /// The variable that sets the limit.
        public static let variable = "ALTA_STALL_SECONDS"
        /// How long a rank may wait in one collective, seconds; 0: for ever.
        public let stallSeconds: Double

        /// Stores the limit.
        public init(stallSeconds: Double) { self.stallSeconds = stallSeconds }

        /// From the environment; without a variable, five minutes: longer than a validation or a checkpoint that others
        /// wait for.
        ///
        /// - Throws: `AltaError` where it is no number of 0 or more.
        public init(environment: [String: String]) throws {
            let text = environment[Settings.variable] ?? "300"
            guard let seconds = Double(text), seconds >= 0, seconds.isFinite else {
                throw AltaError(
                    "\(Settings.variable) is \(text)", why: "it must be a number of seconds",
                    remedy: "give 0 for no limit, or leave it out for 300", exitCode: .usage)
            }
            stallSeconds = seconds
        }

        /// Seconds between two heartbeats: one, less where the limit is short, more where many ranks would flood a shared
        /// file system.
        package func heartbeatSeconds(rankCount: Int) -> Double {
            max(stallSeconds > 0 ? min(1, stallSeconds / 10) : 1, Double(rankCount) / 200)
        }
    }

    private let board: RankBoard
    private let statuses: any StatusSource
    private let settings: Settings
    private let stalled: @Sendable (Stall) -> Void
    private let isStopped = Atomic<Bool>(false)
    // A file system that hangs must silence neither the heart nor the looking.
    private let copying = SideWork(name: "alta status")
    private let dumping = SideWork(name: "alta dump")

    private init(
        _ board: RankBoard, _ statuses: any StatusSource, _ settings: Settings,
        stalled: @escaping @Sendable (Stall) -> Void
    ) {
        self.board = board
        self.statuses = statuses
        self.settings = settings
        self.stalled = stalled
    }

    /// Starts watching this process's rank; the thread lives until `stop`, or as long as the process. Not collective.
    ///
    /// - Parameters:
    ///   - statuses: where the other ranks are seen.
    ///   - stalled: is called once on the one rank that tells, on the watchdog's thread; it is to end the job.
    public static func start(
        board: RankBoard, statuses: any StatusSource, settings: Settings,
        stalled: @escaping @Sendable (Stall) -> Void
    ) -> Watchdog {
        let watchdog = Watchdog(board, statuses, settings, stalled: stalled)
        let thread = Thread { watchdog.run() }
        thread.name = "alta watchdog"
        thread.stackSize = 1 << 20
        thread.start()
        return watchdog
    }

    /// Ends the thread, at its next heartbeat. Not collective; any thread.
    public func stop() { isStopped.store(true, ordering: .relaxed) }

    private func run() {
        let clock = SuspendingClock()
        let start = clock.now
        var watch: StallWatch?
        var hasDumped = false
        while !isStopped.load(ordering: .relaxed) {
            beat()
            let own = board.status()
            let pause = settings.heartbeatSeconds(rankCount: own?.rankCount ?? 0)
            if let own {
                switch look(at: own, &watch, pause: pause, now: start.duration(to: clock.now) / .seconds(1)) {
                case .nothing: hasDumped = false
                case .wait:
                    if !hasDumped { hasDumped = dumping.offer { [board] in OperationDump.write(own, beside: board) } }
                case .report(let stall): return stalled(stall)
                }
            }
            usleep(UInt32(pause * 1e6))
        }
    }

    private func beat() {
        board.beat()
        if board.isCopied { copying.offer { [board] in board.copyOut() } }
    }

    private func look(
        at own: RankStatus, _ watch: inout StallWatch?, pause: Double, now: Double
    ) -> StallWatch.Action {
        // What a rank is told of itself changes once, when MPI has started.
        var current =
            watch.flatMap { $0.rank == own.rank && $0.heartbeatSeconds == pause ? $0 : nil }
            ?? StallWatch(rank: own.rank, stallSeconds: settings.stallSeconds, heartbeatSeconds: pause)
        defer { watch = current }
        return current.look(now: now, own: own, statuses: statuses) { group in board.groups.withLock { $0[group] } }
    }
}
