import CAltaKernels

/// oneDNN primitives by what they compute. Making one takes about a millisecond, and one holds some 150 KB.
///
/// Row counts and sequences come in many lengths: what was used least recently is forgotten first, so that memory stays
/// bounded over any number of them. (oneDNN keeps up to 1024 primitives itself, for all engines of a process.)
final class PrimitiveCache<Key: Hashable> {
    /// Primitives kept at most: some 80 MB.
    static var largestCount: Int { 512 }
    /// Where not nil, the names of the kernels of what is looked up go here.
    var kernelNames: Set<String>?
    /// The number of primitives held.
    var count: Int { entries.count }
    private var entries: [Key: Entry] = [:]
    private var lookups: UInt64 = 0

    /// The primitive of that key, made where there is none.
    ///
    /// - Parameter make: gives oneDNN's status, 0 where it made one.
    func primitive(_ key: Key, _ make: (inout OpaquePointer?) -> Int32) -> OpaquePointer {
        let entry = entries[key] ?? add(key, make)
        lookups += 1
        entry.lastUse = lookups
        kernelNames?.insert(String(cString: alta_matmul_kernel(entry.primitive)))
        return entry.primitive
    }

    /// Frees all primitives: to be called before their engine goes.
    func forget() { entries = [:] }

    private func add(_ key: Key, _ make: (inout OpaquePointer?) -> Int32) -> Entry {
        if entries.count >= Self.largestCount, let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse }) {
            entries[oldest.key] = nil
        }
        var made: OpaquePointer?
        let status = make(&made)
        guard status == 0, let made else { preconditionFailure("oneDNN has no \(key): status \(status)") }
        let entry = Entry(made)
        entries[key] = entry
        return entry
    }

    private final class Entry {
        let primitive: OpaquePointer
        var lastUse: UInt64 = 0

        init(_ primitive: OpaquePointer) { self.primitive = primitive }

        deinit { alta_matmul_destroy(primitive) }
    }
}
