import AltaAutograd
import AltaComm
import AltaCore
import AltaModel
import AltaPlacement
import AltaTensor
import Foundation

/// A model's weights in memory.
struct LoadedWeights {
    let weights: ModelWeights
    /// How many ranks share the frozen ones; 1: this rank has a copy of its own.
    let sharingRanks: Int
}

extension RankContext {
    /// Collective. Loads a model's weights: the frozen ones once for the ranks of a memory node, each of which converts and
    /// packs a part of them; what trains on every rank.
    ///
    /// - Parameters:
    ///   - directions: the products to come; `forward` where nothing is trained.
    ///   - source: the same on every rank.
    ///   - notice: hears on rank 0 where ranks keep a copy each after all.
    /// - Throws: `AgreedFailure` on every rank where a tensor is missing or has another shape on any, or ranks read other
    ///   values from files of the same name.
    func loadWeights(
        _ config: ModelConfig, trainable: TrainableSet, adapterInit: AdapterInit = .zero,
        directions: PackDirections = .both, source: any WeightSource, notice: (String) -> Void = { _ in }
    ) throws -> LoadedWeights {
        let plan = WeightPlan.make(
            config: config, trainable: trainable, adapterInit: adapterInit, directions: directions, engine: engine)
        let loading = WeightLoading(plan: plan, source: source, engine: engine)
        let store = try FrozenStore.open(
            byteCount: plan.frozenByteCount, neighbours: neighbours, collectives: collectives)
        if isFirst { for line in store.fallbacks { notice("note: the frozen weights are not shared: \(line)") } }

        let share = plan.frozenShares(store.ranks.count)[store.place]
        let own = Region(byteCount: plan.ownByteCount)
        let progress = LoadProgress.start(plan, share + plan.trainableIndices, tells: isFirst)
        let (frozen, trained) = try agree {
            (
                try loading.fill(share, of: store.base, loaded: progress.add),
                try loading.fill(plan.trainableIndices, of: own.base, loaded: progress.add)
            )
        }
        try store.seal()

        let facts = try exchange(frozen, plan: plan)
        try checkSame(
            "weights to train", WeightHash.combined(trained.map(\.hash)),
            remedy: "give every host the same pretrained files and checkpoints")
        return LoadedWeights(
            weights: loading.weights(frozen: store.base, owner: store, facts: facts, own: own),
            sharingRanks: store.ranks.count)
    }

    /// Collective. What the processes of all ranks take together now, bytes; what ranks share counts once where the
    /// kernel tells that.
    func totalMemoryBytes() throws -> Int {
        // No rank gives anything back before all have looked, or shares would grow.
        let own = try agree { try (try? ProcessMemory.proportionalBytes()) ?? ProcessMemory.residentBytes() }
        // Ranks that are threads have one process, whose memory counts once.
        let processes = try collectives.allGather("\(collectives.hostName) \(getpid())")
        let isFirstOfProcess = processes.firstIndex(of: processes[collectives.rank]) == collectives.rank
        return Int(try collectives.allReduce(Int64(isFirstOfProcess ? own : 0), .sum))
    }

    /// Collective. The facts of all frozen weights, from the ranks that loaded them: each node has all, so nodes are held
    /// against each other.
    private func exchange(_ own: [WeightLoading.Facts], plan: WeightPlan) throws -> [WeightLoading.Facts] {
        let numbers: [UInt64] = own.flatMap { [UInt64($0.index), $0.hash, $0.isFromFile ? 1 : 0] }
        var found: [Int: (facts: WeightLoading.Facts, rank: Int)] = [:]
        for (rank, numbers) in try collectives.allGather(numbers).enumerated() {
            for start in stride(from: 0, to: numbers.count, by: 3) {
                let facts = WeightLoading.Facts(
                    index: Int(numbers[start]), hash: numbers[start + 1], isFromFile: numbers[start + 2] == 1)
                guard let known = found[facts.index] else {
                    found[facts.index] = (facts, rank)
                    continue
                }
                guard known.facts == facts else {
                    throw differ(plan.places[facts.index].spec.name, known.rank, rank)
                }
            }
        }
        return found.values.map(\.facts)
    }

    private func differ(_ name: String, _ one: Int, _ other: Int) -> AgreedFailure {
        AgreedFailure(
            error: AltaError(
                "ranks have different frozen weights", why: "rank \(other) differs from rank \(one) in \(name)",
                remedy: "give every host the same pretrained files", rank: other),
            reportingRank: other)
    }
}
