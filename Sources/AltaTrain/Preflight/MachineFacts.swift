import AltaComm
import AltaCore
import AltaPlacement
import AltaTensor
import Foundation

/// What a rank knows of its program, its cores and its memory without asking any other rank.
package struct MachineFacts: Codable, Equatable {
    /// A hash of the program's file.
    package var program = ""
    /// The MPI library, in its own words.
    package var library = ""
    /// What decides the bits of products; see `Engine.kernelFingerprint`.
    package var kernels = ""
    /// The cores that it may run on, as Linux numbers them.
    package var cores: [Int] = []
    /// Those of them that share a physical core, for each physical core.
    package var physicalCores: [[Int]] = []
    /// The cores of the machine.
    package var coreCount = 0
    /// The processor time that its control group grants, in cores; nil: no limit.
    package var coreQuota: Double?
    /// Threads that its engine has.
    package var threads = 1
    /// `OMP_NUM_THREADS`, where it is set.
    package var threadVariable: String?
    /// Memory that it and its neighbours on the machine may count on together, bytes.
    package var usableMemoryBytes = 0
    /// The limit of its control group, bytes; nil: none.
    package var memoryLimitBytes: Int?
    /// The folder of shared memory.
    package var sharedFolder = ""
    /// What is free there, bytes; nil where it cannot be asked.
    package var sharedFreeBytes: Int?
    /// The kernel's restriction of copies between processes (`kernel.yama.ptrace_scope`); nil: it has none.
    package var traceScope: String?
    /// How many files it may have open.
    package var openFiles = 0

    /// Nothing is known.
    package init() {}

    /// What this rank finds.
    ///
    /// - Throws: `AltaError` where the kernel or MPI does not answer.
    static func current(_ engine: Engine) throws -> MachineFacts {
        let machine = try MachineTopology.current()
        let space = SharedMemorySpace.current()
        var facts = MachineFacts()
        facts.program = try RunningProgram.current().contentHash()
        facts.library = MPICollectives.libraryVersion
        facts.kernels = engine.kernelFingerprint
        facts.cores = machine.usableCores.cores
        facts.physicalCores = machine.physicalCores.map(\.cores)
        facts.coreCount = machine.allCores.cores.count
        facts.coreQuota = machine.controlGroup.coreQuota
        facts.threads = engine.threads
        facts.threadVariable = ProcessInfo.processInfo.environment["OMP_NUM_THREADS"]
        facts.usableMemoryBytes = machine.usableMemoryBytes
        facts.memoryLimitBytes = machine.controlGroup.memoryLimitBytes
        (facts.sharedFolder, facts.sharedFreeBytes) = (space.folder, space.freeBytes)
        facts.traceScope = (try? SmallFile.contents("/proc/sys/kernel/yama/ptrace_scope", what: "a setting", limit: 64))
            .map { String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines) }
        facts.openFiles = openFileLimit()
        return facts
    }

    private static func openFileLimit() -> Int {
        var limit = rlimit()
        return getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 ? Int(clamping: limit.rlim_cur) : 0
    }
}

/// Sizes as people read them.
enum Amount {
    /// Bytes in MiB or GiB.
    static func bytes(_ count: Double) -> String {
        let mebibytes = count / 0x1p20
        if mebibytes < 10 { return "\(ProgressLine.fixed(mebibytes, 1)) MiB" }
        return mebibytes < 10_000 ? "\(Int(mebibytes.rounded())) MiB" : "\(ProgressLine.fixed(count / 0x1p30, 1)) GiB"
    }

    /// Bytes in MiB or GiB.
    static func bytes(_ count: Int) -> String { bytes(Double(count)) }

    /// Seconds in the unit that suits them.
    static func seconds(_ seconds: Double) -> String {
        if seconds < 1e-3 { return "\(ProgressLine.fixed(seconds * 1e6, 1)) us" }
        return seconds < 1
            ? "\(ProgressLine.fixed(seconds * 1e3, seconds < 0.1 ? 2 : 0)) ms" : "\(ProgressLine.fixed(seconds, 1)) s"
    }

    /// A rate of bytes in MB/s or GB/s.
    static func rate(_ bytesPerSecond: Double) -> String {
        bytesPerSecond < 1e9
            ? "\(Int((bytesPerSecond / 1e6).rounded())) MB/s" : "\(ProgressLine.fixed(bytesPerSecond / 1e9, 1)) GB/s"
    }
}

extension Array where Element == Double {
    /// The middle one in order, of two the larger; nil where there is none.
    package var upperMedian: Double? { isEmpty ? nil : sorted()[count / 2] }
}
