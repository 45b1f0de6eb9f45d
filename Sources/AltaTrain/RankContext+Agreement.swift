import AltaComm
import AltaCore
import AltaModel
import AltaTensor
import Foundation

extension RankContext {
    /// Refuses a job whose ranks do not agree on what they run. Collective.
    public func checkSame(
        _ what: String, _ text: String, remedy: String, exitCode: ExitCode = .failed
    ) throws {
        let texts = try collectives.allGather(text)
        guard let other = texts.firstIndex(where: { $0 != texts[0] }) else { return }
        throw AgreedFailure(
            error: AltaError(
                "ranks have different \(what)", why: "rank \(other) differs from rank 0", remedy: remedy, rank: other,
                exitCode: exitCode),
            reportingRank: other)
    }

    /// Refuses a job whose ranks were given different configurations, and names the keys. Collective.
    func checkSameConfiguration(_ config: RunConfig) throws {
        try checkSame(
            "configurations", config.resolvedJSON(),
            remedy: "start every rank with the same file and the same --set")
    }

    /// Refuses a job whose ranks were given different options of one command, and names them. Collective.
    ///
    /// Options that say how much is exchanged must be alike, or ranks wait for one another for ever.
    public func checkSameOptions(_ parsed: ParsedArguments) throws {
        var given = JSONObject()
        for option in parsed.command.options {
            given[option.names[0]] = .array(parsed.values(option.names[0]).map(JSONValue.string))
        }
        try checkSame("options", .object(given), remedy: "start every rank with the same options", exitCode: .usage)
    }

    /// Refuses a job whose ranks run different builds. Collective.
    ///
    /// A file is read by one of the ranks that run it on a host.
    public func checkSameProgram() throws {
        let program = try agree { try RunningProgram.current() }
        let files = try collectives.allGather("\(collectives.hostName) \(program.identity)")
        let readers = files.map { files.firstIndex(of: $0) ?? 0 }
        let isReader = readers[collectives.rank] == collectives.rank
        let hashes = try collectives.allGather(try agree { isReader ? try program.contentHash() : "" })
        try checkSame(
            "programs", hashes[readers[collectives.rank]], remedy: "start the same build of alta-worker on every host")
    }

    private func checkSame(
        _ what: String, _ value: JSONValue, remedy: String, exitCode: ExitCode = .failed
    ) throws {
        let texts = try collectives.allGather(try value.text(sortedKeys: true))
        guard let other = texts.firstIndex(where: { $0 != texts[0] }) else { return }
        let values = try [0, other].map { try JSONValue(parsing: texts[$0]) }
        let keys = RankContext.differingKeys(values[0], values[1])
        throw AgreedFailure(
            error: AltaError(
                "ranks have different \(what)",
                why: "rank \(other) differs from rank 0 in \(keys.joined(separator: ", "))",
                remedy: remedy, rank: other, exitCode: exitCode),
            reportingRank: other)
    }

    /// The keys with dots under which two objects of the same keys differ.
    static func differingKeys(_ one: JSONValue, _ other: JSONValue) -> [String] {
        (one.object?.members ?? []).flatMap { member -> [String] in
            guard let value = other[member.key], value != member.value else { return [] }
            guard member.value.object != nil, value.object != nil else { return [member.key] }
            return differingKeys(member.value, value).map { "\(member.key).\($0)" }
        }
    }

    /// Order-free sums give the same bits only where a row of a product does not depend on the rows beside it, and where all
    /// ranks compute with the same kernels. Each rank tries the shapes that its model has. Collective.
    ///
    /// - Throws: on every rank, where the configuration asks for `deterministic` and a rank's engine cannot; where it is
    ///   only the default, the run goes on and says so.
    func checkDeterminism(_ config: RunConfig, weights: ModelWeights, notice: (String) -> Void) throws {
        guard config.isDeterministic else { return }
        let isAble =
            engine.checkRowIndependence() && weights.packedOfEachShape().allSatisfy(engine.checkRowIndependence)
        let able = try collectives.allGather(Int32(isAble ? 1 : 0))
        let kernels = try collectives.allGather(engine.kernelFingerprint)
        if let rank = able.firstIndex(of: 0) {
            try giveUpDeterminism(
                config, rank: rank, why: "on rank \(rank) a row of a product depends on the rows beside it",
                remedy: "use machines with AVX-512, or leave `deterministic` out", notice: notice)
        }
        if let rank = kernels.firstIndex(where: { $0 != kernels[0] }) {
            try giveUpDeterminism(
                config, rank: rank, why: "rank \(rank) computes with other kernels than rank 0 (\(kernels[rank]))",
                remedy: "use processors of one kind and one version of oneDNN, or leave `deterministic` out",
                notice: notice)
        }
    }

    /// Tells where a run that keeps its bits goes on with kernels that the checkpoint's steps were not computed with.
    func compareKernels(with checkpoint: Checkpoint, _ config: RunConfig, notice: (String) -> Void) {
        guard isFirst, config.isDeterministic, let before = checkpoint.kernels else { return }
        let now = engine.kernelFingerprint
        guard now != before else { return }
        let parts = [before, now].map { $0.components(separatedBy: "; ") }
        let differing = zip(parts[0], parts[1]).filter { $0 != $1 }.map { "\($0), now \($1)" }
        notice(
            "note: the last bits may not be those of a run that was never stopped: the checkpoint was computed with other "
                + "kernels (\(differing.joined(separator: "; ")))")
    }

    private func giveUpDeterminism(
        _ config: RunConfig, rank: Int, why: String, remedy: String, notice: (String) -> Void
    ) throws {
        guard config.deterministic == true else {
            if isFirst { notice("note: another rank count or micro-batch may give other last bits: \(why)") }
            return
        }
        throw AgreedFailure(
            error: AltaError("deterministic cannot be kept", why: why, remedy: remedy, rank: rank), reportingRank: rank)
    }

    /// Refuses a model whose weights, with what training keeps of each, do not fit into this rank's memory: a slip in a
    /// width would else fill it.
    ///
    /// - Parameter training: the run; nil: nothing is trained.
    func checkFits(_ plan: MemoryPlan, training: RunConfig?) throws {
        let needed = plan.weightBytes(training: training, sharingRanks: neighbours.own.count)
        guard needed > Double(availableBytes) else { return }
        throw AltaError(
            "the model does not fit in memory",
            why:
                "its weights\(training == nil ? "" : " and their optimizer") take \(Int(min(needed, 0x1p62)) >> 20) MiB of it, "
                + "this rank may count on \(availableBytes >> 20) MiB",
            remedy: "choose a smaller model, or fewer ranks on this machine")
    }
}

extension ModelWeights {
    /// One packed weight of each shape that the model multiplies with. Adapters that begin with zeros are left out: nothing
    /// could differ, and `checkRowIndependence()` tries widths like theirs.
    fileprivate func packedOfEachShape() -> [PackedMatrix] {
        var found: [[Int]: PackedMatrix] = [:]
        for spec in catalog.specs where spec.isPacked {
            let weight = self[spec.name]
            if let trainable = weight.trainable, trainable.value.elements.allSatisfy({ $0 == 0 }) { continue }
            found[[spec.rows, spec.columns]] = found[[spec.rows, spec.columns]] ?? weight.packed
        }
        return Array(found.values)
    }
}
