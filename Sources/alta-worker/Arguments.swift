import AltaCore
import AltaTrain

/// What the commands that take a configuration have in common.
enum Arguments {
    static let configuration = PositionalArgument(
        "CONFIG.json", "the run's configuration; every key has a default", isOptional: true)

    static let set = CommandOption.value(
        "--set", name: "KEY=VALUE", isRepeated: true, "override a key of the configuration; the last one wins")

    static let checkpoint = CommandOption.value(
        "--checkpoint", name: "FOLDER",
        "a run folder (its best checkpoint, else its newest) or a step folder; without it, pretrained and fresh weights"
    )

    static let imageVector = CommandOption.value(
        "--image", name: "VECTOR",
        "study: the mean of a study's four views, as in training (default); frontal: the current frontal view alone")

    /// What `--image` chose.
    static func chosenImageVector(_ arguments: ParsedArguments, job: RankContext) throws -> ImageVector {
        let name = arguments.value("--image") ?? ImageVector.study.rawValue
        guard let vector = ImageVector(rawValue: name) else {
            throw job.together(arguments.command.usageError("--image is \(name)", "give frontal or study"))
        }
        return vector
    }

    /// The table of configuration keys for `--help`, with a stage's defaults.
    static func keys(_ stage: Stage) -> String {
        "Configuration keys, with the defaults of the stage \(stage.rawValue):\n" + RunConfig.keyTableText(stage)
    }

    /// The configuration a command line describes; whatever is wrong with it, every rank finds alike.
    ///
    /// - Parameter stage: the command's; nil: the one the configuration names.
    static func config(_ arguments: ParsedArguments, stage: Stage? = nil, job: RankContext) throws -> RunConfig {
        try job.agree {
            try RunConfig.load(
                path: arguments.positionals.first, overrides: arguments.values("--set"), stage: stage)
        }
    }
}
