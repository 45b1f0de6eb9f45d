import AltaTestSupport
import Foundation

/// Runs the built `alta-launch` on a worker that fails as told, and looks afterwards for what it left.
final class FakeJob {
    let folder: String
    private let arguments: [String]
    private let environment: [String: String]
    private var running: RunningJob?

    /// A worker for `FAKE_MODE`. Every rank that is not told to end waits, with a child of its own.
    private static let worker = """
        #!/bin/bash
        rank=$OMPI_COMM_WORLD_RANK
        record() {
            printf '{"rank":%s,"host":"here","phase":"data","step":3,"message":"%s","exit_code":%s,%s}' "$rank" "$1" "$2" \\
                "\\"seconds_since_1970\\":$(date +%s.%N)" >"$ALTA_FAILURE_FOLDER/rank-$rank.json"
        }
        echo "rank $rank of $OMPI_COMM_WORLD_SIZE: $* ($ALTA_THREADS, $OMP_NUM_THREADS, $ALTA_PROGRESS, $ALTA_LAUNCHED)"
        case "$FAKE_MODE:$rank" in
            late:*) sleep 13; exit 0 ;;
            chatty:0) for line in {1..20000}; do echo "line $line, and more than a pipe holds of them"; done
                if [ "$1" = bench ]; then exit 0; fi ;;
            chatty:*) if [ "$1" = bench ]; then exit 0; fi ;;
            success:*) echo "warning: rank $rank" >&2; exit 0 ;;
            exit:1) echo "error: out of luck" >&2; exit 3 ;;
            exit0:1) sleep 0.2; echo done; exit 0 ;;
            kill:1) kill -9 $$ ;;
            record:1) record "cannot read x.jpg" 4; exit 4 ;;
            hang:1) record "lost" 4 ;;
            stray:*) setsid sleep 300 >/dev/null 2>&1 & exit 0 ;;
            deaf:*) trap "" TERM INT USR1 ;;
            save:*) trap 'echo "rank $rank saves"; exit 75' USR1 ;;
            slow:*) trap 'echo "rank $rank saves for ever"' USR1 ;;
            absent:1) ;;
            absent:*) cp "$FAKE_FOLDER/status-$rank" "$ALTA_STATUS_FOLDER/rank-$rank.status" ;;
            logged:1)
                echo "start 1" >>"$FAKE_FOLDER/starts"
                if [ "$(grep -c . "$FAKE_FOLDER/starts")" -gt 1 ]; then exit 0; fi
                echo '{"step":7,"losses":{}}' >>"$ALTA_STATUS_FOLDER/../../log.jsonl"
                kill -9 $$ ;;
            logged:*) if [ -e "$FAKE_FOLDER/run/log.jsonl" ]; then exit 0; fi ;;
            restart:*)
                cp "$FAKE_FOLDER/status-$rank" "$ALTA_STATUS_FOLDER/rank-$rank.status"
                echo "start $rank" >>"$FAKE_FOLDER/starts"
                starts=$(grep -c "start $rank" "$FAKE_FOLDER/starts")
                if [ "$starts" -gt "$FAKE_DEATHS" ]; then exit 0; fi
                if [ "$rank" = 1 ]; then sleep 0.3; kill -9 $$; fi ;;
        esac
        touch "$FAKE_FOLDER/waiting-$rank"
        while true; do sleep 300 & wait; done
        """

    /// Prepares a job of `alta-launch COMMAND OPTIONS --worker FAKE -- align ARGUMENTS`, its run folder inside `folder`.
    ///
    /// - Parameters:
    ///   - subcommand: what it runs instead of `align` with a run folder.
    ///   - otherHost: a host that is named in a host file, and is this machine under another name.
    ///   - deaths: in how many starts of the mode `restart` rank 1 is killed.
    ///   - status: what the ranks of the modes `restart` and `absent` publish.
    init(
        _ mode: String, command: String = "run", options: [String] = ["-n", "2"], arguments: [String] = [],
        subcommand: [String]? = nil, otherHost: String? = nil, deaths: Int = 1, status: StatusImage = StatusImage()
    ) throws {
        folder = try SharedMaterial.temporaryFolder("launch-\(mode)")
        let worker = try Self.program(Self.worker, "\(folder)/worker")
        var options = options
        if let otherHost {
            let hosts = "\(folder)/hosts"
            try "\(otherHost) slots=2\n".write(toFile: hosts, atomically: true, encoding: .utf8)
            let agent = try Self.program("#!/bin/sh\nshift\nexec sh -c \"$*\"\n", "\(folder)/agent")
            options += ["--hosts", hosts, "--mca", "plm_rsh_agent=\(agent)"]
        }
        let run = subcommand ?? ["align", "--set", "output=\(folder)/run"]
        self.arguments = [command] + options + ["--worker", worker, "--"] + run + arguments
        environment = ["FAKE_MODE": mode, "FAKE_FOLDER": folder, "FAKE_DEATHS": "\(deaths)"]
        for rank in 0..<2 {
            var image = status
            image.rank = rank
            try image.write(to: "\(folder)/status-\(rank)")
        }
    }

    private static func program(_ text: String, _ path: String) throws -> String {
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        return path
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    var identifier: Int32 { running?.identifier ?? 0 }
    var standardOutput: String { running?.output ?? "" }
    var standardError: String { running?.errors ?? "" }
    /// What the launcher said, without its announcement.
    var report: [String] {
        standardError.split(separator: "\n").map(String.init).filter { !$0.hasPrefix("alta-launch: ") }
    }

    /// What the launcher announced.
    var announcements: [String] {
        standardError.split(separator: "\n").map(String.init).filter { $0.hasPrefix("alta-launch: ") }
    }

    func text(_ name: String) -> String { (try? String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)) ?? "" }

    /// Starts the launcher.
    ///
    /// - Parameter script: a shell's that starts it as `"$0" "$@"`; the job's folder is `$FAKE_FOLDER`.
    func start(by script: String? = nil) throws {
        let program = JobRunner.program("alta-launch")
        guard let script else {
            running = try RunningJob.start(program, arguments, environment: environment)
            return
        }
        running = try RunningJob.start(
            "/bin/sh", ["-c", script, program] + arguments, environment: environment)
    }

    /// Waits until every rank of two waits.
    func waitForRanks() {
        for _ in 0..<3000
        where !["0", "1"].allSatisfy({ FileManager.default.fileExists(atPath: "\(folder)/waiting-\($0)") }) {
            usleep(20_000)
        }
    }

    /// Waits for the launcher's end and returns its exit code; it is killed so many seconds from now.
    func finish(limitSeconds: Double = 60) -> Int32 {
        running?.finish(limitSeconds: limitSeconds, graceSeconds: 0).exitCode ?? -1
    }

    func run() throws -> Int32 {
        try start()
        return finish()
    }

    /// The process of a rank, without its children.
    func process(ofRank rank: Int) -> Int32? { running?.process(ofRank: rank) }

    /// The processes of this job that are still there: the launcher, mpirun, ranks and their children.
    var remaining: Int { running?.processes.count ?? 0 }
}
