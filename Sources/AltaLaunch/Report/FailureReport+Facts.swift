import AltaCore
import Foundation

extension FailureRecord {
    /// Whether the rank failed while it exchanged data, as one does whose partner was lost.
    var isOfCommunication: Bool { phase == "communication" }
}

extension FailureReport.Facts {
    /// Whether a rank's record only tells that it lost its partner: mpirun names another rank, which ended in a way that the
    /// record does not explain and left none itself.
    ///
    /// mpirun may be too slow to end a job that lost a rank, so that the launcher does; `RankOutput.keepEnding` makes sure that
    /// none of the ranks which end only then is the one named.
    func isEcho(_ record: FailureRecord) -> Bool {
        guard record.isOfCommunication, end.reason == nil || end.reason == .hangAfterFailure,
            let rank = messages.rank, let ending = messages.ending, !records.contains(where: { $0.rank == rank })
        else { return false }
        switch ending {
        case .signal, .improper: return true
        case .exit(let code), .abort(let code): return code != record.exitCode
        }
    }

    /// Whose error ended the job where mpirun names a rank for the code of a run to be resumed and none left a record; nil: the
    /// ranks were told to stop, as rank 0 says then.
    func rankWithError(insteadOf named: Int) -> Int? {
        let mark = "stopped by signal"
        func failed(_ rank: Int) -> Bool { output.errorLines(of: .rank(rank)).contains { !$0.contains(mark) } }
        if failed(named) { return named }
        let isStop = [0, named].contains { rank in
            output.lastLines(of: .rank(rank)).contains { $0.contains(mark) }
        }
        return isStop ? nil : output.firstRankWithError.flatMap { failed($0) ? $0 : nil }
    }

    private func status(ofRank rank: Int) -> RankStatus? { statuses.first { $0.rank == rank } }

    /// `rank 1 on HOST`.
    func name(ofRank rank: Int) -> String {
        let host = messages.rank == rank ? messages.host : nil
        let name = host ?? status(ofRank: rank)?.host ?? onlyHost
        return "rank \(rank)" + (name.map { " on \($0)" } ?? "")
    }

    /// Where a rank was, by what it published last; nil: it published nothing.
    func place(ofRank rank: Int) -> String? {
        status(ofRank: rank).map { FailureReport.place($0.phase, $0.step) }
    }

    /// Who killed a rank, as far as that can be known.
    func killer(_ signal: Int32?) -> String {
        guard let signal else { return " by a signal" }
        if signal == SIGKILL {
            switch memory {
            case .certain: return " by the kernel for lack of memory"
            case .likely: return " by signal 9 (Killed), most likely by the kernel for lack of memory,"
            case .none, .unknown: break
            }
        }
        return " by signal \(signal) (\(String(cString: strsignal(signal))))"
    }

    /// What to do after a rank was killed.
    func remedy(_ signal: Int32?) -> String {
        let less = "set micro_batch lower, or start fewer ranks on a host (--nproc-per-node)"
        guard signal == SIGKILL else { return "start the same command again to resume" }
        switch memory {
        case .certain, .likely: return less
        case .none: return "not for lack of memory; start the same command again to resume"
        case .unknown: return "often the system is out of memory (see dmesg on its host): \(less)"
        }
    }
}

extension StallFinding {
    /// The ranks that hold up the others: those that never came, else those that fell silent.
    var culprits: [Int] { absent.isEmpty ? silent : absent }

    /// What stood still, where, and for how long.
    func sentence(_ statuses: [RankStatus]) -> String {
        let time = "for \(Int(seconds)) s"
        if !absent.isEmpty {
            let others = statuses.isEmpty ? "" : "; the others wait for \(absent.count == 1 ? "it" : "them")"
            return "\(Self.list(absent.map { "rank \($0)" })) never started: nothing was heard \(time)\(others)"
        }
        let stopped = statuses.filter { silent.contains($0.rank) }
        guard !stopped.isEmpty else {
            return "the ranks have been waiting for one another in MPI's start \(time); see alta-launch check"
        }
        let places = stopped.map { "rank \($0.rank) on \($0.host) \(FailureReport.place($0.phase, $0.step))" }
        return
            "\(Self.list(places)) stood still \(time): stopped, or \(stopped.count == 1 ? "its" : "their") host hangs"
    }

    private static func list(_ names: [String]) -> String {
        let shown = names.prefix(8).joined(separator: ", ")
        return names.count > 8 ? "\(shown) and \(names.count - 8) more" : shown
    }
}
