import AltaCore
import AltaTestSupport
import Foundation
import Testing

extension WorkerJobs {
    /// Ranks that a debugger comes to.
    @Suite(.enabled(if: JobRunner.hasLauncher, "alta-launch starts Open MPI's mpirun"))
    struct Debuggers {
        private static let gdb = JobRunner.path(of: "gdb")
        private static let tmux = JobRunner.path(of: "tmux")
        private static let attaches: Comment = "needs gdb, and the right to attach it to a process"
        private static let traces: Comment = "needs gdb, and the right to run a program in it"

        /// Whether gdb may attach to a process of this user.
        private static let canAttach: Bool = {
            guard let gdb, let target = try? RunningJob.start("/bin/sleep", ["300"]) else { return false }
            let outcome = try? RunningJob.start(gdb, ["-nx", "-batch", "-p", "\(target.identifier)"]).finish()
            kill(target.identifier, SIGKILL)
            _ = target.finish()
            return outcome?.exitCode == 0 && outcome?.errors.contains("not permitted") == false
        }()

        /// Whether gdb may trace a program that it starts.
        private static let canTrace: Bool = {
            guard let gdb else { return false }
            let outcome = try? RunningJob.start(gdb, ["-nx", "-batch", "-ex", "run", "--args", "/bin/true"]).finish()
            return outcome?.output.contains("exited normally") == true
        }()

        private func start(_ options: [String], _ arguments: [String]) throws -> RunningJob {
            try RunningJob.start(JobRunner.program("alta-launch"), ["debug"] + options + ["--"] + arguments)
        }

        private func waitingFile(_ job: AlignJob, rank: Int) -> String {
            job.output("run") + "/ranks/debug/" + DebugRequest.waitingFile(rank: rank)
        }

        private func process(_ job: AlignJob, rank: Int) -> Int32? {
            let text = try? String(contentsOfFile: waitingFile(job, rank: rank), encoding: .utf8)
            return text.flatMap { Int32($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
        }

        @Test func theChosenRankWaitsUntilAFileLetsItGo() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            let running = try start(["-n", "2", "--ranks", "1", "--wait"], try job.arguments("run"))
            #expect(running.wait { process(job, rank: 1) != nil })
            let waiting = try #require(process(job, rank: 1))
            #expect(process(job, rank: 0) == nil)
            #expect(running.wait { running.errors.contains("[1] note:   attach: gdb -p \(waiting) ") })
            usleep(500_000)
            #expect((try? job.log("run")) == nil, "it trains without the rank that waits")
            try "".write(
                toFile: job.output("run") + "/ranks/debug/" + DebugRequest.releaseFile, atomically: true,
                encoding: .utf8)
            let outcome = running.finish(limitSeconds: 60)
            expectDone(outcome)
            #expect(try job.log("run").steps.count == 2)
            #expect(outcome.errors.contains("rank 1: let go without a debugger"))
            #expect(outcome.output.contains("[0] step 2/2"))
            let log = try String(contentsOfFile: job.output("run") + "/ranks/rank-1.log", encoding: .utf8)
            #expect(log.contains("waits for a debugger, at most 600 s"))
        }

        @Test func aSignalLetsItGoToo() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            let running = try start(["-n", "2", "--wait", "--ranks", "0"], try job.arguments("run"))
            #expect(running.wait { process(job, rank: 0) != nil })
            kill(try #require(process(job, rank: 0)), SIGCONT)
            expectDone(running.finish(limitSeconds: 60))
        }

        @Test func nobodyComes() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            let running = try start(
                ["-n", "2", "--threads", "--wait", "--wait-seconds", "1"], try job.arguments("run"))
            let outcome = running.finish(limitSeconds: 60)
            expectDone(outcome)
            #expect(outcome.errors.contains("no debugger came within 1 s"))
        }

        @Test(.enabled(if: canAttach, attaches)) func aDebuggerThatAttachesLetsItGo() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            let running = try start(["-n", "2", "--ranks", "1", "--wait"], try job.arguments("run"))
            #expect(running.wait { process(job, rank: 1) != nil })
            let waiting = try #require(process(job, rank: 1))
            let debugger = try RunningJob.start(
                Self.gdb ?? "", ["-nx", "-batch", "-p", "\(waiting)", "-ex", "continue"])
            let outcome = running.finish(limitSeconds: 60)
            _ = debugger.finish(limitSeconds: 30)
            expectDone(outcome)
            #expect(outcome.errors.contains("rank 1: a debugger is attached"), "\(debugger.errors)")
        }

        /// A rank in gdb trains as any other; where it is killed by a signal, its stacks are in its log.
        @Test(.enabled(if: canTrace, traces)) func ranksInGDB() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            expectDone(
                try start(["-n", "2", "--ranks", "1", "--gdb"], try job.arguments("run")).finish(limitSeconds: 90))
            #expect(try job.log("run").steps.count == 2)
            let running = try start(
                ["-n", "2", "--ranks", "0", "--gdb"], try job.arguments("crash", ["steps=100000"]))
            #expect(running.wait(limitSeconds: 60) { (try? job.log("crash"))?.steps.count ?? 0 > 2 })
            // The rank is the child of gdb, and comes after it.
            let ranks = running.processes.filter { name(of: $0) == "alta-worker" && parentName(of: $0) == "gdb" }
            kill(try #require(ranks.first), SIGABRT)
            let outcome = running.finish(limitSeconds: 60)
            #expect(outcome.exitCode != 0 && outcome.remaining == 0)
            let log = try String(contentsOfFile: job.output("crash") + "/ranks/rank-0.log", encoding: .utf8)
            #expect(log.contains("received signal SIGABRT") && log.contains("\n#1 "))
        }

        /// A session of tmux in which gdb has attached and waits at its prompt.
        @Test(.enabled(if: tmux != nil, "needs tmux"), .enabled(if: canAttach, attaches)) func panesOfTmux() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = AlignJob.small(cohort)
            let running = try RunningJob.start(
                JobRunner.program("alta-launch"),
                ["debug", "-n", "2", "--gdb", "--tmux", "--"] + (try job.arguments("run")),
                environment: ["TMUX": ""])
            let session = "alta-debug-\(running.identifier)"
            let target = "=\(session):"
            func screen(_ pane: Int) -> String {
                let job = try? RunningJob.start(
                    Self.tmux ?? "", ["capture-pane", "-p", "-t", "\(target).\(pane)"])
                return job?.finish().output ?? ""
            }
            #expect(running.wait { running.errors.contains("tmux attach -t \(session)") })
            for pane in 0..<2 {
                #expect(running.wait { screen(pane).contains("(gdb)") }, "\(screen(pane))")
                _ = try RunningJob.start(
                    Self.tmux ?? "", ["send-keys", "-t", "\(target).\(pane)", "continue", "Enter"]
                ).finish()
            }
            let outcome = running.finish(limitSeconds: 60)
            expectDone(outcome)
            #expect(try job.log("run").steps.count == 2)
            #expect(try RunningJob.start(Self.tmux ?? "", ["has-session", "-t", target]).finish().exitCode != 0)
        }

        private func name(of process: Int32) -> String {
            let text = (try? String(contentsOfFile: "/proc/\(process)/comm", encoding: .utf8)) ?? ""
            return text.trimmingCharacters(in: .newlines)
        }

        private func parentName(of process: Int32) -> String {
            let text = (try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)) ?? ""
            let line = text.split(separator: "\n").first { $0.hasPrefix("PPid:") }
            let parent = line.flatMap { Int32($0.dropFirst(5).trimmingCharacters(in: .whitespaces)) }
            return parent.map(name) ?? ""
        }
    }
}
