import AltaCore
import AltaEvaluate
import AltaTrain

/// `alta-worker evaluate`: retrieval on a table.
enum EvaluateCommand {
    static let description = CommandDescription(
        name: "alta-worker evaluate",
        summary: "Retrieval on data.validation (else data.train): recall@1, 5, 10 and median rank, both ways.",
        positionals: [Arguments.configuration],
        options: [
            Arguments.checkpoint, Arguments.imageVector,
            .flag("--json", documentation: "print one JSON object instead of the table"), Arguments.set,
        ],
        example: "mpirun -n 2 alta-worker evaluate config.json --checkpoint run --set data.validation=test.csv",
        notes: "Studies with equal reports count as matches of each other. Ties are broken by expectation.\n\n"
            + Arguments.keys(.align))

    static func run(_ arguments: ParsedArguments, job: RankContext) throws -> ExitCode {
        let config = try Arguments.config(arguments, job: job)
        let checkpoint = arguments.value("--checkpoint")
        if checkpoint == nil, job.isFirst {
            Console.note(
                "note: no --checkpoint: what no pretrained file gives is freshly initialised, nothing was learned")
        }
        let imageVector = try Arguments.chosenImageVector(arguments, job: job)
        let result = try RetrievalRun.run(
            config, checkpoint: checkpoint, imageVector: imageVector, context: job, notice: Console.note)
        if job.isFirst {
            Console.print(arguments.flag("--json") ? try json(result, imageVector) : table(result, imageVector))
        }
        return .done
    }

    private static func json(_ result: RetrievalResult, _ imageVector: ImageVector) throws -> String {
        var object = JSONObject()
        object["image"] = .string(imageVector.rawValue)
        for (key, value) in result.members { object[key] = value }
        return try JSONValue.object(object).text()
    }

    private static func table(_ result: RetrievalResult, _ imageVector: ImageVector) -> String {
        let rows = [
            ("image to text", result.imageToText), ("text to image", result.textToImage), ("chance", result.chance),
        ]
        let header = "\(result.studies) studies".padded(to: 18) + "recall@1  recall@5  recall@10  median rank"
        let lines = rows.map { name, scores in
            name.padded(to: 18) + percent(scores.recall1, 8) + "  " + percent(scores.recall5, 8) + "  "
                + percent(scores.recall10, 9) + "  " + rightAligned("\(scores.medianRank)", 11)
        }
        return
            ([header] + lines + [
                imageVector == .study
                    ? "a study is the mean of its four views; --image frontal takes its frontal view alone"
                    : "a study is its frontal view alone",
                "equal reports count as matches of each other",
            ]).joined(separator: "\n")
    }

    private static func percent(_ share: Double, _ width: Int) -> String {
        rightAligned("\((share * 1000).rounded() / 10) %", width)
    }

    private static func rightAligned(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
