import AltaComm
import AltaCore
import AltaModel
import AltaTensor

/// Holds what the ranks trained against each other: every rank updates a copy of its own, and all must have the same bits.
///
/// They differ where a memory or a processor failed, and nothing else would tell. A rank hashes its weights and the
/// optimizer's moments at the speed of memory, and eight bytes of each rank are exchanged; only where they differ is it
/// asked where.
public struct WeightComparison {
    let weights: ModelWeights
    let optimizer: Optimizer
    let collectives: any Collectives

    /// A comparison of what these ranks train.
    public init(weights: ModelWeights, optimizer: Optimizer, collectives: any Collectives) {
        self.weights = weights
        self.optimizer = optimizer
        self.collectives = collectives
    }

    /// Collective. Returns where every rank has the same weights and moments.
    ///
    /// - Parameter step: after which this is, from 1.
    /// - Throws: `AgreedFailure` on every rank, which names the rank, its machine, and the first number that differs.
    public func check(step: Int) throws {
        let own = hashes
        let all = try collectives.allGather(Self.combined(own))
        guard let outlier = WeightOutlier.find(all) else { return }
        throw AgreedFailure(
            error: try describe(outlier, own: own, step: step), reportingRank: outlier.rank)
    }

    /// All of what is compared in one hash. Not collective.
    var hash: String { StableHash.hex(Self.combined(hashes)) }

    private var hashes: [UInt64] { tensors.map { StableHash.value(of: UnsafeRawBufferPointer($0.values)) } }

    private static func combined(_ hashes: [UInt64]) -> UInt64 {
        hashes.reduce(into: StableHash()) { $0.combine($1) }.value
    }

    /// What is compared, in the order in which it is told: the weights of all slots, then the moments.
    private var tensors: [(prefix: String, spec: WeightSpec, values: UnsafeBufferPointer<Float>)] {
        let specs = Array(weights.trainableSpecs.enumerated())
        func all(_ prefix: String, _ matrix: (Int) -> Matrix) -> [(String, WeightSpec, UnsafeBufferPointer<Float>)] {
            specs.map { slot, spec in
                (prefix, spec, UnsafeBufferPointer(start: matrix(slot).base, count: spec.count))
            }
        }
        return all("") { weights.trainables[$0].value }
            + all("the first moment of ") { optimizer.moments($0).first }
            + all("the second moment of ") { optimizer.moments($0).second }
    }

    /// Collective. Where the outlier differs from the rank that it is held against; the same on every rank.
    private func describe(_ outlier: WeightOutlier, own: [UInt64], step: Int) throws -> AltaError {
        let theirs = try collectives.broadcast(own, from: outlier.reference)
        let differing = own.indices.filter { own[$0] != theirs[$0] }
        let numbers = try collectives.broadcast(differing.map(Int64.init), from: outlier.rank).map { Int($0) }
        let hosts = try collectives.allGather(collectives.hostName)
        guard let index = numbers.first else { preconditionFailure("hashes differ as a whole and not in a part") }
        let (prefix, spec, values) = tensors[index]
        let reference = try collectives.broadcast(Array(values), from: outlier.reference)
        let places = values.indices.filter { values[$0].bitPattern != reference[$0].bitPattern }
        // Place, the outlier's bits, and how many differ.
        let facts = try collectives.broadcast(
            places.first.map { [Int64($0), Int64(values[$0].bitPattern), Int64(places.count)] } ?? [],
            from: outlier.rank)
        let difference = WeightDifference(
            name: prefix + spec.elementName(Int(facts[0])), value: Float(bitPattern: UInt32(facts[1])),
            reference: reference[Int(facts[0])], count: Int(facts[2]), tensorCount: numbers.count)
        return outlier.error(difference, hosts: hosts, step: step)
    }
}

/// Which rank's weights differ, and from whose.
struct WeightOutlier: Equatable {
    /// The rank that is named.
    let rank: Int
    /// The rank that it is held against: the first of the largest group.
    let reference: Int
    /// All ranks that differ from `reference`.
    let others: [Int]
    /// Whether more than half of the ranks agree, so that the others are at fault.
    let isCertain: Bool

    /// nil: all hashes, one a rank, are equal.
    static func find(_ hashes: [UInt64]) -> WeightOutlier? {
        let groups = Dictionary(grouping: hashes.indices) { hashes[$0] }.values
        // Of groups of one size the one with the lowest rank.
        guard let largest = groups.max(by: { ($0.count, $1[0]) < ($1.count, $0[0]) }), let reference = largest.first
        else { return nil }
        let others = hashes.indices.filter { hashes[$0] != hashes[reference] }
        guard let rank = others.first else { return nil }
        return WeightOutlier(
            rank: rank, reference: reference, others: others, isCertain: 2 * largest.count > hashes.count)
    }

    func error(_ difference: WeightDifference, hosts: [String], step: Int) -> AltaError {
        let more = others.dropFirst().map(String.init).joined(separator: ", ")
        let suspects = isCertain ? [hosts[rank]] : Set([hosts[rank], hosts[reference]]).sorted()
        return AltaError(
            "weights on \(hosts[rank]) differ after step \(step) from those of rank \(reference) on \(hosts[reference])"
                + (more.isEmpty ? "" : ", and so do those of ranks \(more)"),
            why: difference.text(reference: reference) + (isCertain ? "" : "; which of the two is wrong is not known"),
            remedy:
                "no checkpoint of them was written: test the memory of \(suspects.joined(separator: " and of ")), and "
                + "start the run again without it; it goes on from its newest checkpoint",
            rank: rank, exitCode: .stoppedEarly)
    }
}

/// The first number in which two ranks differ.
struct WeightDifference {
    /// The tensor with the place in it.
    let name: String
    let value: Float
    let reference: Float
    /// How many numbers of the tensor differ.
    let count: Int
    /// How many tensors do.
    let tensorCount: Int

    func text(reference rank: Int) -> String {
        let bits = (value.bitPattern ^ reference.bitPattern).nonzeroBitCount
        return
            "\(name) is \(value) here and \(reference) on rank \(rank), \(bits) of 32 bits differ; numbers of this tensor "
            + "that differ: \(count), tensors: \(tensorCount)"
    }
}

extension WeightSpec {
    /// A number of the weight as its published tensor has it: name and place, `blocks.0.norm1.weight[3]`.
    func elementName(_ index: Int) -> String {
        guard let (part, offset) = ModelWeights.parts(of: self).last(where: { $0.offset <= index }) else { return name }
        var (rest, place): (Int, [Int]) = (index - offset, [])
        for size in part.shape.reversed() {
            place.insert(rest % size, at: 0)
            rest /= size
        }
        return part.name + (place.isEmpty ? "" : "[\(place.map(String.init).joined(separator: ", "))]")
    }
}
