import AltaAutograd
import AltaCore
import AltaModel
import AltaTensor
import Testing

/// What the outputs of a forward pass do and do not depend on.
struct ForwardPassTests {
    /// The bits of a study's row are its own only where the processor has packed kernels (`checkRowIndependence`).
    static let rowsAreIndependent = (try? Engine(threads: 1))?.checkRowIndependence() == true
    private let arena = Arena()

    @Test(arguments: [0, 0.1]) func embeddingsAloneHaveTheSameBits(dropoutRate: Double) throws {
        let sample = try SampleModel(dropoutRate: dropoutRate)
        let full = sample.pass(SampleStudy.ragged, counts: SampleStudy.raggedCounts)
        let embeddings = sample.pass(SampleStudy.ragged, counts: nil)
        #expect(full.isFinite)
        #expect(full.studies == embeddings.studies)
        #expect(embeddings.imageErrors.isEmpty && embeddings.textErrors.isEmpty)
    }

    @Test(.enabled(if: ForwardPassTests.rowsAreIndependent), arguments: [0, 0.1])
    func aStudyHasTheSameBitsInAnyCompany(dropoutRate: Double) throws {
        let sample = try SampleModel(dropoutRate: dropoutRate)
        let counts = SampleStudy.raggedCounts
        let together = sample.pass(SampleStudy.ragged, counts: counts)
        let reversed = sample.pass(SampleStudy.ragged.reversed(), counts: counts)
        for (index, study) in SampleStudy.ragged.enumerated() {
            let alone = sample.pass([study], counts: counts)
            #expect(alone.studies[0] == together.studies[index], "study \(index)")
            #expect(alone.imageErrors[0] == together.imageErrors[index])
            #expect(alone.textErrors[0] == together.textErrors[index])
            #expect(alone.studies[0] == reversed.studies[3 - index])
        }
    }

    @Test func dropoutIsOnAndKeyedByStudy() throws {
        let study = SampleStudy(number: 5).prepared
        let still = try SampleModel().pass([study], counts: nil)
        let sample = try SampleModel(dropoutRate: 0.1)
        let dropped = sample.pass([study], counts: nil)
        #expect(dropped.studies[0]["text"] != still.studies[0]["text"])
        // BERT's alone: the ViT has none.
        #expect(dropped.studies[0]["image"] == still.studies[0]["image"])
        #expect(dropped == sample.pass([study], counts: nil))
    }

    @Test func maskedAndIntactReportsAreDroppedApart() throws {
        // Nothing is masked, so that the two halves differ by the study vector and by their dropout alone.
        let study = SampleStudy(number: 5, masked: []).prepared
        #expect(study.report.ids == study.report.maskedIDs)
        let sample = try SampleModel(dropoutRate: 0.1)
        let counts = LossCounts(hiddenPatches: 12, maskedTokens: 0)
        #expect(sample.pass([study], counts: counts).studies == sample.pass([study], counts: nil).studies)
    }

    @Test func withoutMaskedTokensTheTextErrorIsZero() throws {
        let sample = try SampleModel()
        let pass = sample.pass(SampleStudy.ragged, counts: SampleStudy.raggedCounts)
        #expect(pass.textErrors.map { $0 == 0 } == [false, false, true, false])
        #expect(pass.imageErrors.allSatisfy { $0 > 0 })
        let alone = sample.pass([SampleStudy.ragged[2]], counts: LossCounts(hiddenPatches: 12, maskedTokens: 0))
        #expect(alone.textErrors == [0] && alone.isFinite)
    }

    /// A batch of one study without a masked token and with its frontal view only still has a whole gradient.
    @Test(arguments: [GradientSum.orderFree, .floating]) func theSmallestBatch(sum: GradientSum) throws {
        let sample = try SampleModel(trainable: .all)
        let study = SampleStudy(
            number: 1, absent: [.currentAuxiliary, .priorFrontal, .priorAuxiliary], tokens: 2, masked: []
        ).prepared
        let ledger = sample.ledger(sum, globalBatch: 1)
        let tape = Tape(engine: sample.engine, arena: arena, ledger: ledger)
        let output = sample.model.forward([study], counts: LossCounts(hiddenPatches: 12, maskedTokens: 0), on: tape)
        let joint = try #require(output.joint)
        #expect(joint.imageGlobal.value.rows == 1 && joint.patches.value.rows == 16 && joint.words.value.rows == 1)
        #expect(output.textErrors == [0])
        let seed = tape.arena.matrix(1, SampleModel.config.projection)
        seed.copy(from: (0..<seed.count).map { Float($0) })
        tape.backward(seeds: [(joint.imageGlobal, seed)])
        ledger.settle()
        #expect(ledger.isFinite && Array(ledger.floats).allSatisfy(\.isFinite))
        for (name, isReached) in [
            ("missing_token", true), ("patch_embed.proj.weight", true), ("decoder_pred.weight", true),
            ("bert_encoder.cls.predictions.bias", false), ("bert_embed.weight", false),
        ] {
            let slot = try #require(sample.weights[name].trainable?.slot)
            #expect(ledger.gradient(slot).toArray().contains { $0 != 0 } == isReached, "\(name)")
        }
    }

    @Test func allViewsAbsent() throws {
        let sample = try SampleModel()
        let study = SampleStudy(number: 1, absent: Set(View.allCases)).prepared
        let pass = sample.pass([study], counts: LossCounts(hiddenPatches: 12, maskedTokens: 3))
        #expect(pass.isFinite && pass.imageErrors[0].isFinite)
        // The report does not depend on the radiographs; the study vector does.
        let present = sample.pass([SampleStudy(number: 1).prepared], counts: nil)
        #expect(pass.studies[0]["image"] != present.studies[0]["image"])
        #expect(pass.studies[0]["text"] == present.studies[0]["text"])
    }

    @Test func greyIsThreeEqualChannels() throws {
        let sample = try SampleModel()
        let counts = LossCounts(hiddenPatches: 12, maskedTokens: 3)
        let grey = SampleStudy(number: 4, isGrey: true, greyChannels: 1).prepared
        let colour = SampleStudy(number: 4, isGrey: true, greyChannels: 3).prepared
        #expect(grey.large.channels == 1 && colour.large.channels == 3)
        #expect(sample.pass([grey], counts: counts) == sample.pass([colour], counts: counts))
        let images = [grey, colour].compactMap { $0.views[0] }
        let tape = Tape(engine: sample.engine, arena: arena, ledger: nil)
        let encoded = sample.aligned.encodeFrontal(images, on: tape)
        #expect(encoded.rows(0..<1).toArray() == encoded.rows(1..<2).toArray())
    }

    /// Inference has its own entry points; a report's embedding there is the training pass's without dropout.
    @Test(.enabled(if: ForwardPassTests.rowsAreIndependent)) func inferenceReadsReportsAsTrainingDoes() throws {
        let sample = try SampleModel(dropoutRate: 0.1)
        let still = try SampleModel().pass(SampleStudy.ragged, counts: nil)
        let tape = Tape(engine: sample.engine, arena: arena, ledger: nil)
        let read = sample.aligned.encodeReports(SampleStudy.ragged.map(\.report.ids), on: tape)
        for study in 0..<4 {
            #expect(read.rows(study..<study + 1).toArray().map(\.bitPattern) == still.studies[study]["text"])
        }
    }

    @Test func theLedgerHasASlotForWhatTrainsAndNoOther() throws {
        let some = try SampleModel()
        let specs = some.weights.catalog.specs
        #expect(some.weights.trainables.map(\.name) == specs.filter(\.trainsByDefault).map(\.name))
        #expect(some.ledger(.orderFree, globalBatch: 1).count == some.weights.trainableCount)
        #expect(some.weights["patch_embed.proj.weight"].trainable == nil)
        let all = try SampleModel(trainable: .all)
        #expect(all.weights.trainables.map(\.name) == specs.map(\.name))
        #expect(all.weights.trainables.map(\.slot) == Array(specs.indices))
    }
}
