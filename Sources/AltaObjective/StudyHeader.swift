import AltaComm
import AltaCore
import AltaTensor

/// What ranks tell each other of a study before they exchange its embeddings.
struct StudyHeader {
    /// Its global position.
    let position: Int
    /// The words of its report.
    let words: Int
    /// Its patches.
    let patches: Int
    /// Which of its embeddings are not finite.
    let notFinite: EmbeddingKinds

    private static let fields = 4

    /// Every rank's studies, in their order there: `[R][b]`. Collective.
    static func exchange(_ own: LocalEmbeddings, _ collectives: any Collectives) throws -> [[StudyHeader]] {
        let mine = own.positions.indices.flatMap { fieldValues(own, $0) }
        return try collectives.allGather(mine).map { (numbers: [Int64]) -> [StudyHeader] in
            stride(from: 0, to: numbers.count, by: fields).map {
                StudyHeader(numbers[$0..<$0 + fields].map { Int($0) })
            }
        }
    }

    private static func fieldValues(_ own: LocalEmbeddings, _ index: Int) -> [Int64] {
        let faults = EmbeddingKinds.notFinite(in: own, index)
        return [own.positions[index], own.wordSegments[index].count, own.patchesPerStudy, faults.rawValue].map(
            Int64.init)
    }

    /// Why the losses are not defined for this study, if so; other studies have `patches` patches.
    private func fault(patches others: Int) -> String? {
        if words < 1 { return "its report has no words" }
        return patches != others || patches < 1 ? "it has \(patches) patches, others have \(others)" : nil
    }

    private init(_ fields: [Int]) {
        position = fields[0]
        words = fields[1]
        patches = fields[2]
        notFinite = EmbeddingKinds(rawValue: fields[3])
    }

    /// Throws, on every rank the same, unless the shares are a partition of 0..<B that the losses are defined for, with
    /// finite embeddings: `UndefinedLosses`, `NotFiniteNumber`.
    static func check(_ headers: [[StudyHeader]], globalBatch: Int) throws {
        let positions = headers.joined().map(\.position).sorted()
        guard !positions.isEmpty, positions == Array(0..<positions.count), positions.count == globalBatch else {
            throw UndefinedLosses(
                AltaError(
                    "the ranks' studies are no partition of a global batch of \(globalBatch)",
                    why: "their positions are \(positions)", remedy: "report this as a defect of the batch plan"))
        }
        let patches = headers.joined().first?.patches ?? 0
        let studies = headers.enumerated().flatMap { rank, studies in studies.map { (rank: rank, study: $0) } }
            .sorted { $0.study.position < $1.study.position }
        for (rank, study) in studies {
            if let fault = study.fault(patches: patches) {
                throw UndefinedLosses(
                    AltaError(
                        "the contrastive losses are not defined for the study at position \(study.position) of the "
                            + "global batch", why: fault, remedy: "see its row of the data", rank: rank))
            }
            guard !study.notFinite.isEmpty else { continue }
            throw NotFiniteNumber(
                "what the \(study.notFinite.losses) reads", why: "the study's \(study.notFinite.names)",
                position: study.position, rank: rank)
        }
    }
}

/// Kinds of embeddings of a study.
struct EmbeddingKinds: OptionSet {
    let rawValue: Int
    static let imageGlobal = EmbeddingKinds(rawValue: 1)
    static let textGlobal = EmbeddingKinds(rawValue: 2)
    static let patches = EmbeddingKinds(rawValue: 4)
    static let words = EmbeddingKinds(rawValue: 8)

    /// The kinds that hold a NaN or an infinity in this rank's study `index`.
    static func notFinite(in own: LocalEmbeddings, _ index: Int) -> EmbeddingKinds {
        var kinds: EmbeddingKinds = []
        let candidates: [(EmbeddingKinds, Matrix)] = [
            (.imageGlobal, own.imageGlobal.rows(index..<index + 1)),
            (.textGlobal, own.textGlobal.rows(index..<index + 1)),
            (.patches, own.patches(of: index)), (.words, own.words.rows(own.wordSegments[index])),
        ]
        for (kind, numbers) in candidates where !VectorLoops.allFinite(numbers.base, count: numbers.count) {
            kinds.insert(kind)
        }
        return kinds
    }

    /// The losses that read them, for messages.
    var losses: String {
        let reads = (
            global: !isDisjoint(with: [.imageGlobal, .textGlobal]), local: !isDisjoint(with: [.patches, .words])
        )
        if reads.global && reads.local { return "global and the local contrastive loss" }
        return reads.global ? "global contrastive loss" : "local contrastive loss"
    }

    /// For messages.
    var names: String {
        let all: [(EmbeddingKinds, String)] = [
            (.imageGlobal, "study vector"), (.textGlobal, "report vector"), (.patches, "patch embeddings"),
            (.words, "word embeddings"),
        ]
        return all.filter { contains($0.0) }.map(\.1).joined(separator: ", ")
    }
}
