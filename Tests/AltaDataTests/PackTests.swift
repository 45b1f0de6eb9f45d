import AltaCore
import AltaData
import AltaFormats
import AltaTestSupport
import Foundation
import Testing

@Suite("A pack gives what its table gives, to the last bit")
struct PackTests {
    /// The radiographs beside the checkout, with a table.
    static let radiographs = SharedMaterial.shared("radiographs/train.csv")

    /// Everything a run may ask of a study, from both sources.
    private func expectEqual(
        _ table: StudyPreparer, _ packed: StudyPreparer, training: Bool = true, evaluation: Bool = true
    ) throws {
        #expect(table.source.count == packed.source.count)
        #expect(table.source.contentHash == packed.source.contentHash)
        #expect(table.source.costs(maxTokens: 12) == packed.source.costs(maxTokens: 12))
        for study in (0..<table.source.count).map({ StudyIndex($0) }) {
            #expect(try table.source.report(study) == packed.source.report(study))
            #expect(try table.evaluationTokens(study) == packed.evaluationTokens(study))
            if evaluation {
                #expect(try table.evaluationImage(study) == packed.evaluationImage(study), "study \(study.row)")
                #expect(try table.evaluationViews(study) == packed.evaluationViews(study), "study \(study.row)")
            }
            for epoch in training ? [0, 5] : [] {
                let (one, other) = (try table.prepare(study, epoch: epoch), try packed.prepare(study, epoch: epoch))
                #expect(one.large == other.large && one.views == other.views, "study \(study.row)")
                #expect(one.report == other.report && one.patchOrders == other.patchOrders)
                #expect(one.dropoutKey == other.dropoutKey && one.index == other.index)
            }
        }
    }

    @Test(arguments: DicomScaling.allCases, [true, false])
    func everyFixtureImage(scaling: DicomScaling, hasTokens: Bool) throws {
        let sample = try PackSample.make()
        defer { sample.remove() }
        var options = sample.options
        options.dicomScaling = scaling
        if !hasTokens { options.vocabularyPath = nil }
        let summary = try sample.pack(options)
        #expect(summary.studyCount == PackSample.images.count && summary.studyCount > 50)
        #expect(summary.byteCount == (try sample.bytes().count) && summary.continuedCount == 0)
        let packed = try StudySource.open(sample.packPath, recipe: .align)
        try expectEqual(
            sample.preparer(sample.table(), dicomScaling: scaling), sample.preparer(packed, dicomScaling: scaling))
        #expect(try FileManager.default.contentsOfDirectory(atPath: sample.folder).count == 3)
    }

    @Test(arguments: [PackRecipe.Purpose.training, .evaluation])
    func oneUseAlone(purpose: PackRecipe.Purpose) throws {
        let sample = try PackSample.make()
        defer { sample.remove() }
        let both = try sample.pack().byteCount
        var options = sample.options
        options.purpose = purpose
        #expect(try sample.pack(options).byteCount < both)
        try expectEqual(
            sample.preparer(sample.table()), sample.preparer(StudySource.open(sample.packPath, recipe: .align)),
            training: purpose == .training, evaluation: purpose == .evaluation)
    }

    @Test func greyImagesHaveOneChannel() throws {
        let sample = try PackSample.make()
        defer { sample.remove() }
        let csv = StudyTable.viewColumns.joined(separator: ",") + ",report\nimages/grey_as_rgb.jpg,-1,-1,-1,Clear.\n"
        try csv.write(toFile: sample.tablePath, atomically: true, encoding: .utf8)
        let size = PackSample.imageSize
        let expected = 4096 + 64 + 4 * size * size + size * size + "Clear.".utf8.count
        #expect(try sample.pack().byteCount - expected < 64)
        let study = try PackedStudies(path: sample.packPath).study(StudyIndex(0))
        #expect(study.trainingCrop(.currentFrontal, side: 2 * size)?.channels == 1)
        #expect(study.trainingCrop(.priorFrontal, side: size) == nil && study.evaluationCrop(.priorFrontal) == nil)
    }

    @Test func aPackIsToldByItsContent() throws {
        let sample = try PackSample.make()
        defer { sample.remove() }
        try sample.pack()
        let renamed = "\(sample.folder)/table.csv"
        try FileManager.default.moveItem(atPath: sample.packPath, toPath: renamed)
        guard case .packed(let studies) = try StudySource.open(renamed, recipe: .align) else {
            Issue.record("a pack was taken for a table")
            return
        }
        #expect(studies.count == PackSample.images.count && studies.path == renamed)
        #expect(studies.recipe.dataHash == (try CSVTable(path: sample.tablePath).contentHash))
        let error = #expect(throws: AltaError.self) {
            try StudySource.open(renamed, recipe: .publishedPretraining)
        }
        #expect(error?.what == "pretraining cannot use a pack" && error?.remedy != nil && error?.file == renamed)
    }

    /// The ids of the sentences put together are those of the whole report.
    @Test func sentencesAreTokenizedAsTheirReport() throws {
        let reports = ReportPreparation(tokenizer: try WordPieceTokenizer(tokens: PackSample.tokens), maxTokens: 40)
        let pieces = [
            "Heart", "lungs", ".", "?", " ", "\n", "\u{1C}", "\u{85}", "\u{2028}", "Dr.", "e.g.", "[SEP]", "[MASK].",
            "é",
            "\u{301}", "\u{4E00}", "no", "edema.", "\u{200B}", "x.\t", "", "\u{FFFD}",
        ]
        for number in 0..<20_000 {
            let key = RandomKey(seed: 3, purpose: .test).child(UInt64(number))
            let text = (0..<key.integer(99, below: 20)).map { pieces[key.integer($0, below: pieces.count)] }.joined()
            let sentences = reports.tokenizedSentences(text)
            #expect(reports.encode(sentences: sentences) == reports.encode(text), "\(text.debugDescription)")
        }
    }

    @Test(.enabled(if: radiographs != nil, "needs ../shared/radiographs"))
    func realRadiographs() throws {
        let sample = try PackSample.make()
        defer { sample.remove() }
        var options = sample.options
        (options.csvPath, options.imageRoot) = (try #require(Self.radiographs), nil)
        #expect(try sample.pack(options).studyCount == 116)
        try expectEqual(
            sample.preparer(StudySource.open(options.csvPath, recipe: .align)),
            sample.preparer(StudySource.open(sample.packPath, recipe: .align)))
    }
}
