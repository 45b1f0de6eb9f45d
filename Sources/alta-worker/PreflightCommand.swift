import AltaCore
import AltaTrain
import Foundation

/// `alta-worker preflight`: what a job needs, looked at on its ranks before it is started.
enum PreflightCommand {
    static let description = CommandDescription(
        name: "alta-worker preflight",
        summary:
            "Look at everything that a training run needs, on all ranks: versions, cores, memory, data, folders, speed, network. "
            + "Rank 0 prints one JSON object for each finding; alta-launch check makes lines of them.",
        positionals: [Arguments.configuration],
        options: [
            Arguments.set,
            .value("--stage", name: "STAGE", "align (the default) or pretrain, where the configuration does not say"),
            .value("--patience", name: "SECONDS", "how long the first message between two hosts may take (10)"),
        ],
        example: "mpirun -n 2 alta-worker preflight config.json --set output=run",
        notes: """
            Keys of a finding: check, verdict (ok, note, fail), finding, and where there are any remedy, transient (true: it may
            pass by itself), values (what was measured, with units in the names) and ends_job (true: told by a rank for itself,
            since the job cannot go on). Before each step stands {"begun": CHECK}, at the end {"exit_code": N}. Without a configuration or --set, machines alone are looked at.
            Exit code 0: nothing failed; 1: something did; 75: it may pass by itself.
            """)

    static func run(_ arguments: ParsedArguments, job: RankContext) throws -> ExitCode {
        let (stage, patience) = try job.agree {
            try (chosenStage(arguments), arguments.double("--patience", atLeast: 0.1) ?? 10)
        }
        let preflight = Preflight(
            context: job, listener: PreflightPrinter(speaks: job.isFirst), patienceSeconds: patience)
        let (path, overrides) = (arguments.positionals.first, arguments.values("--set"))
        // One rank may have been given a configuration and another none: a run would refuse that too.
        let isGiven = path != nil || !overrides.isEmpty || stage != nil
        let anyGiven = try job.collectives.allReduce(Int32(isGiven ? 1 : 0), .maximum) == 1
        let config = Result<RunConfig, any Error> {
            try RunConfig.load(path: path, overrides: overrides, stage: stage)
        }
        let code = try preflight.run(anyGiven ? config : nil)
        if job.isFirst { Console.print(try JSONValue.object(["exit_code": .integer(Int(code.rawValue))]).text()) }
        return code
    }

    private static func chosenStage(_ arguments: ParsedArguments) throws -> Stage? {
        guard let name = arguments.value("--stage") else { return nil }
        guard let stage = Stage(rawValue: name) else {
            throw arguments.command.usageError("--stage is \(name)", "give align or pretrain")
        }
        return stage
    }
}

/// Prints findings, a line each.
private struct PreflightPrinter: PreflightListener {
    /// Whether this is the rank that prints what all of them know.
    let speaks: Bool

    func began(_ check: String) { if speaks { say(.object(["begun": .string(check)])) } }
    func found(_ finding: CheckFinding) { if speaks { say(finding.json) } }
    func broke(_ finding: CheckFinding) {
        var object = finding.json.object
        object?["ends_job"] = true
        if let object { say(.object(object)) }
    }

    /// A number that is not finite cannot be written; the finding then goes without its numbers.
    private func say(_ value: JSONValue) {
        if let text = try? value.text() { return Console.print(text) }
        var bare = value.object
        bare?["values"] = nil
        if let bare, let text = try? JSONValue.object(bare).text() { Console.print(text) }
    }
}
