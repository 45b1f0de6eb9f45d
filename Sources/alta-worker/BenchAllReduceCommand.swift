import AltaComm
import AltaCore
import AltaTrain

/// `alta-worker bench allreduce`: sums over ranks, ours and MPI's, checked and then timed.
enum BenchAllReduceCommand {
    static let description = CommandDescription(
        name: "alta-worker bench allreduce",
        summary:
            "Add int64 gradients up over the ranks, in shared memory and between nodes as in training and by MPI_Allreduce: "
            + "compare the sums, then time the two in turn. One JSON object a line on standard output; `ratio` is how often "
            + "ours fits into one MPI_Allreduce, `bucket_ratio` into MPI_Allreduce in buckets of 4 MiB (medians over pairs).",
        options: [
            .value("--pairs", name: "N", "how many pairs to time at each size (11)"),
            .value(
                "--elements", name: "N", isRepeated: true,
                "numbers to add up, 8 bytes each; without it, from 1024 to the 18,300,000 that train in alta-base"),
        ],
        example: "mpirun -n 2 alta-worker bench allreduce --pairs 5")

    /// As many fp32 numbers are 4 KB to 73 MB.
    private static let defaultElements = [1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 18, 1 << 20, 1 << 22, 18_300_000]

    static func run(_ arguments: ParsedArguments, job: RankContext) throws -> ExitCode {
        try job.checkSameOptions(arguments)
        let (pairs, elements) = try job.agree { try (arguments.int("--pairs", in: 1...10_000) ?? 11, sizes(arguments)) }
        let benchmark = AllReduceBenchmark(collectives: job.collectives, nodes: job.nodes, pairs: pairs)
        for count in elements {
            let times = try benchmark.run(count: count) { text in if job.isFirst { Console.note(text) } }
            if job.isFirst { try Benchmarks.emit(line(times)) }
        }
        return .done
    }

    private static func sizes(_ arguments: ParsedArguments) throws -> [Int] {
        let texts = arguments.values("--elements")
        guard !texts.isEmpty else { return defaultElements }
        return try texts.map { text in
            guard let count = Int(text), (1...1 << 32).contains(count) else {
                throw arguments.command.usageError("--elements is \(text)", "give a number from 1 to \(1 << 32)")
            }
            return count
        }
    }

    private static func line(_ times: AllReduceTimes) -> JSONObject {
        var object = JSONObject()
        object["bench"] = .string("allreduce")
        object["ranks"] = .integer(times.ranks)
        object["elements"] = .integer(times.count)
        object["bytes"] = .integer(times.count * MemoryLayout<Int64>.stride)
        object["seconds"] = .number(times.seconds)
        object["mpi_seconds"] = .number(times.mpiSeconds)
        object["mpi_bucket_seconds"] = .number(times.mpiBucketSeconds)
        object["ratio"] = .number(times.ratio)
        object["bucket_ratio"] = .number(times.bucketRatio)
        return object
    }
}
