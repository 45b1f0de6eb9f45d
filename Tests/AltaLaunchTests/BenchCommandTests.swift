import AltaCore
import AltaTestSupport
import Foundation
import Testing

/// The command on a worker that prints numbers.
@Suite(.serialized, .enabled(if: JobRunner.hasLauncher, "alta-launch starts Open MPI's mpirun"))
struct BenchCommandTests {
    /// Prints steps whose hash depends on the batch, and on the ranks where `FAKE_WRONG` says so.
    private static let worker = """
        #!/bin/bash
        [[ $OMPI_COMM_WORLD_RANK == 0 ]] || exit 0
        ranks=$OMPI_COMM_WORLD_SIZE
        if [[ $2 == allreduce ]]; then
            echo '{"bytes":8192,"seconds":0.00001}'; echo '{"bytes":100000000,"seconds":0.01}'; exit 0
        fi
        while (($# > 1)); do
            case $1 in --studies) studies=$2 ;; --steps) steps=$2 ;; --threads) threads=$2 ;; esac
            shift
        done
        if [[ -n $FAKE_SIGNAL && $ranks == 2 ]]; then
            mpirun=$PPID
            launcher=$(awk '/^PPid/ { print $2 }' /proc/$mpirun/status)
            kill -STOP $launcher
            kill -TERM $launcher
            setsid bash -c "for ((i = 0; i < 100; i++)); do grep -q '^State:.Z' /proc/$mpirun/status && break; sleep 0.1; done
                kill -CONT $launcher" </dev/null >/dev/null 2>&1 &
        fi
        [[ -n $FAKE_FAILURE && $ranks == 2 ]] && { echo "error: no luck; try again" >&2; exit 3; }
        hash=$studies
        [[ -n $FAKE_WRONG && $ranks == 2 ]] && hash=wrong
        for ((step = 1; step <= steps; step++)); do
            echo "warming up" >&2
            cat <<LINE
        {"ranks":$ranks,"threads":$threads,"studies":$studies,"host_count":1,"seconds_per_step":0.$((studies * 100 / ranks + 100)),\\
        "compute_seconds":{"minimum":0.1,"mean":0.1,"maximum":0.1},"mean_communication_seconds":0.01,"mean_wait_seconds":0,\\
        "seconds":{"loss":0.01,"backward":0.05,"update":0.01},"slowest_rank":0,"slowest_host":"h","loss":1.5,\\
        "result_hash":"$hash.$step","first_loss":2.5,"first_hash":"$hash","keeps_bits":true,"kernels":"k","transport":"t",\\
        "precision":"bf16","gradient_bytes":80000,"gathered_bytes":10,"word_gradient_bytes":10,"radiograph_cost":9,\\
        "shortest_report":4,"longest_report":9}
        LINE
        done
        """.replacingOccurrences(of: "\\\n", with: "")

    private static func run(
        _ arguments: [String], environment: [String: String] = [:]
    ) throws -> (outcome: JobOutcome, folder: String) {
        let folder = try SharedMaterial.temporaryFolder("bench")
        let file = "\(folder)/worker"
        try worker.write(toFile: file, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file)
        let all = [
            "bench", "--ranks", "1,2", "--studies", "4", "--studies-per-rank", "1", "--steps", "2", "--repeats", "1",
            "--no-whole-nodes", "--no-binding", "--worker", file, "--output", "\(folder)/out",
        ]
        let running = try RunningJob.start(
            JobRunner.program("alta-launch"), all + arguments, environment: environment)
        return (running.finish(limitSeconds: 60), folder)
    }

    @Test func aSweepLeavesItsFiles() throws {
        let (outcome, folder) = try Self.run([])
        #expect(outcome.exitCode == 0, "\(outcome.errors)")
        #expect(outcome.output.contains("predicted, weak scaling") && !outcome.output.contains("INVALID"))
        #expect(outcome.remaining == 0)
        let json = try Self.json("\(folder)/out/scaling.json")
        #expect(json["valid"] == true && json["points"]?.array?.count == 4)
        #expect(json["model"]?["gradient_bytes"]?.double == 80000)
        #expect(try #require(json["model"]?["shared_seconds_per_byte"]?.double) > 0)
        let svg = try String(contentsOfFile: "\(folder)/out/scaling.svg", encoding: .utf8)
        #expect(svg.hasPrefix("<?xml"))
        let diary = try String(contentsOfFile: "\(folder)/out/runs.jsonl", encoding: .utf8)
        let commands = try String(contentsOfFile: "\(folder)/out/ranks/launch.log", encoding: .utf8)
        #expect(commands.contains("--studies 2 --threads 1 --steps 1 --warm-up 0 --micro-batch 1\n"))
        // One reference of 2 studies, four jobs.
        #expect(diary.split(separator: "\n").count == 5)

        let saved = try JobRunner.runAlone("alta-launch", ["bench", "--predict", "\(folder)/out/scaling.json"])
        #expect(saved.exitCode == 0 && saved.output.contains("predicted, strong scaling, 1024 studies in all"))
        #expect(saved.output.contains("4096"))
    }

    @Test func aDifferingLossIsInvalidAndEndsWithOne() throws {
        let (outcome, folder) = try Self.run([], environment: ["FAKE_WRONG": "1"])
        #expect(outcome.exitCode == 1)
        #expect(outcome.output.hasPrefix("INVALID"))
        #expect(outcome.errorLines.count == 1 && outcome.errorLines[0].contains("2 ranks x 1 thread"))
        #expect(try Self.json("\(folder)/out/scaling.json")["valid"] == false)
        let saved = try JobRunner.runAlone("alta-launch", ["bench", "--predict", "\(folder)/out/scaling.json"])
        #expect(saved.exitCode == 1 && saved.output.contains("INVALID"))
    }

    @Test func aFailingJobEndsTheSweepWithItsReport() throws {
        let (outcome, folder) = try Self.run([], environment: ["FAKE_FAILURE": "1"])
        #expect(outcome.exitCode == 3)
        #expect(outcome.errorLines.count == 1 && outcome.errorLines[0].contains("no luck"), "\(outcome.errors)")
        #expect(!FileManager.default.fileExists(atPath: "\(folder)/out/scaling.json"))
        // What was measured before is kept.
        let diary = try String(contentsOfFile: "\(folder)/out/runs.jsonl", encoding: .utf8)
        #expect(diary.split(separator: "\n").count == 2)
    }

    @Test func aDryRunStartsNothing() throws {
        let (outcome, folder) = try Self.run(["--dry-run", "--", "--micro-batch", "4"])
        #expect(outcome.exitCode == 0 && outcome.output.contains("4 jobs a round"))
        #expect(outcome.output.contains("--studies 4 --threads 1 --steps 2 --warm-up 2 --micro-batch 4"))
        #expect(!FileManager.default.fileExists(atPath: "\(folder)/out"))
    }

    /// The line is the one that would run: hosts in the file that would be written, parameters, the user's stall limit.
    @Test func aDryRunShowsTheWholeLine() throws {
        let (outcome, folder) = try Self.run(
            ["--dry-run", "--mca", "btl_tcp_if_include=lo", "--mpirun-option", "--report-bindings"],
            environment: ["PBS_NODEFILE": "/dev/null", "SLURM_JOB_ID": "7", "SLURM_JOB_NODELIST": "n[1-2]"])
        #expect(outcome.exitCode == 0, "\(outcome.errors)")
        #expect(outcome.output.contains(" --hostfile \(folder)/out/ranks/hosts -n 1 "), "\(outcome.output)")
        #expect(outcome.output.contains("\n\(folder)/out/ranks/hosts will hold\nn1 slots=1\n"))
        #expect(outcome.output.contains(" --mca btl_tcp_if_include lo "))
        #expect(outcome.output.contains(" --report-bindings "))
    }

    @Test func theUsersStallLimitIsHandedOn() throws {
        let (outcome, _) = try Self.run(["--dry-run"], environment: ["ALTA_STALL_SECONDS": "7"])
        #expect(outcome.output.contains(" -x ALTA_STALL_SECONDS=7 "), "\(outcome.output)")
    }

    /// The launcher stands still until mpirun has ended well, and finds the signal then: the sweep does not go on.
    @Test func aSignalAtAJobsEndEndsTheSweep() throws {
        let (outcome, folder) = try Self.run([], environment: ["FAKE_SIGNAL": "1"])
        #expect(outcome.exitCode == 75 && outcome.remaining == 0, "\(outcome.output)\(outcome.errors)")
        #expect(outcome.errorLines == ["error: stopped by SIGTERM; start the same command again"])
        #expect(!FileManager.default.fileExists(atPath: "\(folder)/out/scaling.json"))
    }

    @Test func whatIsNoResultIsRefused() throws {
        let folder = try SharedMaterial.temporaryFolder("predict")
        for text in ["{}", "[", #"{"format":"alta scaling 1"}"#] {
            try text.write(toFile: "\(folder)/x.json", atomically: true, encoding: .utf8)
            let outcome = try JobRunner.runAlone("alta-launch", ["bench", "--predict", "\(folder)/x.json"])
            #expect(outcome.exitCode == 1 && outcome.errorLines.count == 1)
            #expect(outcome.errors.contains("x.json"))
        }
    }

    private static func json(_ path: String) throws -> JSONValue {
        try JSONValue(parsing: try String(contentsOfFile: path, encoding: .utf8), file: path)
    }
}
