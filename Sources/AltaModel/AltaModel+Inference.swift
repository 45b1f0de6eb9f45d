import AltaAutograd
import AltaCore
import AltaData
import AltaTensor

extension AltaModel {
    /// Unit vectors of single current frontal radiographs, unmasked: `[images.count, projection]`.
    ///
    /// Source: `ALTA.encode_frontal` of the reference.
    /// - Parameter images: encoder inputs, `[channels, S, S]` each, normalised.
    public func encodeFrontal(_ images: [PlanarImage], on tape: Tape) -> Matrix {
        let config = weights.config
        let pixels = tape.arena.matrix(images.count * config.patches, config.patchElements)
        for (index, image) in images.enumerated() {
            for patch in 0..<config.patches {
                image.copyEncoderPatch(
                    row: patch / config.grid, column: patch % config.grid, side: config.patchSize,
                    into: pixels.row(index * config.patches + patch))
            }
        }
        let views = images.indices.map { index in
            ViewTokens(
                view: .currentFrontal, patches: Array(0..<config.patches), firstPatchRow: index * config.patches)
        }
        let layout = VisionLayout(views: views, viewsPerStudy: 1)
        let studies = Segments(count: images.count, length: config.patches)
        let seen = vision(tape.constant(pixels, studies: studies), layout: layout, on: tape)
        let classTokens = tape.selectRows(
            seen, layout.classRows, studies: Segments(count: images.count, length: 1))
        return tape.normalizeRows(imageHead(classTokens, on: tape)).value
    }

    /// Unit vectors of reports: `[reports.count, projection]`.
    ///
    /// Source: `ALTA.encode_report` of the reference.
    /// - Parameter reports: tokens with [CLS] and [SEP], not padded.
    public func encodeReports(_ reports: [[Int32]], on tape: Tape) -> Matrix {
        let packed = PackedReports.make(reports, perStudy: 1)
        let read = text(packed, studyVector: nil, dropout: nil, on: tape)
        let classTokens = tape.selectRows(
            read, packed.sequences.offsets.dropLast(), studies: Segments(count: reports.count, length: 1))
        return tape.normalizeRows(reportHead(classTokens, on: tape)).value
    }
}
