/// Pairs dealt into rounds, so that every two of a number of places meet once and nobody is in two pairs at a time.
package enum PairRounds {
    /// The rounds for `count` places: one fewer than places, or as many where that number is odd (circle method).
    package static func rounds(_ count: Int) -> [[(first: Int, second: Int)]] {
        guard count > 1 else { return [] }
        let size = count + count % 2
        // The last place stays, the others move on by one each round.
        return (0..<size - 1).map { round in
            (0..<size / 2).compactMap { index in
                let one = (round + index) % (size - 1)
                let other = index == 0 ? size - 1 : (round + size - 1 - index) % (size - 1)
                guard one < count, other < count else { return nil }
                return (min(one, other), max(one, other))
            }
        }
    }
}
