import AltaComm
import AltaCore
import AltaData
import AltaEvaluate
import AltaPlacement
import AltaTensor
import Foundation

/// Rank 0's listener: the log, the progress line, and what a person should know at start and end.
final class RunRecorder: TrainingListener {
    private let log: StepLog
    private let progress: ProgressLine
    private let output: String
    private let activations: Arena
    /// The table whose rows the log names; nil: it names none.
    private let namedStudies: StudySource?
    /// Each rank's, `[R]`.
    private let hosts: [String]
    private let totalSteps: Int
    private var stragglers: StragglerWatch

    private init(
        log: StepLog, progress: ProgressLine, output: String, activations: Arena, namedStudies: StudySource?,
        hosts: [String], totalSteps: Int
    ) {
        self.activations = activations
        self.hosts = hosts
        self.totalSteps = totalSteps
        stragglers = StragglerWatch(hosts: hosts)
        self.namedStudies = namedStudies
        self.log = log
        self.progress = progress
        self.output = output
    }

    /// Opens the log of a run and tells how it starts.
    static func open(
        _ run: TrainingRun, notices: [String], placement: JobPlacement, isTerminal: Bool
    ) throws -> RunRecorder {
        let log = try StepLog.open(run.folder.logPath)
        let hosts = placement.ranks.map(\.host)
        try log.append(event: "start", run.startFacts(ranks: hosts.count) + [("placement", placement.json)])
        for line in try placement.lines + placement.warnings + notices + run.startLines(ranks: hosts.count) {
            RunRecorder.say(line)
        }
        return RunRecorder(
            log: log,
            progress: ProgressLine(
                totalSteps: run.totalSteps, isTerminal: isTerminal),
            output: run.folder.path, activations: run.step.activations,
            namedStudies: run.config.logStudies ? run.data.preparer.source : nil, hosts: hosts,
            totalSteps: run.totalSteps)
    }

    func completed(_ report: StepReport) throws {
        try log.append(report, hosts: hosts, rows(report.studies))
        progress.show(report)
        for note in stragglers.add(report.spreads, step: report.step) { FileHandle.standardError.say(note + "\n") }
    }

    func skipped(_ failure: AgreedFailure, plan: StepPlan) throws {
        let (error, step) = (failure.error, plan.step + 1)
        FileHandle.standardError.say("warning: step \(step) is skipped: \(error.description)\n")
        let place = [("position", failure.notFinite?.position), ("row", error.row), ("rank", error.rank)]
        try log.append(
            event: "skipped",
            [
                ("step", .integer(step)), ("epoch", .number(plan.fractionalEpoch)),
                ("studies_hash", .string(StableHash.hex(StepHashes.studies(of: plan)))),
            ]
                + place.compactMap { name, value in value.map { (name, .integer($0)) } }
                + [("message", .string(error.description))] + rows(plan.studies))
    }

    /// The rows of a step's studies as messages have them, where they are asked for.
    private func rows(_ studies: [StudyIndex]) -> [(String, JSONValue)] {
        guard let namedStudies else { return [] }
        return [("study_rows", .array(studies.map { .integer(namedStudies.rowNumber($0)) }))]
    }

    func validated(_ members: [(String, JSONValue)], step: Int) throws {
        try log.append(event: "validation", [("step", .integer(step))] + members)
    }

    func saved(_ path: String, step: Int) throws {
        try log.append(event: "checkpoint", [("step", .integer(step)), ("path", .string(path))])
    }

    func couldNotValidate(_ error: AltaError, step: Int) throws {
        FileHandle.standardError.say("warning: no validation: \(error.description); training goes on\n")
        try log.append(event: "validation_failed", [("step", .integer(step)), ("message", .string(error.description))])
    }

    func couldNotSave(_ error: AltaError, step: Int) throws {
        FileHandle.standardError.say("warning: \(error.description); training goes on\n")
        try log.append(event: "checkpoint_failed", [("step", .integer(step)), ("message", .string(error.description))])
    }

    func stopped(step: Int, signal: Int32) throws {
        try log.append(event: "stopped", [("step", .integer(step)), ("signal", .integer(Int(signal)))])
        RunRecorder.say(
            "stopped by signal \(signal) after step \(step) of \(totalSteps); its checkpoint is in \(output), start the same "
                + "command again to go on")
    }

    func ended(step: Int, totalMemoryBytes: Int) throws {
        try log.append(
            event: "end",
            [
                ("step", .integer(step)), ("peak_memory_bytes", .integer(try ProcessMemory.peakResidentBytes())),
                ("total_memory_bytes", .integer(totalMemoryBytes)),
                ("activation_bytes", .integer(activations.highWaterBytes)),
            ])
        RunRecorder.say("done: step \(step), in \(output)")
    }

    private static func say(_ line: String) { FileHandle.standardOutput.say(line + "\n") }
}

extension TrainingRun {
    fileprivate func startFacts(ranks: Int) -> [(String, JSONValue)] {
        [
            ("ranks", .integer(ranks)), ("first_step", .integer(completedSteps + 1)),
            ("total_steps", .integer(totalSteps)), ("steps_per_epoch", .integer(plan.stepsPerEpoch)),
            ("micro_batch", .integer(step.microBatch)), ("precision", .string(config.precision.rawValue)),
            ("kernels", .string(kernels)),
            ("trainable_parameters", .integer(weights.trainableCount)),
            ("parameters", .integer(weights.catalog.count)),
            ("pretrained", .array(weightReports.map(\.json))),
        ] + origin.members
    }

    fileprivate func startLines(ranks: Int) throws -> [String] {
        let share = 100 * Double(weights.trainableCount) / Double(max(weights.catalog.count, 1))
        return [
            "configuration: \(try config.resolvedJSON().text())",
            "\(data.costs.count) studies, global batch \(config.globalBatch), \(plan.stepsPerEpoch) steps an epoch; "
                + "ranks: \(ranks), micro-batch \(step.microBatch)",
            "\(weights.trainableCount) of \(weights.catalog.count) parameters train "
                + "(\(ProgressLine.fixed(share, 2)) %)",
        ] + weightReports.flatMap { $0.lines() } + [startLine]
    }
}

extension TrainingRun {
    private var startLine: String {
        if completedSteps == 0 { return "steps to take: \(totalSteps)" }
        guard completedSteps < totalSteps else {
            return "step \(completedSteps) is complete already, the configuration asks for \(totalSteps): nothing to do"
        }
        return "going on after step \(completedSteps) of \(totalSteps)"
    }
}

extension RetrievalResult {
    /// The scores as members of a JSON object.
    public var members: [(String, JSONValue)] {
        [
            ("studies", .integer(studies)), ("image_to_text", imageToText.json), ("text_to_image", textToImage.json),
            ("chance", chance.json),
        ]
    }
}

extension RetrievalScores {
    fileprivate var json: JSONValue {
        .object(members: [
            ("recall_1", .number(recall1)), ("recall_5", .number(recall5)), ("recall_10", .number(recall10)),
            ("median_rank", .number(medianRank)),
        ])
    }
}
