/// The state of byte-pair merging: words as lists of symbols, how often each pair of neighbours occurs, and where.
///
/// A merge touches only the words that hold its pair; the most frequent pair comes from a heap whose stale entries are
/// dropped when they surface.
struct WordPieceMerging {
    private struct Pair: Hashable {
        let left: Int32
        let right: Int32
    }

    private struct Candidate {
        let count: Int
        let pair: Pair

        /// The more frequent first; of equals the pair of the older symbols.
        func precedes(_ other: Candidate) -> Bool {
            (other.count, pair.left, pair.right) < (count, other.pair.left, other.pair.right)
        }
    }

    /// The tokens so far: the alphabet, then the merges.
    private(set) var symbols: [[UInt8]]

    private var symbolOfText: [[UInt8]: Int32] = [:]
    private var words: [[Int32]] = []
    private var counts: [Int] = []
    private var pairCounts: [Pair: Int] = [:]
    private var pairWords: [Pair: Set<Int32>] = [:]
    private var heap = BinaryHeap<Candidate>(precedes: { $0.precedes($1) })

    /// Cuts the words into the characters of `alphabet` (with `##` within a word); words with others are left out.
    init(alphabet: [[UInt8]], wordCounts: [[UInt8]: Int]) {
        symbols = alphabet
        for (symbol, text) in alphabet.enumerated() { symbolOfText[text] = Int32(symbol) }
        for (word, count) in wordCounts { add(word, count) }
        for (pair, count) in pairCounts { heap.push(Candidate(count: count, pair: pair)) }
    }

    private mutating func add(_ word: [UInt8], _ count: Int) {
        var pieces: [Int32] = []
        for scalar in String(decoding: word, as: UTF8.self).unicodeScalars {
            let text = Array((pieces.isEmpty ? "" : "##").utf8) + Array(String(scalar).utf8)
            guard let symbol = symbolOfText[text] else { return }
            pieces.append(symbol)
        }
        let index = Int32(words.count)
        words.append(pieces)
        counts.append(count)
        for (left, right) in zip(pieces, pieces.dropFirst()) {
            pairCounts[Pair(left: left, right: right), default: 0] += count
            pairWords[Pair(left: left, right: right), default: []].insert(index)
        }
    }

    /// Merges the most frequent pair everywhere; false where none occurs `minimumCount` times.
    mutating func mergeMostFrequentPair(_ minimumCount: Int) -> Bool {
        while let candidate = heap.pop() {
            let count = pairCounts[candidate.pair] ?? 0
            if count != candidate.count {
                if count > 0, count < candidate.count { heap.push(Candidate(count: count, pair: candidate.pair)) }
                continue
            }
            guard count >= minimumCount else { return false }
            merge(candidate.pair)
            return true
        }
        return false
    }

    private mutating func merge(_ pair: Pair) {
        let merged = symbol(of: symbols[Int(pair.left)] + symbols[Int(pair.right)].dropFirst(2))
        var grown: Set<Pair> = []
        for index in pairWords.removeValue(forKey: pair) ?? [] {
            let old = words[Int(index)]
            let new = Self.replacing(pair, by: merged, in: old)
            for (left, right) in zip(old, old.dropFirst()) { subtract(Pair(left: left, right: right), index) }
            for (left, right) in zip(new, new.dropFirst()) {
                let neighbour = Pair(left: left, right: right)
                pairCounts[neighbour, default: 0] += counts[Int(index)]
                pairWords[neighbour, default: []].insert(index)
                if left == merged || right == merged { grown.insert(neighbour) }
            }
            words[Int(index)] = new
        }
        for neighbour in grown {
            if let count = pairCounts[neighbour] { heap.push(Candidate(count: count, pair: neighbour)) }
        }
    }

    /// The symbol of a token's text: two ways of merging may lead to the same token.
    private mutating func symbol(of text: [UInt8]) -> Int32 {
        if let known = symbolOfText[text] { return known }
        let symbol = Int32(symbols.count)
        symbols.append(text)
        symbolOfText[text] = symbol
        return symbol
    }

    private mutating func subtract(_ pair: Pair, _ index: Int32) {
        guard let count = pairCounts[pair] else { return }
        let left = count - counts[Int(index)]
        pairCounts[pair] = left > 0 ? left : nil
        pairWords[pair]?.remove(index)
    }

    private static func replacing(_ pair: Pair, by merged: Int32, in word: [Int32]) -> [Int32] {
        var result: [Int32] = []
        result.reserveCapacity(word.count)
        var index = 0
        while index < word.count {
            if index + 1 < word.count, word[index] == pair.left, word[index + 1] == pair.right {
                result.append(merged)
                index += 2
            } else {
                result.append(word[index])
                index += 1
            }
        }
        return result
    }
}

/// A binary heap: `pop` gives the element that precedes all others.
struct BinaryHeap<Element> {
    private var elements: [Element] = []
    private let precedes: (Element, Element) -> Bool

    /// An empty heap in the order of `precedes`.
    init(precedes: @escaping (Element, Element) -> Bool) { self.precedes = precedes }

    /// Adds an element.
    mutating func push(_ element: Element) {
        elements.append(element)
        var child = elements.count - 1
        while child > 0, precedes(elements[child], elements[(child - 1) / 2]) {
            elements.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// Removes and returns the first element; nil where there is none.
    mutating func pop() -> Element? {
        guard let last = elements.popLast() else { return nil }
        guard let first = elements.first else { return last }
        elements[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < elements.count {
                if precedes(elements[child], elements[least]) { least = child }
            }
            if least == parent { return first }
            elements.swapAt(parent, least)
            parent = least
        }
    }
}
