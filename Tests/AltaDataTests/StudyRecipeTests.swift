import AltaCore
import AltaData
import AltaTestSupport
import Foundation
import Testing

@Suite struct StudyRecipeTests {
    static let published = StudyRecipe.publishedPretraining
    static let tokens = ["[PAD]", "[UNK]", "[CLS]", "[MASK]", "heart", "lungs", "clear", "."]

    func load(_ csv: String, recipe: StudyRecipe = published) throws -> StudyTable {
        let path = try SharedMaterial.temporaryFolder("studies") + "/training.csv"
        try Data(csv.utf8).write(to: URL(filePath: path))
        return try StudyTable.load(csvPath: path, imageRoot: SharedMaterial.fixture("images"), recipe: recipe)
    }

    func preparer(_ csv: String, recipe: StudyRecipe = published) throws -> StudyPreparer {
        var config = ModelConfig()
        (config.imageSize, config.patchSize, config.maxTokens) = (32, 8, 12)
        let tokenizer = try WordPieceTokenizer(tokens: Self.tokens, needsSeparator: recipe.needsSeparator)
        return StudyPreparer(
            source: .table(try load(csv, recipe: recipe)),
            reports: ReportPreparation(tokenizer: tokenizer, maxTokens: 12),
            config: config, seed: 7)
    }

    @Test(arguments: ["report", "report_content"]) func pretrainingNeedsTwoColumns(column: String) throws {
        let table = try load("image_path,\(column)\ngrey.jpg,Lungs clear.\n")
        #expect(table.study(StudyIndex(0)).report == "Lungs clear.")
        #expect(table.study(StudyIndex(0)).paths[1...].allSatisfy { $0 == nil })
        try table.checkFilesExist()
    }

    @Test func pretrainingLooksAtNoOtherView() throws {
        let table = try load(
            "image_path,auxview_image_path,last_image_path,last_auxview_image_path,report\ngrey.jpg,gone.jpg,,-1,Clear.\n"
        )
        #expect(table.study(StudyIndex(0)).paths.map { $0 == nil } == [false, true, true, true])
        try table.checkFilesExist()
    }

    @Test(arguments: [
        ("image_path,text\na,b\n", "missing columns: report or report_content"),
        ("path,report\na,b\n", "missing columns: image_path"),
        ("image_path,report,report_content\na,b,c\n", "two columns of reports: report, report_content"),
        ("image_path,report\n-1,Clear.\n", "the study has no current frontal radiograph"),
        ("image_path,report_content\na,\n", "the report is empty"),
    ])
    func faultyTablesAreNamed(csv: String, what: String) throws {
        let error = #expect(throws: AltaError.self) { try load(csv) }
        #expect(error?.what == what)
        #expect(error?.remedy != nil && error?.row != nil && error?.file != nil)
    }

    @Test func alignmentDoesNotTakeThePretrainingTable() {
        let error = #expect(throws: AltaError.self) { try load("image_path,report_content\na,b\n", recipe: .align) }
        #expect(error?.what.contains("last_image_path") == true && error?.what.hasSuffix(", report") == true)
    }

    @Test func costsCountTheRadiographByStage() throws {
        let csv = "image_path,auxview_image_path,last_image_path,last_auxview_image_path,report\na,-1,-1,-1,Clear.\n"
        #expect(try load(csv).costs()[0] - load(csv, recipe: .align).costs()[0] == 620 - 126)
    }

    @Test func aPreparedStudyHasOneViewAndOneMaskedReport() throws {
        let preparer = try preparer("image_path,report\ncolour_420.jpg,Heart clear. Lungs clear. Heart clear.\n")
        let study = try preparer.prepare(StudyIndex(0), epoch: 3)
        let key = RandomKey(seed: 7, epoch: 3, study: StudyIndex(0), purpose: .augmentation).child(0)
        let raster = try ImageDecoder.decode(path: ImageFixtures.file("colour_420.jpg"))
        let crop = CropAugmentation.draw(key: key, height: raster.height, width: raster.width)
        let large = PlanarImage.normalized(
            grey: ImagePipeline.pretraining(raster, side: 64, crop: crop), by: .mrm)
        #expect(study.large == large && study.views == [large.halved(antialias: false)])
        #expect(study.patchOrders.map { $0.sorted() } == [Array(0..<16)])
        #expect(study.report.ids == [2, 4, 6, 7, 5, 6, 7, 4, 6, 7])
        #expect(
            study.report
                == preparer.reports.prepareWords(
                    "Heart clear. Lungs clear. Heart clear.", seed: 7, epoch: 3, study: StudyIndex(0)))
        let again = try preparer.prepare(StudyIndex(0), epoch: 3)
        #expect(again.large == large && again.patchOrders == study.patchOrders && again.report == study.report)
        let other = try preparer.prepare(StudyIndex(0), epoch: 4)
        #expect(other.large != large && other.patchOrders != study.patchOrders)
        #expect(
            try preparer.evaluationImage(StudyIndex(0))
                == PlanarImage.normalized(
                    grey: ImagePipeline.evaluation(raster, imageSize: 32), by: .mrm))
    }

    @Test func antialiasingIsAPartOfTheRecipe() throws {
        let csv = "image_path,report\ncolour_420.jpg,Heart clear.\n"
        let study = try preparer(csv, recipe: .pretrain(antialias: true)).prepare(StudyIndex(0), epoch: 0)
        #expect(study.views == [study.large.halved()])
        #expect(study.views != [study.large.halved(antialias: false)])
    }

    @Test func anotherTableIsPreparedAlike() throws {
        let first = try preparer("image_path,report\ngrey.jpg,Heart clear.\n")
        let second = first.over(.table(try load("image_path,report\ngrey.jpg,Heart clear.\n")))
        #expect(try first.prepare(StudyIndex(0), epoch: 0).large == second.prepare(StudyIndex(0), epoch: 0).large)
    }
}
