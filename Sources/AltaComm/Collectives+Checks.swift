import AltaCore

// What both transports check before anything is sent, so that a wrong argument is an error and never a wrong result.
extension Collectives {
    /// Throws unless `root` is a rank of the job.
    func checkRoot(_ root: Int, _ operation: String) throws {
        guard (0..<rankCount).contains(root) else {
            throw AltaError(
                "\(operation) from rank \(root), which does not exist", why: "the job has \(rankCount) ranks",
                rank: rank)
        }
    }

    /// Throws unless there is one count for each rank and none is negative.
    func checkCounts(_ counts: [Int], _ operation: String) throws {
        guard counts.count == rankCount, counts.allSatisfy({ $0 >= 0 }) else {
            throw AltaError(
                "\(operation) with counts \(counts)",
                why: "each of the \(rankCount) ranks needs one, zero or more", rank: rank)
        }
    }

    /// Throws unless the counts are sound and the buffers have the lengths that they say.
    func checkCounts(_ counts: [Int], mine: Int, all: Int, _ operation: String) throws {
        try checkCounts(counts, operation)
        let total = counts.reduce(0, +)
        guard mine == counts[rank], all == total else {
            throw AltaError(
                "\(operation) of a slice of \(mine) and a whole of \(all) elements",
                why: "the counts \(counts) call for \(counts[rank]) and \(total)", rank: rank)
        }
    }
}
