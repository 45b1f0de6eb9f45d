import Foundation

/// The MPI that the tests start jobs with, as far as command lines differ.
public enum MPIFamily: Sendable {
    /// Open MPI 4.
    case openMPI
    /// MPICH and its kin, whose mpirun is Hydra.
    case mpich

    /// The variable that names another mpirun than the first of the search path.
    static let programVariable = "ALTA_TEST_MPIRUN"

    /// What a `mpirun` is, by what it says of itself.
    static func of(mpirun: String) -> MPIFamily {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: mpirun)
        process.arguments = ["--version"]
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return .openMPI }
        let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return said.contains("HYDRA") ? .mpich : .openMPI
    }

    /// Options for any number of ranks on any machine: ranks share cores, and yield when idle where they can be told to.
    var options: [String] {
        switch self {
        case .openMPI:
            ["--oversubscribe", "--allow-run-as-root", "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1"]
        case .mpich: ["-bind-to", "none"]
        }
    }

    /// Options that give the ranks which follow a variable.
    func option(settingVariable name: String, to value: String) -> [String] {
        switch self {
        case .openMPI: ["-x", "\(name)=\(value)"]
        case .mpich: ["-env", name, value]
        }
    }

    /// How much longer jobs may take than with Open MPI: Debian's MPICH never yields while it waits, so that ranks that share
    /// cores wait for each other's time slices.
    var patience: Double {
        switch self {
        case .openMPI: 1
        case .mpich: 6
        }
    }

    /// What mpirun ends with where a signal ended one of its processes.
    public func exitCode(ofSignal signal: Int32) -> Int32 {
        switch self {
        case .openMPI: 128 + signal
        case .mpich: signal
        }
    }

    /// The variable in which each process of a job finds its rank.
    var rankVariable: String {
        switch self {
        case .openMPI: "OMPI_COMM_WORLD_RANK"
        case .mpich: "PMI_RANK"
        }
    }
}
