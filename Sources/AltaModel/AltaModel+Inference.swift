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
        encode(images.map { [(.currentFrontal, $0)] }, viewsPerStudy: 1, on: tape)
    }

    /// Unit vectors of whole studies, unmasked: `[studies.count, projection]`.
    ///
    /// The mean of the four CLS vectors, absent views included, as in training (`ALTA.embed` of the reference).
    /// - Parameter studies: for each study its four encoder inputs in the order of `View`; nil: absent.
    public func encodeStudies(_ studies: [[PlanarImage?]], on tape: Tape) -> Matrix {
        encode(studies.map { Array(zip(View.allCases, $0)) }, viewsPerStudy: View.count, on: tape)
    }

    private func encode(
        _ studies: [[(view: View, image: PlanarImage?)]], viewsPerStudy: Int, on tape: Tape
    ) -> Matrix {
        let config = weights.config
        let all = Array(0..<config.patches)
        let present = studies.map { $0.compactMap(\.image) }
        let rows = Segments(lengths: present.map { $0.count * config.patches })
        let pixels = tape.arena.matrix(rows.rows, config.patchElements)
        for (index, image) in present.joined().enumerated() {
            for patch in all {
                image.copyEncoderPatch(
                    row: patch / config.grid, column: patch % config.grid, side: config.patchSize,
                    into: pixels.row(index * config.patches + patch))
            }
        }
        var next = 0
        let views = studies.joined().map { view, image in
            defer { next += image == nil ? 0 : config.patches }
            return ViewTokens(view: view, patches: all, firstPatchRow: image == nil ? nil : next)
        }
        let layout = VisionLayout(views: views, viewsPerStudy: viewsPerStudy)
        let seen = vision(tape.constant(pixels, studies: rows), layout: layout, on: tape)
        let vectors = tape.meanOfRows(seen, layout.classRows, groupSize: viewsPerStudy)
        return tape.normalizeRows(imageHead(vectors, on: tape)).value
    }

    /// The text encoder's last states: `[tokens of all sequences, width]`, one sequence after the other.
    ///
    /// - Parameter sequences: tokens with [CLS] and [SEP], not padded.
    public func readSequences(_ sequences: [[Int32]], on tape: Tape) -> Matrix {
        text(PackedReports.make(sequences, halves: [.intact]), condition: nil, dropout: nil, on: tape).value
    }

    /// Unit vectors of reports: `[reports.count, projection]`.
    ///
    /// Source: `ALTA.encode_report` of the reference.
    /// - Parameter reports: tokens with [CLS] and [SEP], not padded.
    public func encodeReports(_ reports: [[Int32]], on tape: Tape) -> Matrix {
        let packed = PackedReports.make(reports, halves: [.intact])
        let read = text(packed, condition: nil, dropout: nil, on: tape)
        let classTokens = tape.selectRows(
            read, packed.sequences.offsets.dropLast(), studies: Segments(count: reports.count, length: 1))
        return tape.normalizeRows(reportHead(classTokens, on: tape)).value
    }
}
