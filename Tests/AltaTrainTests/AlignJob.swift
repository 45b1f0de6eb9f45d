import AltaCore
import AltaTestSupport
import Foundation

/// Training runs of one configuration, each in a run folder of its own.
struct AlignJob {
    /// Where the run folders are made.
    let folder: String
    /// The configuration that all runs share.
    var settings: JSONObject
    /// The subcommand of `alta-worker`: `align` or `pretrain`.
    var command = "align"

    /// A model that takes a millisecond a study, and no file beside the cohort.
    static let smallModel: JSONObject = [
        "image_size": 64, "patch_size": 16, "width": 32, "vision_depth": 2, "vision_heads": 2, "decoder_width": 32,
        "decoder_depth": 1, "decoder_heads": 2, "text_depth": 2, "text_heads": 2, "text_intermediate": 64,
        "max_tokens": 32, "max_positions": 64, "projection": 32,
    ]

    /// Runs on a sample cohort with the small model.
    static func small(_ cohort: SampleCohort) -> AlignJob {
        AlignJob(
            folder: cohort.folder,
            settings: [
                "model": .object(smallModel), "global_batch": 4, "epochs": 1000, "steps": 2, "learning_rate": 0.001,
                "warmup_epochs": 0, "precision": "fp32",
                "data": ["train": .string(cohort.tablePath), "vocabulary": .string(cohort.vocabularyPath)],
            ])
    }

    /// The same runs in the stage before: a narrower BERT, everything trains.
    static func pretraining(_ cohort: SampleCohort) -> AlignJob {
        var job = small(cohort)
        job.command = "pretrain"
        job.settings["model"] = .object(smallPretrainingModel)
        return job
    }

    private static var smallPretrainingModel: JSONObject {
        var model = smallModel
        for (key, value) in [("text_width", JSONValue.integer(16)), ("text_intermediate", .integer(32))] {
            model[key] = value
        }
        return model
    }

    /// How many losses a step has, their sum among them.
    var lossCount: Int { command == "align" ? 5 : 3 }

    /// Validates on the studies of a cohort too.
    mutating func validate(on cohort: SampleCohort) {
        var data = settings["data"]?.object ?? JSONObject()
        data["validation"] = .string(cohort.tablePath)
        settings["data"] = .object(data)
    }

    func output(_ name: String) -> String { "\(folder)/\(name)" }

    /// The arguments of `alta-worker` for the run folder `name`: the configuration, then `changes`.
    func arguments(_ name: String, _ changes: [String] = []) throws -> [String] {
        let path = "\(folder)/\(name).json"
        var object = settings
        if object["output"] == nil { object["output"] = .string(output(name)) }
        try JSONValue.object(object).text().write(toFile: path, atomically: true, encoding: .utf8)
        return [command, path] + changes.flatMap { ["--set", $0] }
    }

    /// Runs the job at `ranks` ranks; `changes` are `key=value`, `environment` is over this process's own.
    func run(
        _ name: String, ranks: Int, _ changes: [String] = [], limitSeconds: Double = 120,
        environment: [String: String] = [:]
    ) throws -> JobOutcome {
        try JobRunner.run(
            "alta-worker", ranks: ranks, try arguments(name, changes), limitSeconds: limitSeconds,
            environment: environment)
    }

    /// Runs the job without mpirun.
    func runAlone(_ name: String, _ changes: [String] = []) throws -> JobOutcome {
        try JobRunner.runAlone("alta-worker", try arguments(name, changes))
    }

    func log(_ name: String) throws -> RunLog { try RunLog("\(output(name))/log.jsonl") }

    /// What trains, in the checkpoint of a step.
    func trainable(_ name: String, step: Int) throws -> Data {
        try Data(contentsOf: URL(filePath: "\(checkpoint(name, step: step))/trainable.safetensors"))
    }

    func checkpoint(_ name: String, step: Int) -> String {
        "\(output(name))/checkpoints/step-" + String(String(100_000_000 + step).dropFirst())
    }

    /// The names in the folder of checkpoints, sorted.
    func checkpointNames(_ name: String) throws -> [String] {
        try folderNames(name).filter { !$0.hasPrefix("superseded-") }
    }

    /// Every folder among a run's checkpoints whose name begins with `prefix`.
    func folderNames(_ name: String, prefix: String = "") throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "\(output(name))/checkpoints").sorted()
            .filter { $0.hasPrefix(prefix) }
    }
}

/// A run's `log.jsonl`.
struct RunLog {
    let lines: [JSONValue]

    init(_ path: String) throws {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        lines = try text.split(separator: "\n").map { try JSONValue(parsing: String($0), file: path) }
    }

    /// Each step's line; of a step that appears again the last one.
    var steps: [Int: JSONValue] {
        let pairs = lines.compactMap { line in line["losses"] == nil ? nil : line["step"]?.int.map { ($0, line) } }
        return Dictionary(pairs) { $1 }
    }

    func events(_ name: String) -> [JSONValue] { lines.filter { $0["event"]?.string == name } }

    /// What is the same at every rank count where sums do not depend on their order: losses and the gradient's norm, and
    /// what the step was computed of.
    func exactLines() throws -> [String] {
        try steps.sorted { $0.key < $1.key }.map { try RunLog.exactLine($1, step: $0) }
    }

    /// What is the same of one line.
    static func exactLine(_ line: JSONValue, step: Int) throws -> String {
        let keys = ["studies_hash", "draws_hash", "learning_rate", "logit_scales"] + computedKeys
        return "\(step): \(try values(of: line, keys))"
    }

    private static let computedKeys = ["loss", "losses", "gradient_norm"]

    private static func values(of line: JSONValue, _ keys: [String]) throws -> String {
        try JSONValue.array(keys.map { line[$0] ?? .null }).text()
    }

    /// What each step computed: losses and the gradient's norm, by which runs differ also where their hashes do not, and
    /// without which a difference says nothing of what was computed.
    func computed() throws -> [String] {
        try steps.sorted { $0.key < $1.key }.map { try RunLog.values(of: $1, RunLog.computedKeys) }
    }

    /// A step's hashes of its studies and of what was drawn for them; empty where the line has none.
    func hashes(_ step: Int) -> [String] {
        ["studies_hash", "draws_hash"].compactMap { steps[step]?[$0]?.string }
    }

    /// Every loss of a step by name, the total among them.
    func losses(_ step: Int) -> [String: Double] {
        var losses = steps[step]?["losses"]?.object?.members.reduce(into: [String: Double]()) {
            $0[$1.key] = $1.value.double
        }
        losses?["loss"] = steps[step]?["loss"]?.double
        return losses ?? [:]
    }
}
