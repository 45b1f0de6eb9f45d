import AltaComm
import AltaTensor

/// Brings what ranks computed for their studies together in the order of the global batch.
struct ShareGather {
    let collectives: any Collectives
    /// For each rank the places of its studies in the global batch.
    let shares: [[Int]]

    /// Collective. Rows of each study of the global batch, on every rank.
    ///
    /// - Parameter studyRows: for each of this rank's studies, its numbers.
    func gather(_ studyRows: [[Float]]) throws -> [[Float]] {
        let counts = try collectives.allGather(studyRows.map { Int64($0.count) })
        let values = try collectives.allGather(Array(studyRows.joined()))
        var result = [[Float]](repeating: [], count: shares.reduce(0) { $0 + $1.count })
        for (rank, positions) in shares.enumerated() {
            var start = 0
            for (position, count) in zip(positions, counts[rank]) {
                result[position] = Array(values[rank][start..<start + Int(count)])
                start += Int(count)
            }
        }
        return result
    }
}
