import AltaComm
import AltaCore
import Foundation

/// What each rank found out by itself about one thing, or why it could not; the same on every rank.
package struct RankReports<Facts: Codable> {
    /// The host of each rank, `[R]`.
    package let hosts: [String]
    /// What each rank found, `[R]`; nil where it failed.
    package let facts: [Facts?]
    /// Why a rank has no facts, `[R]`.
    package let errors: [AltaError?]

    /// Stores what ranks told.
    package init(hosts: [String], facts: [Facts?], errors: [AltaError?]) {
        self.hosts = hosts
        self.facts = facts
        self.errors = errors
    }

    /// One report, as it travels.
    private struct Report: Codable {
        var facts: Facts?
        var error: AltaError?
    }

    /// Runs `body`, which is not collective, on every rank and exchanges what came of it. Collective.
    ///
    /// - Throws: `AltaError` where MPI fails; what `body` throws becomes a report.
    package static func gather(
        _ collectives: any Collectives, hosts: [String], _ body: () throws -> Facts
    ) throws -> RankReports<Facts> {
        var own = Report()
        do { own.facts = try body() } catch { own.error = AgreedFailure.describe(error) }
        let texts = try collectives.allGather(encode(own))
        let reports = texts.map { text in
            (try? JSONDecoder().decode(Report.self, from: Data(text.utf8)))
                ?? Report(error: AltaError("a report cannot be read", remedy: "start the same program on every rank"))
        }
        return RankReports(hosts: hosts, facts: reports.map(\.facts), errors: reports.map(\.error))
    }

    private static func encode(_ report: Report) -> String {
        do { return String(decoding: try JSONEncoder().encode(report), as: UTF8.self) } catch {
            return ""
        }
    }

    /// The facts of every rank; nil where one has none.
    var all: [Facts]? {
        let known = facts.compactMap { $0 }
        return known.count == facts.count ? known : nil
    }

    /// The ranks whose facts are not those of rank 0.
    func differing<Value: Equatable>(_ value: (Facts) -> Value) -> [Int] {
        let values = facts.map { $0.map(value) }
        guard let first = values.first else { return [] }
        return values.indices.filter { values[$0] != first }
    }

    /// A failure for each reason that ranks gave, with the ranks and hosts it holds for.
    package func failures(_ check: String, remedy: String) -> [CheckFinding] {
        var order: [AltaError] = []
        var ranks: [String: [Int]] = [:]
        for (rank, error) in errors.enumerated() {
            guard let error else { continue }
            if ranks[error.description] == nil { order.append(error) }
            ranks[error.description, default: []].append(rank)
        }
        return order.map { error in
            var finding = CheckFinding.failed(check, error, remedy: remedy)
            finding.finding += " (\(RankList.text(ranks[error.description] ?? [], hosts: hosts)))"
            return finding
        }
    }

    /// The first rank of each host.
    var leaders: [Int] { hosts.indices.filter { hosts.firstIndex(of: hosts[$0]) == $0 } }
}
