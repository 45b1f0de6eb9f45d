import AltaCore
import AltaTestSupport
import AltaTrain
import Foundation
import Testing

/// File systems that a test mounts: root may, where the kernel lets it.
enum TestMount {
    /// Whether mounting works here.
    static let isPossible: Bool = {
        guard let folder = try? SharedMaterial.temporaryFolder("mount"),
            (try? mount(["-t", "tmpfs", "none", folder])) == true
        else { return false }
        unmount(folder)
        return true
    }()

    static let reason: Comment = "needs the right to mount file systems"

    /// Runs `mount` with arguments; whether it worked.
    @discardableResult static func mount(_ arguments: [String]) throws -> Bool {
        try RunningJob.start("/bin/mount", arguments).finish(limitSeconds: 60).exitCode == 0
    }

    static func unmount(_ folder: String) { _ = try? RunningJob.start("/bin/umount", ["-l", folder]).finish() }
}

extension WorkerJobs {
    /// Disks that are full, or may not be written.
    @Suite(.enabled(if: TestMount.isPossible, TestMount.reason)) struct CheckpointDisks {
        /// The disk has room for four checkpoints of eight: the others are warned of, the last one ends the run, the first
        /// ones stay whole, and with more room the run goes on to the same end.
        @Test func aFullDisk() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            var job = AlignJob.small(cohort)
            job.settings["deterministic"] = true
            job.settings["steps"] = 8
            job.settings["checkpoint_every"] = 1
            job.settings["keep_checkpoints"] = 100
            expectDone(try job.run("whole", ranks: 2))
            let output = job.output("run")
            try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
            let kilobytes =
                try Self.kilobytes(job.output("whole") + "/frozen.safetensors") + Self.checkpoint(job) * 9 / 2
            #expect(try TestMount.mount(["-t", "tmpfs", "-o", "size=\(kilobytes)k", "none", output]))
            defer { TestMount.unmount(output) }

            let outcome = try job.run("run", ranks: 2)
            expectFault(outcome, ["cannot write the checkpoint of step 8", "No space left"])
            let failed = outcome.errors.split(separator: "\n").filter {
                $0.hasPrefix("warning: cannot write the checkpoint")
            }
            #expect(failed.count == 3, "\(outcome.errors)")
            #expect(try job.log("run").events("checkpoint_failed").map { $0["step"]?.int } == [5, 6, 7])
            #expect(try job.log("run").steps.count == 8)
            #expect(KilledRun(job: job, name: "run", keep: 100).whole == [1, 2, 3, 4])
            #expect(try job.folderNames("run").count == 4)
            #expect(try TestMount.mount(["-o", "remount,size=1g", output]))
            expectDone(try job.run("run", ranks: 2))
            #expect(try job.log("run").events("start").last?["first_step"]?.int == 5)
            #expect(try job.trainable("run", step: 8) == job.trainable("whole", step: 8))
        }

        private static func checkpoint(_ job: AlignJob) throws -> Int {
            let folder = job.checkpoint("whole", step: 8)
            return try FileManager.default.contentsOfDirectory(atPath: folder)
                .reduce(0) { try $0 + kilobytes("\(folder)/\($1)") }
        }

        /// In whole pages.
        private static func kilobytes(_ path: String) throws -> Int {
            let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
            return (size + 4095) / 4096 * 4
        }

        /// A disk that fills up with the log on it: lines wait for room and follow, in order and whole.
        @Test func aFullDiskUnderTheLog() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            var job = AlignJob.small(cohort)
            job.settings["steps"] = 100_000
            job.settings["checkpoint_every"] = 100_000
            let output = job.output("run")
            try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
            #expect(try TestMount.mount(["-t", "tmpfs", "-o", "size=64k", "none", output]))
            defer { TestMount.unmount(output) }
            let running = try JobRunner.start("alta-worker", ranks: 2, try job.arguments("run"))
            #expect(running.wait { running.errors.contains("its lines wait") }, "\(running.errors)")
            let progress = running.output
            #expect(running.wait { running.output.count > progress.count + 500 })
            #expect(try TestMount.mount(["-o", "remount,size=1g", output]))
            let size = { (FileManager.default.contents(atPath: "\(output)/log.jsonl")?.count ?? 0) }
            #expect(running.wait(limitSeconds: 90) { size() > 70_000 })
            for process in running.processes { kill(process, SIGKILL) }
            _ = running.finish()
            let text = try String(contentsOfFile: "\(output)/log.jsonl", encoding: .utf8)
            let steps = try text.split(separator: "\n").dropLast()
                .compactMap { try JSONValue(parsing: String($0))["step"]?.int }
            #expect(steps == Array(1...steps.count))
            #expect(running.errors.components(separatedBy: "its lines wait").count == 2)
        }

        /// The folder of checkpoints may only be read from now on.
        @Test func aReadOnlyFolder() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            var job = AlignJob.small(cohort)
            job.settings["checkpoint_every"] = 1
            expectDone(try job.run("run", ranks: 2))
            let folder = "\(job.output("run"))/checkpoints"
            #expect(try TestMount.mount(["--bind", folder, folder]))
            defer { TestMount.unmount(folder) }
            #expect(try TestMount.mount(["-o", "remount,ro,bind", folder]))
            let outcome = try job.run("run", ranks: 3, ["steps=5"])
            expectFault(outcome, ["cannot write the checkpoint of step 5", "ead-only file system"])
            #expect(try job.log("run").events("checkpoint_failed").map { $0["step"]?.int } == [3, 4])
            #expect(KilledRun(job: job, name: "run", keep: 3).whole == [1, 2])
            TestMount.unmount(folder)
            expectDone(try job.run("run", ranks: 3, ["steps=5"]))
            #expect(try job.log("run").events("start").last?["first_step"]?.int == 3)
        }
    }
}
