import AltaCore

/// Whether all ranks run the same program with the same libraries.
package enum VersionCheck {
    static let name = "versions"

    /// - Parameter needsEqualKernels: whether the configuration asks for `deterministic` by itself, and a run refuses to
    ///   start with different kernels; else it goes on, and last bits may differ between ranks.
    package static func judge(_ reports: RankReports<MachineFacts>, needsEqualKernels: Bool) -> [CheckFinding] {
        var findings: [CheckFinding] = []
        let programs = reports.differing(\.program)
        if !programs.isEmpty {
            findings.append(
                .failed(
                    name, "\(list(programs, reports)): another alta-worker than rank 0's",
                    remedy: "copy one build to every host, or install it in a folder that all of them share"))
        }
        let libraries = reports.differing(\.library)
        if let rank = libraries.first, let facts = reports.facts[rank], let first = reports.facts[0] {
            findings.append(
                .failed(
                    name, "\(short(facts.library)) on \(list(libraries, reports)), \(short(first.library)) on rank 0",
                    remedy: "install one version of MPI on every host, or load the same module"))
        }
        findings += kernels(reports, needsEqualKernels: needsEqualKernels)
        if findings.isEmpty, let facts = reports.facts.first ?? nil { findings.append(equal(facts, reports)) }
        return findings
    }

    private static func kernels(
        _ reports: RankReports<MachineFacts>, needsEqualKernels: Bool
    ) -> [CheckFinding] {
        let others = reports.differing(\.kernels)
        guard let rank = others.first, let facts = reports.facts[rank], let first = reports.facts[0] else { return [] }
        let parts = [facts.kernels, first.kernels].map { $0.components(separatedBy: "; ") }
        let differing = zip(parts[0], parts[1]).filter { $0 != $1 }.map { "\($0), rank 0 \($1)" }
        let text = "\(list(others, reports)): other kernels than rank 0's (\(differing.joined(separator: "; ")))"
        let remedy = "use processors of one kind and one version of oneDNN on every host"
        return [
            needsEqualKernels
                ? .failed(name, text, remedy: "\(remedy), or leave `deterministic` out")
                : .note(name, "\(text), so the last bits then depend on who computes what", remedy: remedy)
        ]
    }

    private static func equal(_ facts: MachineFacts, _ reports: RankReports<MachineFacts>) -> CheckFinding {
        let engine = facts.kernels.components(separatedBy: "; ").first { $0.hasPrefix("oneDNN") } ?? "oneDNN"
        let ranks = reports.hosts.count
        return .ok(
            name,
            "alta-worker \(facts.program), \(short(facts.library)), \(engine)"
                + (ranks > 1 ? ", the same on all \(ranks) ranks" : ""),
            values: [
                "program_hash": .string(facts.program), "mpi": .string(facts.library),
                "kernels": .string(facts.kernels),
            ])
    }

    private static func list(_ ranks: [Int], _ reports: RankReports<MachineFacts>) -> String {
        RankList.text(ranks, hosts: reports.hosts)
    }

    /// The name and number alone: a library's own words fill lines.
    private static func short(_ library: String) -> String {
        String(library.prefix { $0 != "," }.prefix(60))
    }
}
