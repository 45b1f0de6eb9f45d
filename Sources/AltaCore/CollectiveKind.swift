/// What ranks do together, as they tell others of it.
public enum CollectiveKind: UInt64, Sendable, CaseIterable {
    case barrier = 1
    case broadcast
    case allReduce
    case allGather
    case reduceScatter
    /// An all-reduce begun in the background.
    case startAllReduce
    /// The wait for the end of one.
    case finishAllReduce
    case split
    case splitByMemory
    case shareMemory
    /// A wait for what other ranks write into shared memory.
    case sharedMemory
    /// The start of MPI.
    case join
    /// The end of MPI.
    case leave

    /// Its name in messages.
    public var name: String {
        switch self {
        case .barrier: "barrier"
        case .broadcast: "broadcast"
        case .allReduce: "all-reduce"
        case .allGather: "all-gather"
        case .reduceScatter: "reduce-scatter"
        case .startAllReduce: "start of an all-reduce"
        case .finishAllReduce: "end of an all-reduce"
        case .split: "split into groups"
        case .splitByMemory: "split by memory"
        case .shareMemory: "reservation of shared memory"
        case .sharedMemory: "exchange in shared memory"
        case .join: "start of MPI"
        case .leave: "end of MPI"
        }
    }
}
