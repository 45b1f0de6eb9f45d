/// An all-reduce that has begun and works on while its caller does something else.
///
/// The buffer belongs to the reduction until it is done. MPI works on it inside MPI calls alone, so that whoever wants
/// it to advance calls `isDone` now and then. An object serves one thread.
public protocol StartedReduction: AnyObject {
    /// Lets the transport work, and tells whether the buffer holds the result. Not collective.
    func isDone() throws -> Bool

    /// Returns when the buffer holds the result. Not collective, but needs every rank to have begun.
    func wait() throws
}
