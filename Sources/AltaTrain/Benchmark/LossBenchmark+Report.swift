import AltaComm
import AltaCore
import AltaObjective
import AltaPlacement
import AltaTensor

/// What is known before the first step.
struct LossFacts {
    /// The largest relative error of the check.
    let error: Double
    /// 10^9 operations a second of all ranks together, were there nothing but these products at their best.
    let peak: Double
    /// What one evaluation costs.
    let work: LossWork
}

/// What one evaluation took on this rank.
struct LossTimes {
    let elapsedSeconds: Double
    /// Of all its threads; what MPI spins while it waits is in it, what other programs computed is not.
    let processorSeconds: Double
}

extension LossBenchmark {
    /// Collective. The line of a step: the slowest rank's time and phases, the largest rank's memory and bytes.
    func describe(
        _ step: Int, _ taken: LossTimes, _ result: ContrastiveResult, _ facts: LossFacts, _ memory: LossMemory
    ) throws -> JSONObject {
        let (collectives, sent) = (context.collectives, meter.bytesSent)
        let own = result.seconds
        let times = [
            taken.elapsedSeconds, own.communication, own.waited, own.global, own.similarities, own.gradients,
        ]
        let all: [[Double]] = try collectives.allGather(times)
        let slowest = all.max { $0[0] < $1[0] } ?? times
        let processorSeconds = try collectives.allReduce(taken.processorSeconds, .sum)
        let growth = try context.agree { try memory.growth(atLeast: arena.highWaterBytes) }
        let bytes = try collectives.allReduce([Int64(growth), Int64(arena.highWaterBytes), Int64(sent)], .maximum)
        var line = JSONObject()
        line["step"] = .integer(step)
        line["precision"] = .string(options.precision.rawValue)
        line["ranks"] = .integer(collectives.rankCount)
        line["threads"] = .integer(context.engine.threads)
        line["studies"] = .integer(options.studies)
        line["patches"] = .integer(options.patches)
        line["words"] = .integer(facts.work.words)
        line["seconds"] = .number(slowest[0])
        line["phase_seconds"] = .object(
            members: zip(
                ["communication", "communication_wait", "global", "similarities", "gradients"], slowest.dropFirst()
            ).map { ($0, .number($1)) })
        line["processor_seconds"] = .number(processorSeconds)
        line["gflop"] = .number(facts.work.gflop)
        line["gflops"] = .number(facts.work.gflop / slowest[0])
        line["gemm_peak_gflops"] = .number(facts.peak)
        line["peak_share"] = .number(facts.work.gflop / slowest[0] / facts.peak)
        line["peak_memory_bytes"] = .integer(Int(bytes[0]))
        line["arena_bytes"] = .integer(Int(bytes[1]))
        line["bytes_sent"] = .integer(Int(bytes[2]))
        line["largest_relative_error"] = .number(facts.error)
        line["global_contrastive"] = .number(result.globalLoss)
        line["local_contrastive"] = .number(result.localLoss)
        return line
    }

    /// Refuses a batch whose losses cannot fit in this rank's memory: a slip in a number would else fill it.
    static func checkFits(_ options: Options, _ context: RankContext) throws {
        let needed = neededBytes(options, ranks: context.collectives.rankCount, threads: context.engine.threads)
        guard needed > Double(context.availableBytes) else { return }
        throw AltaError(
            "\(options.studies) studies of \(options.patches) patches and \(options.meanWords) words do not fit in memory",
            why:
                "their embeddings and losses take \(Int(min(needed, 0x1p62)) >> 20) MiB of a rank, which may count on "
                + "\(context.availableBytes >> 20) MiB",
            remedy: "lower --studies, --patches or --mean-words, or use more ranks on more machines", exitCode: .usage)
    }

    /// What the embeddings, losses and gradients take of a rank, at most.
    private static func neededBytes(_ options: Options, ranks: Int, threads: Int) -> Double {
        let (b, d, meanWords) = (Double(options.studies), Double(width), Double(options.meanWords))
        let own = (b / Double(ranks)).rounded(.up)
        let patches = Double(Engine.paddedColumns(options.patches))
        // Floats of a share and its gradients, of all words twice, of all vectors twice; similarities.
        let share = own * (2 + Double(options.patches) + meanWords)
        let batch = 4 * d * (2 * share + 2 * b * meanWords + 4 * b) + 8 * own * b
        let sizes = ContrastiveObjective.sizes
        // Integers of the gradients of a block's words, all of them and this rank's.
        let block = 16 * d * mostWords(sizes.block, options)
        // Studies that are made ready at a time: patches, packed for both directions, and their gradients.
        let together = min(own, Double(sizes.studies))
        let ready = 16 * patches * d * together
        // On each thread, of a tile's words: three numbers a patch; as many as six floats of the width.
        let tiles = min(Double(threads), together) * 4 * mostWords(sizes.tile, options) * (3 * patches + 6 * d)
        return batch + block + ready + tiles
    }

    /// The words of `reports` neighbouring reports, at most: the longest has half as many again as the mean.
    private static func mostWords(_ reports: Int, _ options: Options) -> Double {
        Double(options.meanWords) * min(1.5 * Double(reports), Double(options.studies))
    }
}

/// What the process grows by while it evaluates the losses.
struct LossMemory {
    /// Resident before the first evaluation, with embeddings alone, bytes.
    let startBytes: Int

    /// Where the kernel keeps an older peak, that is what growth is measured to: an upper bound, and `notice` is told.
    static func begin(notice: (String) -> Void) -> LossMemory {
        do { return LossMemory(startBytes: try ProcessMemory.beginPeak()) } catch {
            notice("note: peak_memory_bytes is an upper bound: \(error)")
            return LossMemory(startBytes: (try? ProcessMemory.residentBytes()) ?? 0)
        }
    }

    /// Bytes from the start to the peak since; at least what was handed out, which a page that was resident before may hide.
    func growth(atLeast bytes: Int) throws -> Int {
        max(try ProcessMemory.peakResidentBytes() - startBytes, bytes)
    }
}

extension LocalEmbeddings {
    /// Those of the studies whose positions are below `count`, as a batch of their own.
    func first(_ count: Int) -> LocalEmbeddings {
        let own = positions.prefix { $0 < count }
        let segments = Segments(lengths: own.indices.map { wordSegments[$0].count })
        return LocalEmbeddings(
            positions: Array(own), globalBatch: count, imageGlobal: imageGlobal.rows(0..<own.count),
            textGlobal: textGlobal.rows(0..<own.count), patches: patches.rows(0..<own.count * patchesPerStudy),
            words: words.rows(0..<segments.rows), wordSegments: segments)
    }
}
