import AltaCore
import AltaData
import AltaModel
import AltaTestSupport
import Foundation
import Testing

/// Eight studies of which one overflows: weights of a pretrained text encoder that only its report meets are extreme.
struct SpoiltCohort {
    let cohort: SampleCohort
    let job: AlignJob
    /// The study that overflows.
    static let study = 3

    /// Its row of the table; the header is row 1.
    var row: Int { Self.study + 2 }

    /// A number whose sum over the width of a token is beyond fp32.
    private static let huge: Float = 3e38
    /// The longest other report has 19 words, with [CLS] and [SEP] 21 tokens.
    private static let firstSpoiltPosition = 24
    private static let wordCount = 28

    /// A report so long that it reaches positions whose embeddings are huge: its states are no numbers.
    static func longReport(_ command: String) throws -> SpoiltCohort {
        try make(command) { file in
            for name in file.tensors.keys where name.hasSuffix("position_embeddings.weight") {
                let width = file.tensors[name]?.shape[1] ?? 0
                for index in firstSpoiltPosition * width..<(file.tensors[name]?.values.count ?? 0) {
                    file.tensors[name]?.values[index] = huge
                }
            }
        }
    }

    private static func make(
        _ command: String, spoil: (inout PublishedFile) -> Void
    ) throws -> SpoiltCohort {
        var cohort = try SampleCohort.make()
        cohort.rows[study].report = (0..<wordCount).map { SampleCohort.words[$0 % 4] }.joined(separator: " ")
        try cohort.writeTable()
        var job = command == "align" ? AlignJob.small(cohort) : .pretraining(cohort)
        var model = try RunConfig(json: ["stage": .string(command), "model": job.settings["model"] ?? .null]).model
        model.vocabulary = SampleCohort.specials.count + SampleCohort.words.count
        var file = try PublishedFile.pretrained(.text, model)
        spoil(&file)
        try file.write("\(cohort.folder)/text.safetensors")
        job.settings["pretrained"] = ["text": .string("\(cohort.folder)/text.safetensors")]
        job.settings["checkpoint_every"] = 1_000_000
        return SpoiltCohort(cohort: cohort, job: job)
    }

    /// The steps in which the study is, with its position in the global batch and the rank that computes it: from the
    /// plan alone.
    func places(ranks: Int, steps: Int) throws -> [(step: Int, place: (position: Int, rank: Int))] {
        let config = try RunConfig.load(path: nil, overrides: ["stage=\(job.command)"])
        let model = try RunConfig(
            json: ["stage": .string(job.command), "model": job.settings["model"] ?? .null]
        ).model
        let source = try StudySource.open(cohort.tablePath, recipe: StudyRecipe(model))
        var plan = try BatchPlan(
            costs: source.costs(maxTokens: model.maxTokens),
            globalBatch: try #require(job.settings["global_batch"]?.int),
            seed: config.seed, rankCount: ranks)
        return try (0..<steps).compactMap { index in
            let step = plan.step(index)
            guard let position = step.studies.firstIndex(where: { $0.row == Self.study }) else { return nil }
            let rank = try #require(step.shares.firstIndex { $0.contains(position) })
            return (index + 1, (position, rank))
        }
    }
}
