/// How well queries find their matches among all candidates. Expectations over the order of tied candidates.
public struct RetrievalScores: Equatable, Sendable, Codable {
    /// The share of queries whose best match is first, 0...1.
    public let recall1: Double
    /// The share of queries whose best match is among the first 5, 0...1; 1 where there are no more candidates.
    public let recall5: Double
    /// The share of queries whose best match is among the first 10, 0...1; 1 where there are no more candidates.
    public let recall10: Double
    /// The median over queries of the best match's rank, from 1; between two middle ranks, their mean.
    public let medianRank: Double

    /// The scores of queries with these places; the order of `places` does not matter.
    init(places: [MatchPlace], candidates: Int) {
        let distribution = RankDistribution(places: places, candidates: candidates)
        recall1 = distribution.share(within: 1)
        recall5 = distribution.share(within: 5)
        recall10 = distribution.share(within: 10)
        medianRank = distribution.median
    }
}

/// Where a query's best match stands: all that its rank depends on.
///
/// Other matches never count against a query: only candidates that are no match can stand before the best one.
struct MatchPlace: Hashable, Comparable, Sendable {
    /// Candidates that are no match and score higher than the best match.
    let better: Int
    /// Candidates that are no match and score exactly the same.
    let tiedOthers: Int
    /// Matches that score the same as the best one, itself included.
    let tiedMatches: Int

    static func < (a: MatchPlace, b: MatchPlace) -> Bool {
        (a.better, a.tiedOthers, a.tiedMatches) < (b.better, b.tiedOthers, b.tiedMatches)
    }

    /// The probability, over random orders of what is tied, that the first match has at most this rank.
    func probability(within rank: Int) -> Double {
        let slots = rank - better
        guard slots > 0 else { return 0 }
        guard slots <= tiedOthers else { return 1 }
        // No match in the first `slots` of all that is tied: C(others, slots) / C(others + matches, slots), written
        // with the shorter of two equal products.
        let tied = tiedOthers + tiedMatches
        let (factors, missing) = slots < tiedMatches ? (slots, tiedMatches) : (tiedMatches, slots)
        var miss = 1.0
        for factor in 0..<factors { miss *= Double(tied - missing - factor) / Double(tied - factor) }
        return 1 - miss
    }
}

/// The distribution of the best match's rank over queries and over the order of ties.
struct RankDistribution {
    private let groups: [(place: MatchPlace, queries: Int)]
    private let queries: Int
    private let candidates: Int

    /// Equal places are counted together and sorted, so that no sum depends on the order of the queries.
    init(places: [MatchPlace], candidates: Int) {
        var counts: [MatchPlace: Int] = [:]
        for place in places { counts[place, default: 0] += 1 }
        groups = counts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        queries = places.count
        self.candidates = candidates
    }

    /// The expected share of queries whose best match has at most this rank.
    func share(within rank: Int) -> Double {
        groups.reduce(0.0) { $0 + Double($1.queries) * $1.place.probability(within: rank) } / Double(queries)
    }

    /// The rank at which the share reaches one half; where it is exactly one half, midway to the next that occurs.
    var median: Double {
        // Shares are sums of products: equal to one half up to their rounding.
        let rounding = 1e-12
        let lower = smallestRank { share(within: $0) >= 0.5 - rounding }
        let upper = smallestRank { share(within: $0) > 0.5 + rounding }
        return Double(lower + upper) / 2
    }

    /// By bisection: the share grows with the rank and is 1 at the last.
    private func smallestRank(where isReached: (Int) -> Bool) -> Int {
        var (low, high) = (1, candidates)
        while low < high {
            let middle = (low + high) / 2
            if isReached(middle) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
