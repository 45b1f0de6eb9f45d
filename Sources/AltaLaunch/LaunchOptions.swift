import AltaCore

/// The command line of `alta-launch run`, read.
public struct LaunchOptions: Equatable, Sendable {
    /// Ranks, hosts, threads.
    public var request = LaunchRequest()
    /// Whether to print the plan and stop.
    public var isDryRun = false
    /// After how many seconds the job is ended; nil: never.
    public var timeoutSeconds: Double?
    /// The program of a rank, where it is not the `alta-worker` beside the launcher (for tests).
    public var worker: String?
    /// What follows `--`: the worker's argument list.
    public var workerArguments: [String] = []

    /// The text of `alta-launch run --help`.
    public static let help = """
        usage: alta-launch run -n N [options] -- SUBCOMMAND [argument]...

        Plans ranks and threads, starts `alta-worker SUBCOMMAND ...` under mpirun, shows what rank 0 prints, keeps every
        rank's output, and names the first cause where a rank fails.

          -n, -np N              ranks of the job
          --nproc-per-node P     ranks on each host (without -n: on all of them)
          --hosts FILE           Open MPI host file; default: this machine
          --threads-per-rank T   threads of each rank (1)
          --no-binding           leave ranks unbound, where other jobs share the machine
          --timeout SECONDS      end the job when it takes longer
          --dry-run              print the plan and the mpirun line, start nothing, look at no file but the host file

        """

    /// Reads the arguments after `run`.
    /// - Throws: usage errors: unknown options, missing values, options of later versions.
    public init(arguments: [String]) throws(AltaError) {
        let end = arguments.firstIndex(of: "--") ?? arguments.endIndex
        workerArguments = Array(arguments[end...].dropFirst())
        var reader = OptionReader(left: Array(arguments[..<end]))
        while let option = reader.next() { try take(option, from: &reader) }
        guard end < arguments.endIndex else {
            throw Self.usage("nothing to run", remedy: "add -- and a subcommand, such as -- align config.json")
        }
    }

    private mutating func take(_ option: String, from reader: inout OptionReader) throws(AltaError) {
        switch option {
        case "-n", "-np", "--np": request.ranks = try reader.count(option)
        case "--nproc-per-node", "--nproc_per_node": request.ranksPerNode = try reader.count(option)
        case "--threads-per-rank": request.threadsPerRank = try reader.count(option)
        case "--hosts", "--hostfile": request.hostFile = try reader.value(option)
        case "--timeout": timeoutSeconds = try reader.seconds(option)
        case "--worker": worker = try reader.value(option)
        case "--no-binding": request.mayBind = false
        case "--dry-run": isDryRun = true
        case "--restarts", "--min-ranks", "--stall-timeout":
            throw Self.usage(
                "\(option) is not available in this version", remedy: "leave it out; a run resumes when started again")
        default:
            throw Self.usage(
                "\(option) is no option of alta-launch run",
                remedy: "options of the worker stand after --; see alta-launch run --help")
        }
    }

    static func usage(_ what: String, remedy: String) -> AltaError {
        AltaError(what, remedy: remedy, exitCode: .usage)
    }
}

/// Takes options and their values, `--name value` and `--name=value` alike, off a list.
struct OptionReader {
    var left: [String]
    private var attached: String?

    init(left: [String]) {
        self.left = left
    }

    mutating func next() -> String? {
        guard !left.isEmpty else { return nil }
        let option = left.removeFirst()
        guard option.hasPrefix("--"), let equals = option.firstIndex(of: "=") else { return option }
        attached = String(option[option.index(after: equals)...])
        return String(option[..<equals])
    }

    mutating func value(_ option: String) throws(AltaError) -> String {
        if let value = attached {
            attached = nil
            return value
        }
        guard !left.isEmpty else {
            throw LaunchOptions.usage("\(option) needs a value", remedy: "see alta-launch run --help")
        }
        return left.removeFirst()
    }

    mutating func count(_ option: String) throws(AltaError) -> Int {
        let text = try value(option)
        guard let count = Int(text), count >= 1 else {
            throw LaunchOptions.usage("\(option) \(text) is no number of at least 1", remedy: "give a whole number")
        }
        return count
    }

    mutating func seconds(_ option: String) throws(AltaError) -> Double {
        let text = try value(option)
        guard let seconds = Double(text), seconds.isFinite, seconds > 0 else {
            throw LaunchOptions.usage("\(option) \(text) is no time", remedy: "give seconds above 0")
        }
        return seconds
    }
}
