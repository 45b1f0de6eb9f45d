import AltaCore

/// What counts as a node: the ranks that reduce in memory before anything is sent.
public enum NodeSplit: Sendable, Equatable {
    /// The ranks that can share memory.
    case byMemory
    /// Every rank is a node of its own: where shared memory cannot be had.
    case alone
    /// So many ranks each, in the order of ranks (the last node may have fewer), within one machine: several nodes to try.
    case every(Int)
}

/// A rank's places among the ranks of its node, and among the nodes.
///
/// Each of a node's first `sliceCount` ranks leads a slice of every vector: it adds the slice up within the node, and then
/// over the nodes with the ranks of the same place there. So the network is shared by as many leaders as the smallest
/// node has ranks. One node has groups of one leader each and goes the same way.
public struct NodeGroups {
    /// The ranks of this node.
    public let node: any Collectives
    /// The leaders of this rank's slice on all nodes; nil where this rank leads none.
    public let leaders: (any Collectives)?
    /// How many slices there are: the ranks of the smallest node.
    public let sliceCount: Int

    /// Cuts the job into nodes. Collective; once for a job, since groups live as long as it does.
    public static func make(_ collectives: any Collectives, by split: NodeSplit) throws -> NodeGroups {
        let node =
            switch split {
            case .byMemory: try collectives.splitByMemory()
            case .alone: try collectives.split(color: collectives.rank)
            case .every(let ranks): try collectives.split(color: collectives.rank / max(ranks, 1))
            }
        let sliceCount = Int(try collectives.allReduce(Int64(node.rankCount), .minimum))
        let leads = node.rank < sliceCount
        let group = try collectives.split(color: leads ? node.rank : sliceCount)
        return NodeGroups(node: node, leaders: leads ? group : nil, sliceCount: sliceCount)
    }
}
