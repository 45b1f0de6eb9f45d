import AltaComm
import AltaCore
import AltaData
import AltaModel

/// The configuration of a run, and what it names, opened by every rank as a run does.
package struct ConfigurationCheck {
    static let configuration = "configuration"
    static let data = "data"
    static let pretrained = "pretrained"

    let context: RankContext
    /// The host of each rank.
    let hosts: [String]

    /// What a run would begin with.
    struct Opened {
        /// The configuration with what follows from the data and the pretrained files.
        var config: RunConfig
        var pretrained: Pretrained
        /// Studies to train on; nil: their table could not be opened.
        var training: StudySource?
        var validation: StudySource?
    }

    /// Facts of the data on one rank.
    private struct DataFacts: Codable, Equatable {
        var hash: String
        var vocabularyHash: String
        var validationHash: String?
        var studies: Int
        var validationStudies: Int?
        var vocabulary: Int
        var notices: [String]
    }

    /// Opens everything. Collective.
    ///
    /// - Parameter requested: this rank's configuration, or why it has none.
    /// - Returns: what was opened, as far as every rank could open it.
    func open(
        _ requested: Result<RunConfig, any Error>, _ emit: ([CheckFinding]) -> Void
    ) throws -> Opened? {
        let texts = try RankReports<String>.gather(context.collectives, hosts: hosts) {
            try requested.get().resolvedJSON().text(sortedKeys: true)
        }
        let findings = try ConfigurationCheck.judge(texts)
        emit(findings)
        guard !findings.contains(where: { $0.verdict == .failed }), case .success(let config) = requested else {
            emit([.note(ConfigurationCheck.data, "not looked at: the configuration comes first")])
            return nil
        }
        var opened: Opened?
        var notes: [CheckFinding] = []
        let reports = try RankReports<Bool>.gather(context.collectives, hosts: hosts) {
            let pretrained = try Pretrained.open(config, progress: context.clock.noteProgress) {
                notes.append(.note(ConfigurationCheck.pretrained, $0))
            }
            opened = Opened(config: try pretrained.complete(config) { _ in }, pretrained: pretrained)
            return true
        }
        guard reports.all != nil, var opened else {
            emit(reports.failures(ConfigurationCheck.pretrained, remedy: "correct the path, on every host"))
            emit([.note(ConfigurationCheck.data, "not looked at: the pretrained files come first")])
            return nil
        }
        emit(notes)
        emit(try openData(&opened))
        emit(try checkPretrained(opened))
        return opened
    }

    /// Ranks with the configuration of rank 0, or which ones have another and in what.
    package static func judge(_ reports: RankReports<String>) throws -> [CheckFinding] {
        let failures = reports.failures(configuration, remedy: "correct it; see alta-worker align --help")
        let others = reports.differing { $0 }.filter { reports.facts[$0] != nil }
        guard let rank = others.first, let first = reports.facts[0], let other = reports.facts[rank] else {
            return failures.isEmpty
                ? [.ok(configuration, "valid" + (reports.hosts.count > 1 ? ", the same on every rank" : ""))] : failures
        }
        let keys = RankContext.differingKeys(try JSONValue(parsing: first), try JSONValue(parsing: other))
        return failures + [
            .failed(
                configuration,
                "\(RankList.text(others, hosts: reports.hosts)): not that of rank 0 in \(keys.joined(separator: ", "))",
                remedy: "start every rank with the same file and the same --set")
        ]
    }

    /// The tables and the vocabulary. Collective.
    private func openData(_ opened: inout Opened) throws -> [CheckFinding] {
        let (config, files) = (opened.config, opened.pretrained)
        var found = opened
        let reports = try RankReports<DataFacts>.gather(context.collectives, hosts: hosts) {
            guard let path = config.trainPath else {
                throw AltaError(
                    "data.train is not set", remedy: "give the CSV of the studies to train on, or a pack of it")
            }
            let data = try TrainingData.open(config, studies: path, trains: true, pretrained: files)
            found.training = data.preparer.source
            found.config.model = data.config
            found.validation = try config.validationPath.map { path in
                let recipe = data.preparer.source.recipe
                let source = try StudySource.open(path, imageRoot: config.imageRoot, recipe: recipe)
                try source.check(
                    imageSize: data.config.imageSize, dicomScaling: config.dicomScaling,
                    vocabularyHash: data.vocabularyHash, trains: false)
                return source
            }
            _ = try BatchPlan(
                costs: data.costs, globalBatch: config.globalBatch, seed: config.seed,
                rankCount: context.collectives.rankCount)
            return DataFacts(
                hash: data.hash, vocabularyHash: data.vocabularyHash,
                validationHash: found.validation?.contentHash, studies: data.costs.count,
                validationStudies: found.validation?.count, vocabulary: data.config.vocabulary,
                notices: config.batchNotices(studies: data.costs.count))
        }
        guard reports.all != nil else {
            return reports.failures(ConfigurationCheck.data, remedy: "correct the path, on every host")
        }
        opened = found
        return judge(reports)
    }

    private func judge(_ reports: RankReports<DataFacts>) -> [CheckFinding] {
        let parts: [(String, [Int])] = [
            ("data.train", reports.differing(\.hash)), ("data.vocabulary", reports.differing(\.vocabularyHash)),
            ("data.validation", reports.differing(\.validationHash)),
        ]
        let differing = parts.filter { !$0.1.isEmpty }.map { key, ranks in
            CheckFinding.failed(
                ConfigurationCheck.data,
                "\(RankList.text(ranks, hosts: hosts)): another file for \(key) than rank 0's",
                remedy: "give every host the same file, or put it on a file system that all of them share")
        }
        guard differing.isEmpty, let facts = reports.facts[0] else { return differing }
        let same = hosts.count > 1 ? ", the same on every rank" : ""
        let validation = facts.validationStudies.map { ", \($0) to validate" } ?? ""
        return [
            .ok(
                ConfigurationCheck.data,
                "\(facts.studies) studies\(validation), \(facts.vocabulary) words of vocabulary\(same)",
                values: ["data_hash": .string(facts.hash), "vocabulary_hash": .string(facts.vocabularyHash)])
        ] + facts.notices.map { .note(ConfigurationCheck.data, ConfigurationCheck.withoutLabel($0)) }
    }

    private static func withoutLabel(_ notice: String) -> String {
        for label in ["note: ", "warning: "] where notice.hasPrefix(label) {
            return String(notice.dropFirst(label.count))
        }
        return notice
    }

    /// Names, shapes and numbers of the pretrained files; one rank a host reads them. Collective.
    private func checkPretrained(_ opened: Opened) throws -> [CheckFinding] {
        let name = ConfigurationCheck.pretrained
        guard !opened.pretrained.sources.isEmpty else { return [.ok(name, "none: weights begin at random")] }
        let isLeader = hosts.firstIndex(of: hosts[context.collectives.rank]) == context.collectives.rank
        let reports = try RankReports<[String: String]>.gather(context.collectives, hosts: hosts) {
            guard isLeader else { return [:] }
            if opened.training != nil { _ = try opened.pretrained.weights(opened.config.model, comparesTied: false) }
            return try opened.pretrained.contentHashes()
        }
        let failures = reports.failures(name, remedy: "give the files that belong to the model, on every host")
        guard failures.isEmpty, let hashes = reports.facts[0] else { return failures }
        let others = reports.leaders.filter { reports.facts[$0] != hashes }
        let paths = opened.pretrained.sources.map(\.path).joined(separator: ", ")
        guard others.isEmpty else {
            return [
                .failed(
                    name, "\(RankList.text(others, hosts: hosts)): other weights in \(paths) than rank 0's",
                    remedy: "give every host the same pretrained files")
            ]
        }
        let same = reports.leaders.count > 1 ? ", the same on \(reports.leaders.count) hosts" : ""
        return [.ok(name, paths + same, values: .init(hashes: hashes))]
    }
}

extension JSONObject {
    fileprivate init(hashes: [String: String]) {
        self.init()
        for (side, hash) in hashes.sorted(by: { $0.key < $1.key }) { self["\(side)_hash"] = .string(hash) }
    }
}
