import AltaCore
import Foundation

extension FailureReport {
    /// The first cause: whom it struck, in words, and the exit code that follows from it.
    struct Cause {
        var rank: Int?
        var text: String
        var exitCode: Int32

        init(_ facts: Facts) {
            let messages = facts.messages
            // A rank that lost its partner may still have written a record; the partner's death is then the cause.
            let isEcho = facts.records.first.map { $0.phase == "communication" && $0.rank != messages.rank } ?? false
            if let reason = facts.end.reason, reason != .hangAfterFailure {
                self.init(reason)
            } else if case .signal = messages.ending, isEcho, facts.end.reason == nil {
                self.init(mpirun: facts)
            } else if let record = facts.records.first {
                let code = record.exitCode == 0 ? ExitCode.failed.rawValue : record.exitCode
                self.init(rank: record.rank, text: record.sentence, exitCode: code)
            } else {
                self.init(mpirun: facts)
            }
        }

        private init(rank: Int?, text: String, exitCode: Int32) {
            self.rank = rank
            self.text = text
            self.exitCode = exitCode
        }

        private init(_ reason: JobEnd.Reason) {
            let code = ExitCode.stoppedEarly.rawValue
            switch reason {
            case .timeout(let seconds):
                self.init(
                    rank: nil,
                    text: "the job did not end within \(seconds) s and was stopped; give --timeout more seconds",
                    exitCode: code)
            case .signal(let number):
                self.init(
                    rank: nil, text: "stopped by signal \(number); start the same command again to go on",
                    exitCode: code)
            case .hangAfterFailure:
                self.init(rank: nil, text: "a rank failed and the others hung; the job was stopped", exitCode: code)
            }
        }

        /// From what mpirun said and the rank printed: no rank left a record.
        private init(mpirun facts: Facts) {
            guard let rank = facts.messages.rank, let ending = facts.messages.ending else {
                self.init(unnamed: facts)
                return
            }
            let source = OutputSource.rank(rank)
            let host = facts.messages.host ?? facts.onlyHost
            let who = "rank \(rank)" + (host.map { " on \($0)" } ?? "")
            let said = facts.output.errorLines(of: source).first.map { String($0.dropFirst("error: ".count)) }
            let last = said ?? facts.output.lastLines(of: source).last ?? "it printed nothing"
            switch ending {
            case .signal(let number):
                let remedy =
                    number == 9
                    ? "often the system is out of memory (see dmesg): lower micro_batch or the number of ranks"
                    : "start the same command again to resume"
                self.init(
                    rank: rank, text: "\(who) was killed by \(Self.name(ofSignal: number)); \(remedy)",
                    exitCode: ExitCode.stoppedEarly.rawValue)
            case .exit(let code), .abort(let code):
                self.init(
                    rank: rank, text: "\(who) ended with exit code \(code): \(last)",
                    exitCode: code & 0xff == 0 ? ExitCode.failed.rawValue : code & 0xff)
            case .improper:
                self.init(
                    rank: rank, text: "\(who) left the job before the others without an error: \(last)",
                    exitCode: facts.end.status)
            }
        }

        private static func name(ofSignal number: Int32?) -> String {
            number.map { "signal \($0) (\(String(cString: strsignal($0))))" } ?? "a signal"
        }

        /// No rank is named: mpirun itself failed, was killed, or lost a host.
        private init(unnamed facts: Facts) {
            let said = facts.messages.firstSentence.map { ": \($0)" } ?? ""
            let status = facts.end.status
            if facts.messages.hasLostHost {
                self.init(
                    rank: nil, text: "a host of the job was lost\(said)", exitCode: ExitCode.stoppedEarly.rawValue)
            } else if facts.end.wasKilled {
                self.init(
                    rank: nil, text: "mpirun was killed by signal \(status - 128)\(said)",
                    exitCode: ExitCode.stoppedEarly.rawValue)
            } else if let rank = facts.output.firstRankWithError {
                let line = facts.output.errorLines(of: .rank(rank))[0].dropFirst("error: ".count)
                self.init(rank: rank, text: "rank \(rank): \(line)", exitCode: status == 0 ? 1 : status)
            } else {
                self.init(
                    rank: nil, text: "mpirun could not run the job (exit status \(status))\(said)",
                    exitCode: status == 0 ? 1 : status)
            }
        }
    }
}
