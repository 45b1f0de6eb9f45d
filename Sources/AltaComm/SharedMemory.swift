import Synchronization

/// Memory that the ranks of a group read and write in place: a part for each, and counters to tell each other by.
///
/// What a rank wrote before `publish` is seen by a rank that has read the value with `published` or `least`. Nothing
/// else orders accesses: the ranks agree on who writes what, and when. The memory goes with `free`, which is collective,
/// not with the object; at the end of a process the system takes it.
public final class SharedMemory {
    /// The bytes that `shareMemory` reserves for counters at the start of each part.
    static let headerByteCount = counterCount * counterStride
    /// Parts begin at multiples of this many bytes: a cache line.
    static let alignment = 64
    /// How many counters each rank has.
    public static let counterCount = 4
    // Two cache lines: processors fetch lines in pairs, and a counter is polled by every rank.
    private static let counterStride = 128

    /// This rank in the group.
    public let rank: Int
    /// Each rank's bytes, `[R]`, all zero at first.
    public let parts: [UnsafeMutableRawBufferPointer]

    private let headers: [UnsafeMutableRawPointer]
    private let backing: any SharedMemoryBacking

    /// Stores parts that are mapped and zero, each with its header, and what frees them.
    init(rank: Int, mapped: [UnsafeMutableRawBufferPointer], backing: any SharedMemoryBacking) {
        let starts = mapped.map { part in
            guard let base = part.baseAddress else { preconditionFailure("a shared part without an address") }
            return base.alignedUp(toMultipleOf: SharedMemory.alignment)
        }
        self.rank = rank
        self.backing = backing
        headers = starts
        parts = zip(mapped, starts).map { part, start in
            let skipped =
                UInt(bitPattern: start) - UInt(bitPattern: part.baseAddress) + UInt(SharedMemory.headerByteCount)
            return UnsafeMutableRawBufferPointer(rebasing: part[Int(skipped)...])
        }
    }

    /// The bytes to reserve for a part of `byteCount` bytes.
    static func reservedByteCount(_ byteCount: Int) -> Int { alignment + headerByteCount + byteCount }

    /// Sets this rank's counter. Not collective.
    public func publish(_ value: Int, on counter: Int) {
        atomic(rank, counter).pointee.store(value, ordering: .releasing)
    }

    /// A rank's counter. Not collective.
    public func published(by rank: Int, on counter: Int) -> Int {
        atomic(rank, counter).pointee.load(ordering: .acquiring)
    }

    /// The least value of all ranks' counters. Not collective.
    public func least(on counter: Int) -> Int {
        headers.indices.reduce(Int.max) { min($0, published(by: $1, on: counter)) }
    }

    /// Gives the memory back. Collective; no part may be used afterwards.
    public func free() throws { try backing.free() }

    private func atomic(_ rank: Int, _ counter: Int) -> UnsafeMutablePointer<Atomic<Int>> {
        precondition((0..<SharedMemory.counterCount).contains(counter), "counter \(counter) of shared memory")
        return (headers[rank] + counter * SharedMemory.counterStride).assumingMemoryBound(to: Atomic<Int>.self)
    }
}

/// What keeps shared memory mapped.
protocol SharedMemoryBacking: AnyObject {
    /// Unmaps it. Collective.
    func free() throws
}
