import AltaComm
import AltaCore
import Foundation

/// What the command line asks for.
struct CheckOptions: Sendable {
    /// Ranks as threads; nil: ranks of MPI.
    var threadCount: Int?
    /// How MPI messages are cut.
    var limits = MPICollectives.Limits()
    /// Instead of the checks: the number of Int64 elements of an all-reduce to time.
    var timedElementCount: Int?
    /// Instead of the checks: the bytes of shared memory that each rank asks for.
    var sharedByteCount: Int?
    /// Instead of the checks: what goes wrong on purpose.
    var fault: Fault?

    enum Fault: String {
        /// The last rank expects fewer elements of a broadcast than are sent.
        case truncate
        /// The last rank ends the job while the others wait for it.
        case abort
        /// The last rank fails while the others wait for it.
        case `throw`
    }

    init(_ arguments: [String]) throws {
        var rest = arguments[...]
        while let name = rest.popFirst() {
            guard let value = rest.popFirst() else { throw AltaError("\(name) needs a value") }
            switch name {
            case "--threads": threadCount = try Self.positive(value)
            case "--largest-count": limits.elementCount = try Self.positive(value)
            case "--bucket-bytes": limits.reduceByteCount = try Self.positive(value)
            case "--shared-bytes": sharedByteCount = try Self.positive(value)
            case "--time": timedElementCount = try Self.positive(value)
            case "--fault": fault = Fault(rawValue: value)
            default: throw AltaError("unknown option \(name)")
            }
        }
    }

    private static func positive(_ text: String) throws -> Int {
        guard let value = Int(text), value > 0 else { throw AltaError("\(text) is no positive number") }
        return value
    }

    /// What one rank does.
    func perform(with collectives: any Collectives) throws {
        if let fault { return try fault.happen(in: collectives) }
        if let sharedByteCount { return try share(sharedByteCount, collectives) }
        if let timedElementCount { return try time(timedElementCount, collectives) }
        var checks = CollectiveChecks(collectives)
        try checks.run()
        for failure in checks.failures { Self.report("failed on rank \(collectives.rank): \(failure)") }
        guard checks.failures.isEmpty else { throw AltaError("\(checks.failures.count) checks failed") }
        if collectives.rank == 0 { print("\(checks.count) checks hold at \(collectives.rankCount) ranks") }
    }

    static func report(_ line: String) {
        FileHandle.standardError.write(Data("\(line)\n".utf8))
    }

    static func exitCode(of error: any Error) -> Int32 {
        ((error as? AltaError)?.exitCode ?? .failed).rawValue
    }

    /// Asks for shared memory, and goes on where it is refused; each rank prints what became of it.
    private func share(_ byteCount: Int, _ collectives: any Collectives) throws {
        var outcome = "shared"
        do {
            let memory = try collectives.splitByMemory().shareMemory(byteCount: byteCount)
            try memory.free()
        } catch let error as AltaError { outcome = "\(error)" }
        for line in try collectives.allGather(outcome) where collectives.rank == 0 { print("outcome: \(line)") }
    }

    /// Prints the milliseconds of five all-reduces after one that warms up, the slowest rank's.
    private func time(_ count: Int, _ collectives: any Collectives) throws {
        var values = [Int64](repeating: 1, count: count)
        var milliseconds: [Double] = []
        for _ in 0..<6 {
            try collectives.barrier()
            let seconds = try ContinuousClock().measure {
                try values.withUnsafeMutableBufferPointer { try collectives.allReduce($0, .sum) }
            }
            milliseconds.append(try collectives.allReduce(seconds / .milliseconds(1), .maximum))
        }
        guard collectives.rank == 0 else { return }
        let times = milliseconds.dropFirst().map { String(format: "%.1f", $0) }.joined(separator: " ")
        print("all-reduce of \(count) Int64 at \(collectives.rankCount) ranks, ms: \(times)")
    }
}

extension CheckOptions.Fault {
    /// Makes the last rank go wrong while the others are in a collective.
    func happen(in collectives: any Collectives) throws {
        let isLast = collectives.rank == collectives.rankCount - 1
        switch self {
        case .truncate:
            var values = [Int64](repeating: 1, count: isLast ? 8 : 16)
            try values.withUnsafeMutableBufferPointer { try collectives.broadcast($0, from: 0) }
        case .abort:
            if isLast { collectives.abort(exitCode: 7) }
        case .throw:
            if isLast { throw AltaError("a planted fault", exitCode: .stoppedEarly) }
        }
        try collectives.barrier()
    }
}
