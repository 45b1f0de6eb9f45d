import AltaCore
import AltaData
import AltaModel
import AltaTestSupport
import Foundation
import Testing

/// Eight studies of which one overflows: weights of a pretrained text encoder that only its report meets are extreme.
struct SpoiltCohort {
    var cohort: SampleCohort
    var job: AlignJob
    /// The study that overflows.
    static let study = 3

    /// Its row of the table; the header is row 1.
    var row: Int { Self.study + 2 }

    /// A number whose sum over the width of a token is beyond fp32.
    private static let huge: Float = 3e38
    /// The longest other report has 19 words, with [CLS] and [SEP] 21 tokens.
    private static let firstSpoiltPosition = 24
    private static let wordCount = 28
    /// A factor of the states that masked words are predicted from.
    private static let steepness: Float = 3e8

    /// A report so long that it reaches positions whose embeddings are huge: its states are no numbers.
    static func longReport(_ command: String) throws -> SpoiltCohort {
        try make(command) { file, _ in
            for name in file.tensors.keys where name.hasSuffix("position_embeddings.weight") {
                let width = file.tensors[name]?.shape[1] ?? 0
                for index in firstSpoiltPosition * width..<(file.tensors[name]?.values.count ?? 0) {
                    file.tensors[name]?.values[index] = huge
                }
            }
        }
    }

    /// An output matrix of language so large that losses are finite, and gradients of some studies beyond what an
    /// order-free sum takes.
    ///
    /// - Parameter outputScale: 20,000: one study of some steps; 200,000: several of every step.
    static func steep(outputScale: Float) throws -> SpoiltCohort {
        try make("pretrain") { try drawLanguageHead(&$0, $1, scaling: ".decoder.weight", by: outputScale) }
    }

    /// What masked words are predicted with, which a file of pretrained weights may leave out.
    private static func drawLanguageHead(
        _ file: inout PublishedFile, _ model: ModelConfig, scaling suffix: String, by factor: Float
    ) throws {
        for spec in WeightCatalog.make(model).specs {
            for part in spec.parts where part.name.contains(".cls.predictions.") {
                try file.draw(part, of: spec)
                guard part.name.hasSuffix(suffix), var tensor = file.tensors[part.name] else { continue }
                tensor.values = tensor.values.map { $0 * factor }
                file.tensors[part.name] = tensor
            }
        }
    }

    /// A study that lacks three views and has a gradient of them that is too large, among complete ones, without a word that
    /// could be masked, whose gradients are good. Two studies a step.
    static func incomplete() throws -> SpoiltCohort {
        var spoilt = try make("align") { cohort in
            for index in cohort.rows.indices {
                let frontal = cohort.rows[index].views[0]
                cohort.rows[index].views = [frontal] + Array(repeating: index == study ? "-1" : frontal, count: 3)
                if index != study { cohort.rows[index].report = "unheard" }
            }
        } spoil: {
            try drawLanguageHead(&$0, $1, scaling: ".transform.LayerNorm.weight", by: steepness)
        }
        spoilt.job.settings["global_batch"] = 2
        spoilt.job.settings["absent_views"] = "shared"
        return spoilt
    }

    private static func make(
        _ command: String, change: (inout SampleCohort) -> Void = { _ in },
        spoil: (inout PublishedFile, ModelConfig) throws -> Void
    ) throws -> SpoiltCohort {
        var cohort = try SampleCohort.make()
        cohort.rows[study].report = (0..<wordCount).map { SampleCohort.words[$0 % 4] }.joined(separator: " ")
        change(&cohort)
        try cohort.writeTable()
        var job = command == "align" ? AlignJob.small(cohort) : .pretraining(cohort)
        var model = try RunConfig(json: ["stage": .string(command), "model": job.settings["model"] ?? .null]).model
        model.vocabulary = SampleCohort.specials.count + SampleCohort.words.count
        var file = try PublishedFile.pretrained(.text, model)
        try spoil(&file, model)
        try file.write("\(cohort.folder)/text.safetensors")
        job.settings["pretrained"] = ["text": .string("\(cohort.folder)/text.safetensors")]
        job.settings["checkpoint_every"] = 1_000_000
        return SpoiltCohort(cohort: cohort, job: job)
    }

    /// The plan of a step.
    func plan(_ step: Int, ranks: Int) throws -> StepPlan {
        let config = try RunConfig(json: ["stage": .string(job.command), "model": job.settings["model"] ?? .null])
        let source = try StudySource.open(cohort.tablePath, recipe: StudyRecipe(config.model))
        var plan = try BatchPlan(
            costs: source.costs(maxTokens: config.model.maxTokens),
            globalBatch: try #require(job.settings["global_batch"]?.int), seed: config.seed, rankCount: ranks)
        return plan.step(step - 1)
    }

    /// The steps in which the study is, with its position in the global batch and the rank that computes it: from the
    /// plan alone.
    func places(ranks: Int, steps: Int) throws -> [(step: Int, place: (position: Int, rank: Int))] {
        try (1...steps).compactMap { number in
            let step = try plan(number, ranks: ranks)
            guard let position = step.studies.firstIndex(where: { $0.row == Self.study }) else { return nil }
            let rank = try #require(step.shares.firstIndex { $0.contains(position) })
            return (number, (position, rank))
        }
    }
}
