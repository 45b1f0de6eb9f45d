import AltaAutograd
import AltaCore
import AltaModel
import AltaTensor
import Testing

/// What the errors of pretraining do and do not depend on.
struct MaskedRecordModelTests {
    private let counts = SampleStudy.raggedCounts

    @Test(.enabled(if: ForwardPassTests.rowsAreIndependent), arguments: [0, 0.1])
    func aStudyHasTheSameErrorsInAnyCompany(dropoutRate: Double) throws {
        let sample = try SampleModel(.pretrain, dropoutRate: dropoutRate)
        let together = sample.pass(SampleStudy.ragged, counts: counts)
        #expect(together.studies.isEmpty && together.imageErrors.allSatisfy { $0 > 0 })
        #expect(together.textErrors.map { $0 == 0 } == [false, false, true, false])
        for (index, study) in SampleStudy.ragged.enumerated() {
            let alone = sample.pass([study], counts: counts)
            #expect(alone.imageErrors == [together.imageErrors[index]], "study \(index)")
            #expect(alone.textErrors == [together.textErrors[index]], "study \(index)")
        }
    }

    @Test func onlyTheCurrentFrontalIsSeen() throws {
        let sample = try SampleModel(.pretrain)
        let others: Set<View> = [.currentAuxiliary, .priorFrontal, .priorAuxiliary]
        let (whole, alone) = (SampleStudy(number: 6).prepared, SampleStudy(number: 6, absent: others).prepared)
        #expect(sample.pass([whole], counts: counts) == sample.pass([alone], counts: counts))
    }

    /// The report is read with the radiograph's help, and the radiograph without the report's.
    @Test func theRadiographReachesTheReport() throws {
        let sample = try SampleModel(.pretrain)
        let study = SampleStudy(number: 6).prepared
        let before = sample.pass([study], counts: counts)
        let weight = try #require(sample.weights["bert_mlp.weight"].trainable)
        for element in 0..<weight.value.count { weight.value.base[element] *= -1 }
        sample.weights.repack(engine: sample.engine)
        let after = sample.pass([study], counts: counts)
        #expect(after.imageErrors == before.imageErrors && after.textErrors != before.textErrors)
    }

    /// Predictions are made by a matrix of their own, not by the word embeddings.
    @Test func theOutputMatrixIsUntied() throws {
        let sample = try SampleModel(.pretrain)
        let study = SampleStudy(number: 6, tokens: 3, masked: [1]).prepared
        let before = sample.pass([study], counts: counts)
        let table = sample.weights["bert_encoder.model.bert.embeddings.word_embeddings.weight"]
        let label = Int(study.report.labels[0])
        try #require(!study.report.maskedIDs.contains(study.report.labels[0]))
        table.value.rows(label..<label + 1).fill(7)
        #expect(sample.pass([study], counts: counts) == before)
        #expect(sample.weights["bert_encoder.model.cls.predictions.decoder.weight"].trainable != nil)
    }

    @Test func dropoutIsOnAndKeyedByStudy() throws {
        let study = SampleStudy(number: 5).prepared
        let still = try SampleModel(.pretrain).pass([study], counts: counts)
        let sample = try SampleModel(.pretrain, dropoutRate: 0.1)
        let dropped = sample.pass([study], counts: counts)
        #expect(dropped.textErrors != still.textErrors && dropped.imageErrors == still.imageErrors)
        #expect(dropped == sample.pass([study], counts: counts))
    }

    @Test func withoutCountsThereIsNothingToCompute() throws {
        let pass = try SampleModel(.pretrain).pass(SampleStudy.ragged, counts: nil)
        #expect(pass.studies.isEmpty && pass.imageErrors.isEmpty && pass.textErrors.isEmpty)
    }
}
