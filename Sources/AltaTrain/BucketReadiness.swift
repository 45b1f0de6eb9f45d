import AltaTensor

/// Which buckets of the gradient are complete, as its parameters complete.
///
/// Buckets are whole blocks of `Engine.settleBlock` numbers, taken from the last parameter to the first: the catalogue
/// follows the forward pass, so that is about the order in which a backward sweep completes them. They are reduced in
/// that order on every rank.
struct BucketReadiness {
    private let bucketsOfSlot: [Range<Int>]
    private let slotCounts: [Int]
    private var missing: [Int]
    private var readyCount = 0

    /// The readiness of buckets over parameters that begin at these offsets; the last offset is the end.
    init(buckets: [Range<Int>], offsets: [Int]) {
        let slots = zip(offsets, offsets.dropFirst()).map { $0..<$1 }
        bucketsOfSlot = slots.map { slot in
            let touched = buckets.indices.filter { buckets[$0].overlaps(slot) }
            guard let first = touched.first, let last = touched.last else { return 0..<0 }
            return first..<last + 1
        }
        var counts = Array(repeating: 0, count: buckets.count)
        for bucket in bucketsOfSlot.joined() { counts[bucket] += 1 }
        slotCounts = counts
        missing = counts
    }

    /// The buckets of `count` numbers, of about `elements` each, last numbers first.
    static func buckets(count: Int, elements: Int) -> [Range<Int>] {
        let size = max(1, elements / Engine.settleBlock) * Engine.settleBlock
        return stride(from: 0, to: count, by: size).map { $0..<min($0 + size, count) }.reversed()
    }

    /// Nothing is complete.
    mutating func reset() {
        missing = slotCounts
        readyCount = 0
    }

    /// Counts a parameter, once a step; returns how many buckets are complete with all before them.
    mutating func complete(_ slot: Int) -> Int {
        for bucket in bucketsOfSlot[slot] { missing[bucket] -= 1 }
        while readyCount < missing.count, missing[readyCount] == 0 { readyCount += 1 }
        return readyCount
    }
}
