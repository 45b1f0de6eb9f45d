import AltaCore
import AltaTrain

/// `alta-worker embed`: the vectors of a table.
enum EmbedCommand {
    static let description = CommandDescription(
        name: "alta-worker embed",
        summary: "Write the unit vectors of the images and reports of data.validation (else data.train).",
        positionals: [Arguments.configuration],
        options: [
            Arguments.checkpoint, Arguments.imageVector,
            .value(
                "--output", name: "OUT.safetensors",
                "the file: `images` and `reports`, a row a study in the table's order"),
            Arguments.set,
        ],
        example:
            "mpirun -n 2 alta-worker embed --checkpoint run --set data.validation=test.csv --output vectors.safetensors",
        notes: Arguments.keys(.align))

    static func run(_ arguments: ParsedArguments, job: RankContext) throws -> ExitCode {
        let output = try job.agree { try arguments.required("--output") }
        let config = try Arguments.config(arguments, job: job)
        let count = try EmbedRun.run(
            config, checkpoint: arguments.value("--checkpoint"),
            imageVector: try Arguments.chosenImageVector(arguments, job: job), output: output, context: job,
            notice: Console.note)
        if job.isFirst { Console.print("wrote the vectors of \(count) studies to \(output)") }
        return .done
    }
}
