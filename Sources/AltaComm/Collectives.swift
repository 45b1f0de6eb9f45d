/// What the ranks of a job can do together.
///
/// Every method is collective unless it says otherwise: every rank calls it, all in the same order, with the same
/// element type, operation, root and counts. A rank that throws elsewhere leaves the others waiting over MPI, so
/// whoever catches an error that not every rank sees calls `abort(exitCode:)`. An object serves one thread at a time.
///
/// Legend: R ranks, numbered from 0. "Counts" are numbers of elements, not of bytes.
public protocol Collectives: AnyObject {
    /// This rank, from 0. Not collective.
    var rank: Int { get }

    /// The number of ranks R. Not collective.
    var rankCount: Int { get }

    /// The name of the machine this rank runs on. Not collective.
    var hostName: String { get }

    /// Returns when every rank has called it.
    func barrier() throws

    /// Fills every rank's buffer with the root's.
    ///
    /// - Parameters:
    ///   - buffer: `[n]`, n the same on every rank; read on the root, written elsewhere.
    ///   - root: the rank whose elements count.
    /// - Throws: `AltaError` when there is no such root or MPI fails.
    func broadcast<E: CollectiveElement>(_ buffer: UnsafeMutableBufferPointer<E>, from root: Int) throws

    /// Combines the buffers of all ranks element by element, in place; every rank gets the same bits.
    ///
    /// Integer results depend on nothing but the elements. The rounding of floating-point sums depends on the number of
    /// ranks and, from three ranks on, on n.
    ///
    /// - Parameters:
    ///   - buffer: `[n]`, n the same on every rank.
    ///   - operation: how two elements become one.
    /// - Throws: `AltaError` when MPI fails.
    func allReduce<E: CollectiveElement>(_ buffer: UnsafeMutableBufferPointer<E>, _ operation: ReduceOperation) throws

    /// Concatenates the elements of all ranks, in the order of the ranks, on every rank.
    ///
    /// - Parameters:
    ///   - mine: `[counts[rank]]`, this rank's elements; must not overlap `all`.
    ///   - counts: `[R]`, what each rank contributes, known to all; may be unequal and zero.
    ///   - all: `[sum of counts]`, written.
    /// - Throws: `AltaError` when buffers and counts disagree or MPI fails.
    func allGather<E: CollectiveElement>(
        _ mine: UnsafeBufferPointer<E>, counts: [Int], into all: UnsafeMutableBufferPointer<E>) throws

    /// Adds the buffers of all ranks element by element and gives each rank its slice of the sum.
    ///
    /// - Parameters:
    ///   - all: `[sum of counts]`, this rank's summands for all slices, in the order of the ranks.
    ///   - counts: `[R]`, the length of each rank's slice, known to all; may be unequal and zero.
    ///   - mine: `[counts[rank]]`, written; must not overlap `all`.
    /// - Throws: `AltaError` when buffers and counts disagree or MPI fails.
    func reduceScatter<E: CollectiveElement>(
        _ all: UnsafeBufferPointer<E>, counts: [Int], into mine: UnsafeMutableBufferPointer<E>) throws

    /// Begins to combine the buffers of all ranks as `allReduce` does, and returns at once.
    ///
    /// Several may be under way; all ranks begin them in the same order, among all collectives of this group.
    ///
    /// - Parameters:
    ///   - buffer: `[n]`, n the same on every rank; the reduction's own until it is done.
    ///   - operation: how two elements become one.
    /// - Throws: `AltaError` when MPI fails.
    func startAllReduce<E: CollectiveElement>(
        _ buffer: UnsafeMutableBufferPointer<E>, _ operation: ReduceOperation
    ) throws -> any StartedReduction

    /// The ranks that name the same color, as a group with collectives of its own, in the order of their ranks.
    ///
    /// A group lives as long as the job: it is made once, not every step.
    ///
    /// - Parameter color: 0 or more.
    func split(color: Int) throws -> any Collectives

    /// The ranks that can share memory with this one (those on its machine), as a group; see `split(color:)`.
    func splitByMemory() throws -> any Collectives

    /// Memory that every rank of this group reads and writes in place; zero at first.
    ///
    /// - Parameter byteCount: the bytes of this rank's part; ranks may ask for different numbers.
    /// - Throws: `AltaError`, on every rank of the group alike, where the system has no room.
    func shareMemory(byteCount: Int) throws -> SharedMemory

    /// Tells that this rank wrote so many bytes into shared memory for others to read. Not collective; for meters.
    func noteShared(byteCount: Int)

    /// Lets others have the processor, in a loop that waits for shared memory. Not collective.
    ///
    /// - Throws: `AltaError` where the job has failed, so that waiting is in vain; over MPI, mpirun ends such a job.
    func pause() throws

    /// Returns when `isDone` holds, which other ranks bring about by what they write into shared memory.
    ///
    /// Every rank of the group calls it at the same place among its collectives, so that it is known where they wait.
    func waitInMemory(until isDone: () throws -> Bool) throws

    /// Ends every rank of the job. Not collective, and the one method that any thread may call at any time.
    ///
    /// Over MPI this ends the process, and mpirun exits with the code (modulo 256). Over threads it returns, and every
    /// rank's present or next collective throws.
    func abort(exitCode: Int32)
}

extension Collectives {
    /// Only a meter wants to know.
    public func noteShared(byteCount: Int) {}

    /// Asks again and again, and lets others have the processor between: how a transport waits in memory.
    ///
    /// No default of `waitInMemory`: what stands before a transport would hide the wait from what stands behind it.
    func pause(until isDone: () throws -> Bool) throws {
        while try !isDone() { try pause() }
    }
}

/// How a reduction combines two elements.
public enum ReduceOperation: String, Sendable, CaseIterable {
    /// The sum; of integers, modulo 2 to the number of bits.
    case sum
    /// The larger one. Undefined where an element is not a number.
    case maximum
    /// The smaller one. Undefined where an element is not a number.
    case minimum
}
