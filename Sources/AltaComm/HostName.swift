import AltaCore
import CAltaSystem

/// The name of this machine.
package enum HostName {
    /// From the kernel: Foundation's asks name servers.
    ///
    /// Errors: the kernel has none, or one longer than names may be.
    package static func current() throws -> String {
        var name = [CChar](repeating: 0, count: 256)
        let code = alta_host_name(&name, name.count)
        guard code == 0 else {
            throw AltaError("cannot read this machine's name", why: AltaError.systemText(-code))
        }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
