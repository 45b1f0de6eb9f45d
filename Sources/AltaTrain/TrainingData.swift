import AltaComm
import AltaCore
import AltaData
import AltaFormats

/// The data of a run, opened and checked on every rank.
struct TrainingData {
    /// Prepares the studies of `data.train`.
    let preparer: StudyPreparer
    /// The model's shape with the vocabulary's size filled in.
    let config: ModelConfig
    /// The studies' costs, for dealing them to ranks.
    let costs: [Int]
    /// A hash of the table: the same on every rank, or the run does not start.
    let hash: String
    /// A hash of the vocabulary, likewise.
    let vocabularyHash: String

    /// Opens the studies (a CSV or a pack) and the vocabulary.
    ///
    /// - Parameter trains: whether the studies are trained on; false: evaluated.
    /// - Throws: `AltaError` naming the key, file or row at fault.
    static func open(
        _ config: RunConfig, studies path: String, trains: Bool, pretrained: Pretrained
    ) throws -> TrainingData {
        guard let vocabularyPath = config.vocabularyPath else {
            throw AltaError(
                "data.vocabulary is not set", why: "reports cannot become tokens without one",
                remedy: "give a BERT vocab.txt, or make one with alta-data vocabulary")
        }
        let vocabulary = try WordVocabulary(path: vocabularyPath)
        let recipe = StudyRecipe(config.model)
        let tokenizer = try WordPieceTokenizer(vocabulary: vocabulary, needsSeparator: recipe.needsSeparator)
        var model = config.model
        let vocabularyHash = try hash(of: vocabularyPath)
        model.vocabulary = try pretrained.vocabularySize(vocabulary, hash: vocabularyHash)
        let source = try StudySource.open(path, imageRoot: config.imageRoot, recipe: recipe)
        try source.check(
            imageSize: model.imageSize, dicomScaling: config.dicomScaling, vocabularyHash: vocabularyHash,
            trains: trains)
        let preparer = StudyPreparer(
            source: source, reports: ReportPreparation(tokenizer: tokenizer, maxTokens: model.maxTokens),
            config: model, seed: config.seed, dicomScaling: config.dicomScaling)
        return TrainingData(
            preparer: preparer, config: model, costs: source.costs(maxTokens: model.maxTokens),
            hash: source.contentHash, vocabularyHash: vocabularyHash)
    }

    static func hash(of path: String) throws -> String {
        var hash = StableHash()
        let file = try FileBytes(mapping: path, what: "the data")
        withExtendedLifetime(file) { hash.combine(file.bytes) }
        return hash.hex
    }
}
