import AltaAutograd
import AltaCore
import AltaData
import AltaModel
import AltaObjective

/// Looks for the study that a number which is not finite comes from, after a step in which there was one.
///
/// A step that goes well looks at nothing but its sums. Here every rank computes its share again, a study at a time; the
/// draws are keyed, so each study has the losses and the partial gradients that it had in the step. The study first in the
/// global batch is named, whatever the number of ranks.
struct NotFiniteOrigin {
    let step: TrainStep
    let studies: [PreparedStudy]
    let plan: StepPlan
    let counts: LossCounts

    /// Where a study's numbers end to be finite, in the order in which they are computed.
    private enum Cause {
        case imageReconstruction
        case maskedLanguage
        case gradient(slot: Int)

        var code: Int {
            switch self {
            case .imageReconstruction: 0
            case .maskedLanguage: 1
            case .gradient(let slot): 2 + slot
            }
        }

        init(code: Int) {
            self = code == 0 ? .imageReconstruction : code == 1 ? .maskedLanguage : .gradient(slot: code - 2)
        }
    }

    /// Collective, after a step whose sums are there. What was not finite, and whose it was; the same on every rank.
    ///
    /// - Parameters:
    ///   - contrast: the step's contrastive losses, which were finite.
    ///   - absent: its shared absent views.
    ///   - total: what the ranks told each other of the step.
    func find(
        _ contrast: ContrastivePass?, absent: SharedPass?, total: StepTotal, losses: Losses
    ) throws -> NotFiniteNumber {
        // Nobody reads the sums any more; and nothing of this round is announced, so the next step's gives it up.
        try step.reducer.begin()
        let own = first(contrast, absent: absent)
        let none = Int64.max
        let found = try step.collectives.allGather(own.map { Int64($0.position) << 32 | Int64($0.cause.code) } ?? none)
        guard let least = found.min(), least != none, let rank = found.firstIndex(of: least) else {
            return withoutStudy(total, losses)
        }
        return NotFiniteNumber(
            quantity(Cause(code: Int(least & 0xFFFF_FFFF))), position: Int(least >> 32), rank: rank)
    }

    /// The first study of this rank's share with a number that is not finite.
    private func first(_ contrast: ContrastivePass?, absent: SharedPass?) -> (position: Int, cause: Cause)? {
        for (index, position) in plan.shares[step.collectives.rank].enumerated() {
            step.ledger.reset()
            step.sharedViews?.reset()
            let pass = step.forward(studies[index..<index + 1], absent: absent, counts: counts, recording: true)
            if let loss = loss(pass.output) { return (position, loss) }
            pass.tape.backward(seeds: contrast?.seeds(pass.output, studies: index..<index + 1) ?? [])
            if let slot = step.ledger.firstNotFinite { return (position, .gradient(slot: slot)) }
            if step.sharedViews?.isFinite == false { return (position, .gradient(slot: step.absentSlot)) }
        }
        return nil
    }

    private func loss(_ output: ModelOutput) -> Cause? {
        if OrderFreeSum(output.imageErrors).nonFiniteCount > 0 { return .imageReconstruction }
        return OrderFreeSum(output.textErrors).nonFiniteCount > 0 ? .maskedLanguage : nil
    }

    private func quantity(_ cause: Cause) -> String {
        switch cause {
        case .imageReconstruction: "the loss image_reconstruction"
        case .maskedLanguage: "the loss masked_language"
        case .gradient(step.absentSlot): "the gradient of absent views"
        case .gradient(let slot): "the gradient of \(step.model.weights.trainableSpecs[slot].name)"
        }
    }

    /// No study alone has it: what went back through shared absent views, or a sum of many.
    private func withoutStudy(_ total: StepTotal, _ losses: Losses) -> NotFiniteNumber {
        let why = "no study alone has it: a sum of several overflows"
        if let (rank, slot) = total.firstBad {
            return NotFiniteNumber(quantity(.gradient(slot: slot)), why: why, rank: rank)
        }
        let loss = losses.named.first { !$0.value.isFinite }
        return NotFiniteNumber(loss.map { "the loss \($0.name)" } ?? "the gradient", why: why)
    }
}
