/// The vocabulary as a trie over UTF-8 bytes, its edges in one open-addressing table.
///
/// A vocabulary of 30,522 tokens has 80,000 nodes: 2 MB, and a step is one or two probes.
struct WordPieceTrie: Sendable {
    /// The node that every token starts from.
    static let root: Int32 = 0
    /// No such node, no such token.
    static let none: Int32 = -1
    /// Nodes are packed with a byte into 32 bits.
    static let maximumNodeCount = 1 << 24

    /// Entry: (parent << 8 | byte) + 1 in the upper half, the child in the lower; 0: free.
    private var edges = [UInt64](repeating: 0, count: 1 << 10)
    private var tokenOfNode: [Int32] = [WordPieceTrie.none]

    /// How many nodes there are, the root included.
    var nodeCount: Int { tokenOfNode.count }

    /// Adds a token; of two equal ones the later counts (as in the reference's hash map).
    mutating func insert(_ token: some Sequence<UInt8>, id: Int32) {
        var node = Self.root
        for byte in token {
            let next = child(of: node, byte)
            node = next == Self.none ? addChild(of: node, byte) : next
        }
        tokenOfNode[Int(node)] = id
    }

    /// The node that `byte` leads to from `node`, or `none`.
    @inline(__always)
    func child(of node: Int32, _ byte: UInt8) -> Int32 {
        let key = Self.key(node, byte)
        var slot = slot(of: key)
        while true {
            let edge = edges[slot]
            if edge == 0 { return Self.none }
            if edge >> 32 == key { return Int32(truncatingIfNeeded: edge) }
            slot = (slot + 1) & (edges.count - 1)
        }
    }

    /// The token that ends at `node`, or `none`.
    @inline(__always)
    func token(at node: Int32) -> Int32 { tokenOfNode[Int(node)] }

    /// The node that `bytes` lead to from the root, or `none`.
    func node(_ bytes: some Sequence<UInt8>) -> Int32 {
        var node = Self.root
        for byte in bytes where node != Self.none { node = child(of: node, byte) }
        return node
    }

    private mutating func addChild(of node: Int32, _ byte: UInt8) -> Int32 {
        precondition(nodeCount < Self.maximumNodeCount, "\(nodeCount) nodes of at most \(Self.maximumNodeCount)")
        if 2 * nodeCount >= edges.count { grow() }
        let child = Int32(nodeCount)
        tokenOfNode.append(Self.none)
        place(Self.key(node, byte) << 32 | UInt64(child))
        return child
    }

    private mutating func grow() {
        let old = edges
        edges = [UInt64](repeating: 0, count: 2 * old.count)
        for edge in old where edge != 0 { place(edge) }
    }

    private mutating func place(_ edge: UInt64) {
        var slot = slot(of: edge >> 32)
        while edges[slot] != 0 { slot = (slot + 1) & (edges.count - 1) }
        edges[slot] = edge
    }

    @inline(__always)
    private static func key(_ node: Int32, _ byte: UInt8) -> UInt64 {
        (UInt64(UInt32(bitPattern: node)) << 8 | UInt64(byte)) + 1
    }

    @inline(__always)
    private func slot(of key: UInt64) -> Int {
        Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 32) & (edges.count - 1)
    }
}
