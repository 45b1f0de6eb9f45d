import AltaComm
import AltaCore
import AltaData

/// Whether the radiographs that tables name are there: on rank 0's host all of them, its ranks each a part; on other hosts
/// a sample, since a million questions to a shared file system are enough once.
package struct ImageCheck {
    static let name = "images"
    /// Studies that a host beside rank 0's looks at.
    static let sampleCount = 1000

    let collectives: any Collectives
    /// The host of each rank.
    let hosts: [String]
    /// How long a rank looks.
    var limitSeconds = 6.0

    /// What a rank looked at.
    package struct Looked: Codable, Equatable {
        var studies: Int
        var isAll: Bool

        /// Stores what was looked at, and whether that was all there was to.
        package init(studies: Int, isAll: Bool) {
            self.studies = studies
            self.isAll = isAll
        }
    }

    /// Collective.
    /// - Parameter sources: the same on every rank; packs need no radiographs.
    func run(_ sources: [StudySource]) throws -> [CheckFinding] {
        let rows = sources.map { source in
            if case .packed = source { return [Int]() }
            return ImageCheck.rows(source.count, rank: collectives.rank, hosts: hosts)
        }
        let reports = try RankReports<Looked>.gather(collectives, hosts: hosts) {
            let limit = ContinuousClock.now + .seconds(limitSeconds)
            var looked = Looked(studies: 0, isAll: true)
            for (source, rows) in zip(sources, rows) {
                for row in rows {
                    guard ContinuousClock.now < limit else {
                        looked.isAll = false
                        break
                    }
                    try source.checkFilesExist(rows: row..<row + 1)
                    looked.studies += 1
                }
            }
            return looked
        }
        let tables = sources.filter { if case .table = $0 { true } else { false } }
        return ImageCheck.judge(reports, total: tables.reduce(0) { $0 + $1.count })
    }

    /// What the ranks looked at together.
    package static func judge(_ reports: RankReports<Looked>, total: Int) -> [CheckFinding] {
        let failures = reports.failures(
            name, remedy: "correct the path, or set data.image_root to the folder that relative paths start from")
        guard failures.isEmpty, let first = reports.hosts.first else { return failures }
        guard total > 0 else { return [.ok(name, "in a pack")] }
        let own = reports.hosts.indices.filter { reports.hosts[$0] == first }
        let looked = own.compactMap { reports.facts[$0] }
        let studies = looked.reduce(0) { $0 + $1.studies }
        let others = Set(reports.hosts).count - 1
        let sample = others > 0 ? ", and of \(min(sampleCount, total)) on each of \(others) other host(s)" : ""
        guard looked.allSatisfy(\.isAll) else {
            return [
                .note(
                    name,
                    "those of \(studies) of \(total) studies are there; there was no time for the others\(sample)",
                    remedy: "the run looks at all of them when it starts")
            ]
        }
        return [.ok(name, "those of all \(total) studies are there\(sample)")]
    }

    /// The rows of a table that a rank looks at.
    package static func rows(_ count: Int, rank: Int, hosts: [String]) -> [Int] {
        let own = hosts.indices.filter { hosts[$0] == hosts[rank] }
        let place = own.firstIndex(of: rank) ?? 0
        if hosts[rank] == hosts[0] { return Array(stride(from: place, to: count, by: own.count)) }
        let sample = min(count, sampleCount)
        return stride(from: place, to: sample, by: own.count).map { $0 * count / sample }
    }
}
