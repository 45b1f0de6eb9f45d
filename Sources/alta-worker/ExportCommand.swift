import AltaCore
import AltaTrain

/// `alta-worker export`: a model as safetensors under the published names, or as a folder in Hugging Face layout.
enum ExportCommand {
    static let description = CommandDescription(
        name: "alta-worker export",
        summary: "Write a trained model, or one made of pretrained files, under the published names.",
        options: [
            .value(
                "--checkpoint", name: "FOLDER", "a run folder (its best checkpoint, else its newest) or a step folder"),
            .value(
                "--config", name: "FILE",
                "without a checkpoint: a configuration, or a fixture (its metadata); what no file gives is freshly initialised"
            ),
            .value("--vision", name: "FILE", "with --config: the vision weights, in place of pretrained.vision"),
            .value("--text", name: "FILE", "with --config: the text weights, in place of pretrained.text"),
            .value("--output", name: "OUT.safetensors", "the file to write"),
            .value(
                "--folder", name: "DIR",
                "or the folder to write in Hugging Face layout; it must not exist, or be empty"),
            .flag("--adapters-only", documentation: "with --checkpoint: what trained, without the frozen weights"),
            .value("--licence", name: "TEXT", "with --folder: what the model card says of the licence (not stated)"),
            Arguments.set,
        ],
        example: "alta-worker export --checkpoint run --folder model",
        notes:
            "--set pretrained.vision=, pretrained.text= and data.vocabulary= tell where files are now that a checkpoint needs."
    )

    static func run(_ arguments: ParsedArguments, job: RankContext) throws -> ExitCode {
        try job.agree {
            let target = try target(arguments)
            guard job.isFirst else { return }
            if target.isFolder { try ModelExport.checkFree(folder: target.path) }
            let export = try open(arguments)
            export.notices.forEach(Console.note)
            let adaptersOnly = arguments.flag("--adapters-only")
            if adaptersOnly { export.drawnFrozenNotice.map(Console.note) }
            let count =
                try target.isFolder
                ? export.writeFolder(
                    to: target.path, adaptersOnly: adaptersOnly, licence: arguments.value("--licence"))
                : export.write(to: target.path, adaptersOnly: adaptersOnly)
            Console.print("wrote \(count) numbers to \(target.path)")
        }
        return .done
    }

    /// Where to write; whatever options do not go together is wrong usage.
    private static func target(_ arguments: ParsedArguments) throws -> (path: String, isFolder: Bool) {
        let given = { (name: String) in arguments.value(name) != nil }
        let hint = "see \(description.name) --help"
        guard given("--checkpoint") != given("--config") else {
            throw description.usageError("it takes one of --checkpoint and --config", hint)
        }
        guard given("--output") != given("--folder") else {
            throw description.usageError("it takes one of --output and --folder", hint)
        }
        for name in ["--vision", "--text"] where given(name) && given("--checkpoint") {
            throw description.usageError(
                "\(name) goes with --config", "with a checkpoint write --set pretrained.\(name.dropFirst(2))=FILE")
        }
        if arguments.flag("--adapters-only"), given("--config") {
            throw description.usageError("--adapters-only goes with --checkpoint", hint)
        }
        if given("--licence"), given("--output") { throw description.usageError("--licence goes with --folder", hint) }
        let folder = arguments.value("--folder")
        return (try folder ?? arguments.required("--output"), folder != nil)
    }

    private static func open(_ arguments: ParsedArguments) throws -> ModelExport {
        let overrides = arguments.values("--set")
        if let checkpoint = arguments.value("--checkpoint") {
            return try ModelExport.open(
                checkpoint: checkpoint, overrides: try RunConfig.load(path: nil, overrides: overrides),
                notice: Console.note)
        }
        var config = try ModelExport.configuration(try arguments.required("--config"), overrides: overrides)
        config.pretrainedVision = arguments.value("--vision") ?? config.pretrainedVision
        config.pretrainedText = arguments.value("--text") ?? config.pretrainedText
        return try ModelExport.open(config, notice: Console.note)
    }
}
