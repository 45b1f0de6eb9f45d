import AltaAutograd
import AltaCore
import AltaData
import AltaTensor

/// A micro-batch as packed matrices.
struct ModelBatch {
    /// The studies, in order.
    let studies: [PreparedStudy]
    /// How the visible patches form radiographs and studies.
    let vision: VisionLayout
    /// How many radiographs, absent ones among them, the stage sees of a study.
    let viewsPerStudy: Int
    /// How many visible patches each study has pixels of: absent radiographs have none.
    let patchStudies: Segments
    /// Visible patches of a view.
    let kept: Int

    /// The layout of these studies, as far as the stage sees them.
    static func make(_ studies: [PreparedStudy], config: ModelConfig) -> ModelBatch {
        let seen = config.stage.views
        var views: [ViewTokens] = []
        var counts: [Int] = []
        var row = 0
        for study in studies {
            let start = row
            for view in seen {
                let visible = Array(study.patchOrders[view.rawValue].prefix(config.kept))
                let isPresent = study.views[view.rawValue] != nil
                views.append(ViewTokens(view: view, patches: visible, firstPatchRow: isPresent ? row : nil))
                row += isPresent ? config.kept : 0
            }
            counts.append(row - start)
        }
        return ModelBatch(
            studies: studies, vision: VisionLayout(views: views, viewsPerStudy: seen.count),
            viewsPerStudy: seen.count, patchStudies: Segments(lengths: counts), kept: config.kept)
    }

    /// The pixels of the visible patches, `[visible, 3 patch²]`.
    func encoderPatches(_ config: ModelConfig, arena: Arena) -> Matrix {
        let matrix = arena.matrix(patchStudies.rows, config.patchElements)
        for (index, tokens) in vision.views.enumerated() {
            let image = studies[index / viewsPerStudy].views[tokens.view.rawValue]
            guard let first = tokens.firstPatchRow, let image else { continue }
            for (offset, patch) in tokens.patches.enumerated() {
                image.copyEncoderPatch(
                    row: patch / config.grid, column: patch % config.grid, side: config.patchSize,
                    into: matrix.row(first + offset))
            }
        }
        return matrix
    }

    /// Where the rows of each radiograph come from: those of an absent one from the block of its view, where there is one.
    func sources(_ absent: SharedRows) -> [RowSource] {
        vision.views.indices.map { index in
            let tokens = vision.views[index]
            let slot = AbsentViewEncoder.views.firstIndex(of: tokens.view)
            guard tokens.firstPatchRow == nil, let slot, absent.blocks[slot] != nil else {
                return .own(count: vision.sequences[index].count)
            }
            return .shared(slot: slot)
        }
    }

    /// The layout of the radiographs that no block stands for.
    func ownVision(_ sources: [RowSource]) -> VisionLayout {
        func isOwn(_ index: Int) -> Bool {
            if case .own = sources[index] { true } else { false }
        }
        let starts = stride(from: 0, to: sources.count, by: viewsPerStudy)
        return VisionLayout(
            views: vision.views.indices.filter(isOwn).map { vision.views[$0] },
            viewCounts: starts.map { ($0..<$0 + viewsPerStudy).count(where: isOwn) })
    }

    /// Each study's visible patches of the current frontal view.
    var visible: [[Int]] { studies.map { Array($0.patchOrders[0].prefix(kept)) } }

    /// Each study's hidden patches of the current frontal view.
    var hidden: [[Int]] { studies.map { Array($0.patchOrders[0].dropFirst(kept)) } }

    /// The pixels of the hidden patches at twice the resolution, `[hidden, 3 (2 patch)²]`, as they are.
    func targetPatches(_ config: ModelConfig, arena: Arena) -> Matrix {
        let matrix = arena.matrix(hidden.reduce(0) { $0 + $1.count }, config.targetElements)
        var row = 0
        for (study, patches) in zip(studies, hidden) {
            for patch in patches {
                study.large.copyTargetPatch(
                    row: patch / config.grid, column: patch % config.grid, side: 2 * config.patchSize,
                    into: matrix.row(row))
                row += 1
            }
        }
        return matrix
    }
}
