import AltaComm
import AltaCore
import AltaFormats
import AltaPlacement
import AltaTensor
import Foundation

/// What a rank knows of its program, its cores and its memory without asking any other rank.
struct MachineFacts: Codable, Equatable {
    /// A hash of the program's file.
    var program = ""
    /// The MPI library, in its own words.
    var library = ""
    /// What decides the bits of products; see `Engine.kernelFingerprint`.
    var kernels = ""
    /// The cores that it may run on, as Linux numbers them.
    var cores: [Int] = []
    /// Those of them that share a physical core, for each physical core.
    var physicalCores: [[Int]] = []
    /// The cores of the machine.
    var coreCount = 0
    /// The processor time that its control group grants, in cores; nil: no limit.
    var coreQuota: Double?
    /// Threads that its engine has.
    var threads = 1
    /// `OMP_NUM_THREADS`, where it is set.
    var threadVariable: String?
    /// Memory that it and its neighbours on the machine may count on together, bytes.
    var usableMemoryBytes = 0
    /// The limit of its control group, bytes; nil: none.
    var memoryLimitBytes: Int?
    /// The folder of shared memory.
    var sharedFolder = ""
    /// What is free there, bytes; nil where it cannot be asked.
    var sharedFreeBytes: Int?
    /// The kernel's restriction of copies between processes (`kernel.yama.ptrace_scope`); nil: it has none.
    var traceScope: String?
    /// How many files it may have open.
    var openFiles = 0

    /// What this rank finds.
    ///
    /// - Throws: `AltaError` where the kernel or MPI does not answer.
    static func current(_ engine: Engine) throws -> MachineFacts {
        let machine = try MachineTopology.current()
        let space = SharedMemorySpace.current()
        let program = try FileBytes(mapping: "/proc/self/exe", what: "the program")
        return MachineFacts(
            program: StableHash.hex(StableHash.value(of: program.bytes)), library: try MPICollectives.libraryVersion(),
            kernels: engine.kernelFingerprint, cores: machine.usableCores.cores,
            physicalCores: machine.physicalCores.map(\.cores), coreCount: machine.allCores.cores.count,
            coreQuota: machine.controlGroup.coreQuota, threads: engine.threads,
            threadVariable: ProcessInfo.processInfo.environment["OMP_NUM_THREADS"],
            usableMemoryBytes: machine.usableMemoryBytes, memoryLimitBytes: machine.controlGroup.memoryLimitBytes,
            sharedFolder: space.folder, sharedFreeBytes: space.freeBytes,
            traceScope: (try? SmallFile.contents("/proc/sys/kernel/yama/ptrace_scope", what: "a setting", limit: 64))
                .map { String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines) },
            openFiles: openFileLimit())
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
    var upperMedian: Double? { isEmpty ? nil : sorted()[count / 2] }
}
