extension String {
    /// The name that this one was most likely meant to be: the least edit distance, the first of equals; nil where
    /// there are no names.
    ///
    /// In names with dots the last part counts too, at the price of one edit, so that `trian` finds `data.train`.
    public func nearest(among names: some Sequence<String>) -> String? {
        let ownLast = lastPart
        let distances = names.map { name in
            (name, Swift.min(editDistance(to: name), ownLast.editDistance(to: name.lastPart) + 1))
        }
        return distances.min { $0.1 < $1.1 }?.0
    }

    /// The fewest insertions, deletions, replacements and swaps of neighbours that turn this text into another
    /// (optimal string alignment). Only the first 64 characters of each are looked at.
    public func editDistance(to other: String) -> Int {
        let a = Array(prefix(64))
        let b = Array(other.prefix(64))
        var beforeLast: [Int] = []
        var last = Array(0...b.count)
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                let replaced = last[j] + (a[i] == b[j] ? 0 : 1)
                var best = Swift.min(replaced, last[j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = Swift.min(best, beforeLast[j - 1] + 1) }
                row.append(best)
            }
            (beforeLast, last) = (last, row)
        }
        return last[b.count]
    }

    private var lastPart: String { split(separator: ".").last.map(String.init) ?? self }
}
