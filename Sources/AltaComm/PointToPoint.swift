/// Messages from one rank to another. For measuring what lies between two of them; training uses collectives alone.
///
/// Nothing here is collective: a message is sent by one rank and received by the other, in the order of their calls. Both
/// calls return at once, and the message goes on while `StartedMessage.isDone` is asked. Messages of one group of ranks do
/// not meet its collectives. Like collectives, an object serves one thread at a time.
public protocol PointToPoint {
    /// Begins to send bytes, which stay as they are until the message is done.
    ///
    /// - Throws: `AltaError` where there is no such rank, the bytes are more than MPI counts, or MPI fails.
    func startSending(_ bytes: UnsafeRawBufferPointer, to rank: Int) throws -> any StartedMessage

    /// Begins to receive as many bytes as the sender sends; they are there when the message is done.
    ///
    /// - Throws: `AltaError` where there is no such rank, the bytes are more than MPI counts, or MPI fails.
    func startReceiving(_ bytes: UnsafeMutableRawBufferPointer, from rank: Int) throws -> any StartedMessage
}

extension Collectives {
    /// Messages between the ranks of this group; nil where the transport has none. Not collective.
    public var pointToPoint: (any PointToPoint)? {
        (self as? any PointToPoint) ?? (self as? any WrappedCollectives)?.base.pointToPoint
    }
}

/// Collectives that leave the work to others of the same ranks.
protocol WrappedCollectives {
    /// Those that do the work.
    var base: any Collectives { get }
}

extension MeteredCollectives: WrappedCollectives {}
extension WatchedCollectives: WrappedCollectives {}
extension CheckedCollectives: WrappedCollectives {}
extension TracedCollectives: WrappedCollectives {}

/// A message under way. Its bytes must stay where they are until it is done, also where nobody waits for it any more.
public protocol StartedMessage: AnyObject {
    /// Whether it has arrived (or may be forgotten by the sender). Lets MPI work. Not collective.
    ///
    /// - Throws: `AltaError` where MPI fails.
    func isDone() throws -> Bool
}
