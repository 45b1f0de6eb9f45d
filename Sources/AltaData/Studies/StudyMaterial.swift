import AltaCore

/// One study as its source has it, before anything is drawn.
enum StudyMaterial {
    /// A row of a table; radiographs are decoded when asked for.
    case row(StudyRow)
    /// A study of a pack; the path and the row are for messages.
    case packed(PackedStudy, path: String, row: Int)

    /// The deterministic part of the training transform of a view, `[side, side]`; nil: the view is absent.
    func trainingCrop(_ view: View, side: Int) throws -> RasterRGB? {
        switch self {
        case .row(let row): try row.decoded(view).map { ImagePipeline.cropped($0, side: side) }
        case .packed(let study, _, _): study.trainingCrop(view, side: side)
        }
    }

    /// A view by the evaluation transform, `[side, side]`; nil: the view is absent.
    func evaluationCrop(_ view: View, side: Int) throws -> GreyImage? {
        switch self {
        case .row(let row): try row.decoded(view).map { ImagePipeline.evaluation($0, imageSize: side) }
        case .packed(let study, _, _): study.evaluationCrop(view)
        }
    }

    /// The report's token ids, sentence by sentence.
    ///
    /// Errors: a pack holds an id that the tokenizer has not.
    func sentences(_ reports: ReportPreparation) throws -> [[Int32]] {
        switch self {
        case .row(let row): return reports.tokenizedSentences(row.record.report)
        case .packed(let study, let path, let row):
            guard let sentences = study.sentences else { return reports.tokenizedSentences(study.report) }
            let bound = Int32(reports.tokenizer.vocabularySize)
            guard sentences.allSatisfy({ $0.allSatisfy { (0..<bound).contains($0) } }) else {
                throw PackHeader.damaged("a token is none of the vocabulary's \(bound)", path).at(row: row)
            }
            return sentences
        }
    }
}

/// A row of a table, and how its radiographs are read.
struct StudyRow {
    let record: StudyRecord
    let table: StudyTable
    let dicomScaling: DicomScaling

    /// A radiograph; nil: the view is absent.
    ///
    /// Errors: it cannot be read; with the file and the row.
    func decoded(_ view: View) throws -> RasterRGB? {
        guard let path = record.paths[view.rawValue] else { return nil }
        do {
            return try ImageDecoder.decode(path: path, dicomScaling: dicomScaling)
        } catch let error as AltaError {
            throw AltaError(
                "cannot read the radiograph \(path)",
                why: [error.what, error.why].compactMap { $0 }.joined(separator: ": "),
                remedy: error.remedy ?? "replace the file or remove the row", file: table.path, row: record.row)
        }
    }
}
