/// A sum over ranks that is made bucket by bucket, whatever its elements are; see `NodeReduction`.
public protocol BucketReduction: AnyObject {
    /// What is reduced at once, in the order in which it becomes ready.
    var buckets: [Range<Int>] { get }
    /// Seconds of the last round that `finish` waited for ranks of this node.
    var secondsWaited: Double { get }

    /// Waits until this rank's summands may be written; gives a round up in which no rank announced anything. Collective.
    func begin() throws
    /// Tells that this rank's summands of the first `count` buckets are final. Not collective.
    func announce(_ count: Int)
    /// Does what can be done without waiting; whether there was anything. Not collective.
    @discardableResult func advance(_ summed: (Range<Int>) throws -> Void) throws -> Bool
    /// Returns when all is summed. Collective.
    func finish(_ summed: (Range<Int>) throws -> Void) throws
    /// Gives the memory back. Collective.
    func free() throws
}
