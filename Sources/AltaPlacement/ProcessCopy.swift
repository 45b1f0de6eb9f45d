import CAltaSystem
import Foundation

/// Bytes that another process of this machine can copy straight out of this one's memory (cross memory attach).
///
/// MPI moves large messages between ranks of a machine in one copy where the system allows that, else in two.
public final class ProcessCopy {
    private static let byteCount = 8
    private let bytes = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 8)

    /// Where the bytes are and what they hold, as a text for the other process.
    public var address: String { "\(getpid()) \(UInt(bitPattern: bytes)) \(token)" }

    private let token: UInt64

    /// Bytes that hold a random number, as long as this object lives.
    public init() {
        token = UInt64.random(in: 1...UInt64.max)
        bytes.storeBytes(of: token, as: UInt64.self)
    }

    deinit { bytes.deallocate() }

    /// Copies what another process offers.
    ///
    /// - Parameter address: what its `address` says.
    /// - Returns: nil where the bytes arrived, else why not.
    public static func obstacle(copyingFrom address: String) -> String? {
        let parts = address.split(separator: " ")
        guard parts.count == 3, let process = Int32(parts[0]), let place = UInt64(parts[1]),
            let token = UInt64(parts[2])
        else { return "the other process told no address" }
        var found: UInt64 = 0
        let code = alta_process_memory_read(process, place, &found, byteCount)
        guard code == 0 else { return String(cString: strerror(-code)) }
        return found == token ? nil : "another process has its number: ranks are in different containers"
    }
}
