import AltaComm
import AltaCore
import AltaTensor

extension RankContext {
    /// Collective. The arithmetic that a run has on these machines, the same on every rank: `fp32` or `bf16`.
    ///
    /// bf16 pays where every rank's processor has instructions for it, AVX-512 BF16 or AMX. `auto` takes it there;
    /// elsewhere the run computes in fp32 and says so. Naive kernels know fp32 alone.
    /// - Parameter precision: what the configuration asks for, the same on every rank.
    func resolve(_ precision: Precision, notice: (String) -> Void) throws -> Precision {
        guard precision != .fp32 else { return .fp32 }
        guard engine.kernels == .fast else {
            guard precision == .auto else {
                throw together(
                    AltaError(
                        "precision is \(precision.rawValue)", why: "\(ProductKernels.variable)=naive computes in fp32",
                        remedy: "set precision to fp32, or leave \(ProductKernels.variable) out"))
            }
            return .fp32
        }
        let able = try agree { try Engine.multipliesHalf() }
        let all = try collectives.allGather(Int32(able ? 1 : 0))
        guard let rank = all.firstIndex(of: 0) else { return .bf16 }
        if isFirst {
            notice(
                "note: computing in fp32, though precision is \(precision.rawValue): the processor of rank \(rank) has "
                    + "no bf16 products (AVX-512 BF16 or AMX)")
        }
        return .fp32
    }

    /// This context with an engine for that arithmetic.
    ///
    /// - Parameter precision: what `resolve` gave.
    func computing(in precision: Precision) throws -> RankContext {
        precondition(precision != .auto, "an engine of an unresolved precision")
        let format = precision == .bf16 ? NumberFormat.half : .full
        guard format != engine.format else { return self }
        return with(engine: try engine.other(threads: engine.threads, format: format))
    }
}
