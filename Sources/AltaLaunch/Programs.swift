import AltaCore
import Foundation

/// Where the programs of a job are.
enum Programs {
    /// mpirun from the search path; Debian's `mpirun.openmpi` before a `mpirun` of the same folder, which may be MPICH's.
    static func mpirun() -> String? { find("mpirun.openmpi", "mpirun") }

    /// The first of the search path's folders that has a program of one of these names, by its whole path.
    static func find(_ names: String...) -> String? {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
        for folder in path.split(separator: ":") {
            for name in names {
                let file = "\(folder)/\(name)"
                if isProgram(file) { return file }
            }
        }
        return nil
    }

    /// This executable.
    static var own: String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "alta-launch"
    }

    /// The program of a rank: the one named, else the `alta-worker` beside this executable, whatever the working folder.
    static func worker(_ named: String?) -> String {
        if let named { return absolute(named) }
        return own.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
            + "/alta-worker"
    }

    /// mpirun and the worker, both there.
    /// - Throws: `AltaError` with the remedy where one is missing.
    static func find(worker named: String?) throws(AltaError) -> (mpirun: String, worker: String) {
        guard let mpirun = mpirun() else {
            throw AltaError(
                "mpirun was not found", why: "it is in no folder of PATH",
                remedy: "run Cluster/setup, or load your cluster's Open MPI module")
        }
        let worker = worker(named)
        guard isProgram(worker) else {
            throw AltaError(
                "alta-worker was not found beside alta-launch", remedy: "build it: swift build -c release", file: worker
            )
        }
        return (mpirun, worker)
    }

    static func absolute(_ path: String) -> String {
        let whole = path.hasPrefix("/") ? path : "\(FileManager.default.currentDirectoryPath)/\(path)"
        return URL(filePath: whole).standardized.path
    }

    static func isProgram(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder.boolValue
            && access(path, X_OK) == 0
    }
}
