import AltaComm
import AltaCore
import AltaObjective
import AltaObjectiveSupport
import AltaTensor
import Foundation

/// One rank of the check. Every method is collective unless it says otherwise.
struct LossCheck {
    let options: LossCheckOptions
    let collectives: any Collectives

    /// Evaluates every batch; rank 0 compares, and prints a hash of all results for comparison with other jobs.
    func run() throws {
        let engine = try Engine(threads: options.threadCount, format: options.format)
        var (hash, failureCount) = (StableHash(), 0)
        for seed in options.seed..<options.seed + UInt64(options.batchCount) {
            let sample = options.size == .full ? ContrastiveCase.drawFullSize(seed: seed) : .draw(seed: seed)
            let shares = sample.shares(rankCount: collectives.rankCount)
            let (failures, found) = try check(sample, shares, engine)
            failureCount += failures.count
            hash.combine(found)
            guard collectives.rank == 0 else { continue }
            for failure in failures { report(failure, sample, shares) }
        }
        let total = try collectives.allReduce(Int64(failureCount), .sum)
        guard total == 0 else { throw AltaError("\(total) comparisons failed") }
        guard collectives.rank == 0 else { return }
        print("\(options.batchCount) batches hold at \(collectives.rankCount) ranks, hash \(hash.hex)")
    }

    /// What does not hold, on rank 0 alone, and the hash of the result.
    private func check(
        _ sample: ContrastiveCase, _ shares: [[Int]], _ engine: Engine
    ) throws -> (failures: [String], hash: String) {
        var batch = sample.batch
        if options.fault == .number { batch.patches[0] = .nan }
        var run: ShardedRun
        do {
            run = try ShardedRun.evaluate(batch, shares: shares, engine: engine, over: collectives)
        } catch let error where error is AltaError || error is UndefinedLosses || error is NotFiniteNumber {
            // The objective throws on every rank or on none.
            return (collectives.rank == 0 ? ["it fails: \(error)"] : [], "")
        }
        options.fault?.happen(to: &run)
        guard collectives.rank == 0 else { return ([], run.hash) }
        let comparison = ContrastiveComparison(
            run, batch, format: options.format, cancels: sample.kind == .identical)
        var failures = comparison.failures
        do {
            let alone = try ShardedRun.evaluate(batch, rankCount: 1, format: options.format)
            if run.hash != alone.hash { failures.append("one rank alone finds other bits") }
        } catch { failures.append("one rank alone fails: \(error)") }
        return (failures, run.hash)
    }

    /// Not collective.
    private func report(_ failure: String, _ sample: ContrastiveCase, _ shares: [[Int]]) {
        Self.report(
            "failed: \(sample): \(failure); studies by rank \(shares); again with: mpirun -n \(collectives.rankCount) "
                + "alta-loss-check \(options.repeating(sample.seed))")
    }

    /// Writes one line to standard error. Not collective.
    static func report(_ line: String) { FileHandle.standardError.write(Data("\(line)\n".utf8)) }
}
