import AltaComm
import AltaCore

/// Scores of image-to-text and text-to-image retrieval, beside what chance gives.
public struct RetrievalResult: Equatable, Sendable, Codable {
    /// Radiographs look for their report.
    public let imageToText: RetrievalScores
    /// Reports look for their radiographs.
    public let textToImage: RetrievalScores
    /// What embeddings that tell nothing give in either direction, exact for this set's duplicate reports.
    public let chance: RetrievalScores
    /// The number of studies N: queries and candidates in each direction.
    public let studies: Int
}

/// Retrieval among all studies of a set, by the cosine of unit vectors, distributed over the ranks.
///
/// Studies whose reports are equal match each other, so a query may have several matches; its rank is that of the best,
/// 1 + the candidates that are no match and score higher. Ties are broken at random and the expectation is reported
/// exactly: embeddings that are all the same give chance, not a perfect score.
public enum Retrieval {
    /// Scores the set whose shares the ranks pass. Collective.
    ///
    /// The result is the same on every rank, and the same bits for any number of ranks and any dealing of the studies.
    /// Each rank holds all vectors (N * d floats) and ranks its own queries.
    ///
    /// - Parameters:
    ///   - images: `[n, d]`, this rank's study vectors, rows of norm 1; n may be 0.
    ///   - texts: `[n, d]`, this rank's report vectors, rows of norm 1.
    ///   - reportHashes: `[n]`, equal for equal reports.
    ///   - width: d, the same on every rank.
    ///   - collectives: the ranks.
    /// - Throws: `AltaError`, the same on every rank, when there is no study or a vector is not finite.
    public static func evaluate(
        images: [Float], texts: [Float], reportHashes: [UInt64], width: Int, collectives: any Collectives
    ) throws -> RetrievalResult {
        precondition(
            width > 0 && images.count == reportHashes.count * width && texts.count == images.count,
            "\(reportHashes.count) studies of width \(width), \(images.count) and \(texts.count) numbers")
        let counts = try collectives.allGather(Int64(reportHashes.count)).map { Int($0) }
        let allImages = try collectives.allGather(images, counts: counts.map { $0 * width })
        let allTexts = try collectives.allGather(texts, counts: counts.map { $0 * width })
        let hashes = try collectives.allGather(reportHashes, counts: counts)
        guard !hashes.isEmpty else {
            throw AltaError("retrieval over no studies", remedy: "evaluate a table with at least one row")
        }
        try checkFinite(allImages, "study vector", counts, width)
        try checkFinite(allTexts, "report vector", counts, width)
        func scores(_ queries: [Float], _ candidates: [Float]) throws -> RetrievalScores {
            let own = places(queries, reportHashes, among: candidates, hashes, width)
            return RetrievalScores(places: try gather(own, counts, collectives), candidates: hashes.count)
        }
        return RetrievalResult(
            imageToText: try scores(images, allTexts), textToImage: try scores(texts, allImages),
            chance: chance(hashes), studies: hashes.count)
    }

    /// The scores where all candidates tie with each other, for every query.
    static func chance(_ hashes: [UInt64]) -> RetrievalScores {
        var matches: [UInt64: Int] = [:]
        for hash in hashes { matches[hash, default: 0] += 1 }
        let places = hashes.map { hash in
            let same = matches[hash] ?? 1
            return MatchPlace(better: 0, tiedOthers: hashes.count - same, tiedMatches: same)
        }
        return RetrievalScores(places: places, candidates: hashes.count)
    }

    /// The place of each own query's best match. A pair's score depends on its two vectors alone.
    private static func places(
        _ queries: [Float], _ queryHashes: [UInt64], among candidates: [Float], _ hashes: [UInt64], _ width: Int
    ) -> [MatchPlace] {
        var scores = Array(repeating: Float(0), count: hashes.count)
        return queryHashes.enumerated().map { query, queryHash in
            queries.withUnsafeBufferPointer { queries in
                candidates.withUnsafeBufferPointer { candidates in
                    let vector = UnsafeBufferPointer(rebasing: queries[query * width..<(query + 1) * width])
                    for j in scores.indices {
                        scores[j] = dot(
                            vector, UnsafeBufferPointer(rebasing: candidates[j * width..<(j + 1) * width]))
                    }
                }
            }
            return place(scores, isMatch: { hashes[$0] == queryHash })
        }
    }

    private static func place(_ scores: [Float], isMatch: (Int) -> Bool) -> MatchPlace {
        var best = -Float.infinity
        for j in scores.indices where isMatch(j) { best = max(best, scores[j]) }
        var (better, tiedOthers, tiedMatches) = (0, 0, 0)
        for j in scores.indices where scores[j] >= best {
            if isMatch(j) {
                tiedMatches += 1
            } else if scores[j] == best {
                tiedOthers += 1
            } else {
                better += 1
            }
        }
        return MatchPlace(better: better, tiedOthers: tiedOthers, tiedMatches: tiedMatches)
    }

    /// The sum of products, in eight lanes that are added in a fixed order.
    private static func dot(_ x: UnsafeBufferPointer<Float>, _ y: UnsafeBufferPointer<Float>) -> Float {
        var lanes = SIMD8<Float>()
        let whole = x.count & ~7
        let (left, right) = (UnsafeRawBufferPointer(x), UnsafeRawBufferPointer(y))
        for i in stride(from: 0, to: whole * 4, by: 32) {
            lanes +=
                left.loadUnaligned(fromByteOffset: i, as: SIMD8<Float>.self)
                * right.loadUnaligned(fromByteOffset: i, as: SIMD8<Float>.self)
        }
        let pairs = lanes.lowHalf + lanes.highHalf
        var total = (pairs[0] + pairs[2]) + (pairs[1] + pairs[3])
        for i in whole..<x.count { total += x[i] * y[i] }
        return total
    }

    private static func gather(
        _ own: [MatchPlace], _ counts: [Int], _ collectives: any Collectives
    ) throws -> [MatchPlace] {
        let numbers = own.flatMap { [Int64($0.better), Int64($0.tiedOthers), Int64($0.tiedMatches)] }
        let all = try collectives.allGather(numbers, counts: counts.map { $0 * 3 })
        return stride(from: 0, to: all.count, by: 3).map {
            MatchPlace(better: Int(all[$0]), tiedOthers: Int(all[$0 + 1]), tiedMatches: Int(all[$0 + 2]))
        }
    }

    /// Every rank sees all vectors, so every rank throws the same.
    private static func checkFinite(_ numbers: [Float], _ name: String, _ counts: [Int], _ width: Int) throws {
        guard let first = numbers.firstIndex(where: { !$0.isFinite }) else { return }
        var (rank, study) = (0, first / width)
        while study >= counts[rank] {
            study -= counts[rank]
            rank += 1
        }
        throw AltaError(
            "the \(name) of study \(study) of its rank's share is not finite",
            why: "the weights or that study's inputs hold a NaN or an infinity",
            remedy: "evaluate an earlier checkpoint", rank: rank)
    }
}
