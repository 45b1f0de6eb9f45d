import AltaCore
import Foundation

extension FailureReport {
    /// The first cause: whom it struck, in words, and the exit code that follows from it.
    struct Cause {
        var rank: Int?
        var text: String
        var exitCode: Int32
        /// Whether someone wanted the end.
        var wasAskedFor = false

        init(_ facts: Facts) {
            if let reason = facts.end.reason, reason != .hangAfterFailure {
                self.init(reason, facts)
            } else if facts.messages.hasLostHost, facts.records.firstCause.map(\.isOfCommunication) ?? true {
                self.init(lostHost: facts)
            } else if let record = facts.records.firstCause, !facts.isEcho(record) {
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

        private init(_ reason: JobEnd.Reason, _ facts: Facts) {
            let code = ExitCode.stoppedEarly.rawValue
            switch reason {
            case .timeout(let seconds):
                self.init(
                    rank: nil,
                    text:
                        "the job did not end within \(seconds.plainText) s and was stopped; give --timeout more seconds",
                    exitCode: code)
                wasAskedFor = true
            case .signal(let number):
                self.init(signal: number, facts)
                wasAskedFor = true
            case .stall(let finding):
                self.init(rank: finding.culprits.first, text: finding.sentence(facts.statuses), exitCode: code)
            case .hangAfterFailure:
                self.init(rank: nil, text: "a rank failed and the others hung; the job was stopped", exitCode: code)
            }
        }

        /// After a signal: ranks that train have saved and left with the code of a run that can be resumed, unless saving
        /// failed.
        private init(signal number: Int32, _ facts: Facts) {
            let name = SignalSource.name(of: number)
            let stopped = ExitCode.stoppedEarly.rawValue
            if let record = facts.records.first(where: { $0.exitCode != stopped }) {
                self.init(
                    rank: record.rank, text: "\(record.sentence) (while it was being stopped by \(name))",
                    exitCode: record.exitCode == 0 ? ExitCode.failed.rawValue : record.exitCode)
            } else if facts.end.status == stopped {
                let step = facts.statuses.compactMap(\.step).max().map { " in step \($0)" } ?? ""
                self.init(
                    rank: nil, text: "stopped by \(name)\(step), after saving; start the same command again to go on",
                    exitCode: stopped)
            } else {
                self.init(
                    rank: nil,
                    text: "stopped by \(name); start the same command again to go on from the newest checkpoint",
                    exitCode: stopped)
            }
        }

        /// From what mpirun said and the rank printed: no rank left a record.
        private init(mpirun facts: Facts) {
            guard let rank = facts.messages.rank, let ending = facts.messages.ending else {
                self.init(unnamed: facts)
                return
            }
            let (who, place, last) = Self.words(rank, facts)
            switch ending {
            case .signal(let number):
                self.init(
                    rank: rank, text: "\(who) was killed\(facts.killer(number))\(place); \(facts.remedy(number))",
                    exitCode: ExitCode.stoppedEarly.rawValue)
            case .exit(ExitCode.stoppedEarly.rawValue):
                self.init(resumable: facts, named: rank)
            case .exit(let code), .abort(let code):
                self.init(
                    rank: rank, text: "\(who) ended with exit code \(code)\(place): \(last)",
                    exitCode: code & 0xff == 0 ? ExitCode.failed.rawValue : code & 0xff)
            case .improper:
                self.init(
                    rank: rank, text: "\(who) left the job before the others without an error\(place): \(last)",
                    exitCode: facts.end.status)
            }
        }

        /// A rank by name and host, where it was, and its error, else its last line.
        private static func words(_ rank: Int, _ facts: Facts) -> (who: String, place: String, last: String) {
            let said = facts.output.errorLines(of: .rank(rank)).first.map { String($0.dropFirst("error: ".count)) }
            return (
                facts.name(ofRank: rank), facts.place(ofRank: rank).map { " \($0)" } ?? "",
                said ?? facts.output.lastLines(of: .rank(rank)).last ?? "it printed nothing"
            )
        }

        /// A rank ended as one of a run that can be resumed, without a record: it said why, or somebody else than the launcher
        /// sent the ranks a signal.
        private init(resumable facts: Facts, named: Int) {
            let code = ExitCode.stoppedEarly.rawValue
            guard let rank = facts.rankWithError(insteadOf: named) else {
                self.init(
                    rank: nil,
                    text: "the ranks were stopped by a signal, after saving; start the same command again to go on",
                    exitCode: code)
                wasAskedFor = true
                return
            }
            let (who, place, last) = Self.words(rank, facts)
            self.init(rank: rank, text: "\(who) ended with exit code \(code)\(place): \(last)", exitCode: code)
        }

        /// A host does not answer any more; its ranks are named by what they published.
        private init(lostHost facts: Facts) {
            let hosts = facts.messages.lostHosts
            let ranks = facts.statuses.filter { status in
                hosts.contains { MachineDescription.isSameHost($0, status.host) }
            }
            let names = hosts.isEmpty ? "a host of the job" : "host \(hosts.joined(separator: ", "))"
            let lost = ranks.map { "rank \($0.rank) \(FailureReport.place($0.phase, $0.step))" }.prefix(8)
            let list = lost.isEmpty ? "" : " with \(lost.joined(separator: ", "))"
            let said = facts.messages.firstSentence.map { ": \($0)" } ?? ""
            self.init(
                rank: ranks.first?.rank, text: "\(names) was lost\(list)\(said)",
                exitCode: ExitCode.stoppedEarly.rawValue)
        }

        /// No rank is named: mpirun itself failed or was killed.
        private init(unnamed facts: Facts) {
            let said = facts.messages.firstSentence.map { ": \($0)" } ?? ""
            let status = facts.end.status
            if facts.end.wasKilled {
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
