import AltaCore
import AltaTrain

/// `alta-worker verify`: a fixture, recomputed.
enum VerifyCommand {
    static let description = CommandDescription(
        name: "alta-worker verify",
        summary: "Recompute a numerical fixture at any rank count and hold it against what it expects.",
        positionals: [PositionalArgument("FIXTURE", "a safetensors file written by the reference")],
        options: [
            .value("--precision", name: "PRECISION", "fp32 (the default) or bf16, which is held against wider bounds"),
            .value("--micro-batch", name: "M", "studies in flight on a rank; 0, the default: its whole share"),
            .value("--dump", name: "OUT", "write what was computed, under the fixture's names, as safetensors"),
        ],
        example: "mpirun -n 2 alta-worker verify Tests/Fixtures/tiny.safetensors --micro-batch 1")

    static func run(_ arguments: ParsedArguments, job: RankContext) throws -> ExitCode {
        let microBatch = try job.agree { try arguments.int("--micro-batch", in: 0...1_000_000) ?? 0 }
        let name = arguments.value("--precision") ?? Precision.fp32.rawValue
        guard let precision = Precision(rawValue: name), precision != .auto else {
            throw job.together(arguments.command.usageError("--precision is \(name)", "give fp32 or bf16"))
        }
        let report = try Verification.run(
            fixture: arguments.positionals[0], context: job, precision: precision, microBatch: microBatch,
            dump: arguments.value("--dump"), notice: Console.note)
        if job.isFirst { Console.print(report.table()) }
        return report.passes ? .done : .failed
    }
}
