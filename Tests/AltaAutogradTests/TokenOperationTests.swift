import AltaAutograd
import AltaCore
import AltaTensor
import Testing

/// The inputs of the three transformers, with every table trainable; and with all of them frozen.
struct TokenOperationTests {
    private let width = 4
    private let arena = Arena()

    // MARK: - Vision

    /// Two studies of four views: some absent, of different numbers of visible patches, one with its CLS alone.
    private var layout: VisionLayout {
        let patches = [[2, 0], [1, 2], [0, 1], [2], [1], [], [1, 0, 2], [0, 2]]
        let absent: Set = [1, 3, 7]
        var row = 0
        let views = patches.enumerated().map { index, patches in
            let isAbsent = absent.contains(index)
            defer { row += isAbsent ? 0 : patches.count }
            return ViewTokens(
                view: View.allCases[index % 4], patches: patches, firstPatchRow: isAbsent ? nil : row)
        }
        return VisionLayout(views: views, viewsPerStudy: 4)
    }
    /// The patches with pixels: 2 + 2 of the first study, 1 + 0 + 3 of the second.
    private let patchStudies = Segments(lengths: [4, 4])

    @Test func visionTokens() throws {
        let weights = try ProgramWeights()
        let patches = weights.input("patches", 8, width)
        let tables = VisionTokenWeights(
            classToken: weights.trainable("class", 1, width), positions: weights.trainable("positions", 4, width),
            temporal: weights.trainable("temporal", 2, width), view: weights.trainable("view", 2, width),
            missing: weights.trainable("missing", 3, width))
        let check = GradientCheck(weights: weights) { [layout, patchStudies] tape in
            let embedded = patches.variable(on: tape, studies: patchStudies)
            return Outcome(outputs: [tape.visionTokens(embedded, layout: layout, weights: tables)])
        }
        #expect(agree(check.firstOutput(arena), naiveVisionTokens(patches.matrix(arena), layout, tables)))
        check.verify()
    }

    /// One radiograph a study and no place embeddings, as in pretraining.
    @Test func visionTokensOfOneView() throws {
        let weights = try ProgramWeights()
        let patches = weights.input("patches", 5, width)
        let tables = VisionTokenWeights(
            classToken: weights.trainable("class", 1, width), positions: weights.trainable("positions", 4, width),
            temporal: nil, view: nil, missing: nil)
        let views = [([2, 0], 0), ([1, 0, 2], 2)].map {
            ViewTokens(view: .currentFrontal, patches: $0.0, firstPatchRow: $0.1)
        }
        let layout = VisionLayout(views: views, viewsPerStudy: 1)
        let check = GradientCheck(weights: weights) { tape in
            let embedded = patches.variable(on: tape, studies: Segments(lengths: [2, 3]))
            return Outcome(outputs: [tape.visionTokens(embedded, layout: layout, weights: tables)])
        }
        #expect(agree(check.firstOutput(arena), naiveVisionTokens(patches.matrix(arena), layout, tables)))
        check.verify()
    }

    /// `ALTA.tokens` of the reference, token by token.
    private func naiveVisionTokens(_ patches: Matrix, _ layout: VisionLayout, _ tables: VisionTokenWeights) -> Matrix {
        var tokens: [[Float]] = []
        for view in layout.views {
            let isCurrent = view.view == .currentFrontal || view.view == .currentAuxiliary
            let isFrontal = view.view == .currentFrontal || view.view == .priorFrontal
            let nothing = [Float](repeating: 0, count: width)
            let place = add(
                tables.temporal.map { row($0.value, isCurrent ? 0 : 1) } ?? nothing,
                tables.view.map { row($0.value, isFrontal ? 0 : 1) } ?? nothing)
            tokens.append(add(add(row(tables.classToken.value, 0), row(tables.positions.value, 0)), place))
            for (offset, patch) in view.patches.enumerated() {
                let source =
                    view.firstPatchRow.map { row(patches, $0 + offset) } ?? tables.missing.map { row($0.value, patch) }
                    ?? []
                tokens.append(add(add(source, row(tables.positions.value, patch + 1)), place))
            }
        }
        return matrix(tokens)
    }

    // MARK: - Text

    /// Sequences of two studies and of one without a token; the word 3 comes four times, the word 5 never.
    private let ids: [Int32] = [1, 3, 3, 1, 0, 4, 3, 2, 3]
    private let sequences = Segments(lengths: [3, 1, 0, 0, 2, 3])

    @Test func textTokens() throws {
        let weights = try ProgramWeights()
        let tables = TextTokenWeights(
            words: weights.trainable("words", 6, width, packed: true),
            positions: weights.trainable("positions", 5, width), types: weights.trainable("types", 2, width))
        let check = GradientCheck(weights: weights) { [ids, sequences] tape in
            Outcome(outputs: [
                tape.textTokens(ids, sequences: sequences, studies: sequences.grouped(by: 2), weights: tables)
            ])
        }
        let expected = (0..<sequences.count).flatMap { sequence in
            sequences[sequence].enumerated().map { position, token in
                add(
                    add(row(tables.words.value, Int(ids[token])), row(tables.positions.value, position)),
                    row(tables.types.value, 0))
            }
        }
        #expect(agree(check.firstOutput(arena), matrix(expected)))
        check.verify()
    }

    // MARK: - Decoder

    /// Three studies, of which one sees no patch and one sees all.
    private let visible = [[2, 0], [], [1, 3, 0, 2]]
    private let latentStudies = Segments(lengths: [3, 1, 5])

    @Test func decoderTokens() throws {
        let weights = try ProgramWeights()
        let latent = weights.input("latent", 9, width)
        let (mask, positions) = (weights.trainable("mask", 1, width), weights.trainable("positions", 5, width))
        let check = GradientCheck(weights: weights) { [visible, latentStudies] tape in
            let x = latent.variable(on: tape, studies: latentStudies)
            return Outcome(outputs: [
                tape.decoderTokens(x, visible: visible, patches: 4, maskToken: mask, positions: positions)
            ])
        }
        let source = latent.matrix(arena)
        let expected = visible.enumerated().flatMap { study, patches in
            (0..<5).map { token in
                let place = token == 0 ? 0 : patches.firstIndex(of: token - 1).map { $0 + 1 }
                let from = place.map { row(source, latentStudies[study].lowerBound + $0) }
                return add(from ?? row(mask.value, 0), row(positions.value, token))
            }
        }
        #expect(agree(check.firstOutput(arena), matrix(expected)))
        check.verify()
    }

    // MARK: - Rows of plain numbers

    private func row(_ matrix: Matrix, _ index: Int) -> [Float] { matrix.rows(index..<index + 1).toArray() }

    private func add(_ a: [Float], _ b: [Float]) -> [Float] { zip(a, b).map { $0 + $1 } }

    private func matrix(_ rows: [[Float]]) -> Matrix {
        let matrix = arena.matrix(rows.count, width)
        matrix.copy(from: rows.flatMap { $0 })
        return matrix
    }
}
