import AltaCore
import CAltaSystem

/// Which cores the calling thread may run on. Threads inherit it from the one that starts them.
public enum ProcessAffinity {
    /// The cores that the calling thread may run on.
    ///
    /// Sizes thread pools: Foundation's count of active processors ignores the binding that mpirun gave a rank.
    ///
    /// - Throws: `AltaError` where the kernel refuses.
    public static func current() throws -> CoreList {
        var cores: [Int32] = []
        // The second round has room for all, unless the list grew in between.
        while true {
            let found = try SystemCall.check(
                alta_affinity_get(&cores, Int32(cores.count)), "cannot read which cores this thread may use")
            if found <= cores.count { return CoreList(cores.prefix(found).map { Int($0) }) }
            cores = Array(repeating: 0, count: found)
        }
    }

    /// Restricts the calling thread, and threads that it starts later, to the cores given.
    ///
    /// - Throws: `AltaError` where none of the cores may be used.
    public static func set(_ cores: CoreList) throws {
        let numbers = cores.cores.map { Int32(clamping: $0) }
        try SystemCall.check(
            alta_affinity_set(numbers, Int32(numbers.count)), "cannot bind this thread to \(cores)",
            remedy: "name cores that this process may use; MachineTopology tells them")
    }
}
