import AltaCore
import AltaTestSupport
import Foundation
import Testing

extension WorkerJobs {
    /// Real jobs over several hosts on this machine: namespaces, TCP between them, and a launch agent.
    @Suite(
        .enabled(
            if: SimulatedCluster.obstacle == nil, Comment(rawValue: SimulatedCluster.obstacle ?? "hosts can be made")))
    struct SimulatedClusterTests {
        /// From a host's loss to the job's end, on a busy machine: it is noticed after 8 s at most.
        private static let lossLimitSeconds = 60.0
        private static let launch = ["run", "--no-binding"]

        private static func endless(_ job: AlignJob, _ cluster: SimulatedCluster, ranks: Int) throws -> RunningJob {
            try cluster.start(
                "alta-launch",
                launch + ["-n", "\(ranks)", "--hosts", try cluster.hostFile(), "--"]
                    + (try job.arguments("run", ["steps=100000"])))
        }

        private static func run(
            _ job: AlignJob, _ cluster: SimulatedCluster, ranks: Int, slots: Int = 1, _ changes: [String]
        ) throws -> JobOutcome {
            try cluster.start(
                "alta-launch",
                launch + ["-n", "\(ranks)", "--hosts", try cluster.hostFile(slots: slots), "--"]
                    + (try job.arguments("run", changes))
            ).finish(limitSeconds: 180)
        }

        private static func steps(_ job: AlignJob) -> Int { (try? job.log("run"))?.steps.keys.max() ?? 0 }

        private static func job(_ cohort: SampleCohort) -> AlignJob {
            var job = AlignJob.small(cohort)
            job.settings["checkpoint_every"] = 2
            return job
        }

        /// Losses, gradient norms and weights of a run are those of one rank that nothing happened to.
        private static func expectUndisturbed(_ job: AlignJob, steps: Int) throws {
            expectDone(try job.run("undisturbed", ranks: 1, ["steps=\(steps)"]))
            #expect(try job.log("run").exactLines() == job.log("undisturbed").exactLines())
            #expect(try job.trainable("run", step: steps) == job.trainable("undisturbed", step: steps))
        }

        /// Ranks really are on hosts of their own, and lose nothing by it.
        @Test func threeHostsGiveTheRunOfOne() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = Self.job(cohort)
            let cluster = try SimulatedCluster(hosts: 3)
            let whereabouts = "\(cohort.folder)/whereabouts"
            try cohort.write("#!/bin/sh\nhostname\n", to: whereabouts)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: whereabouts)
            let told = try cluster.start(
                "alta-launch",
                Self.launch + ["-n", "3", "--hosts", try cluster.hostFile(), "--worker", whereabouts, "--"]
                    + (try job.arguments("told"))
            ).finish(limitSeconds: 120)
            expectDone(told)
            for rank in 0..<3 {
                let log = try String(contentsOfFile: "\(job.output("told"))/ranks/rank-\(rank).log", encoding: .utf8)
                #expect(log == "h\(rank + 1)\n")
            }
            expectDone(try Self.run(job, cluster, ranks: 3, ["steps=4"]))
            expectDone(try Self.run(job, cluster, ranks: 5, slots: 2, ["steps=6"]))
            #expect(try job.log("run").events("start").map { $0["ranks"]?.int } == [3, 5])
            #expect(try cluster.processes() == [])
            try Self.expectUndisturbed(job, steps: 6)
        }

        /// A host that loses its power, or only its network, ends the job soon, by name; the run goes on from its checkpoint
        /// on the hosts that are left.
        @Test(arguments: ["lost", "cut"]) func aHostThatIsGoneEndsTheJob(how: String) throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = Self.job(cohort)
            let cluster = try SimulatedCluster(hosts: 3)
            let running = try Self.endless(job, cluster, ranks: 3)
            #expect(running.wait(limitSeconds: 90) { Self.steps(job) > 3 })
            let gone = ContinuousClock.now
            if how == "lost" { try cluster.lose(2) } else { try cluster.cut(2) }
            let outcome = running.finish(limitSeconds: 180)
            #expect(ContinuousClock.now - gone < .seconds(Self.lossLimitSeconds))
            #expect(outcome.exitCode == 75 && outcome.remaining == 0, "\(outcome.errors)")
            #expect(outcome.errorLines.count == 1 && outcome.errorLines[0].contains("h2"), "\(outcome.errors)")
            // A host that is cut off notices by itself that it is alone.
            var left = try cluster.processes()
            for _ in 0..<300 where !left.isEmpty {
                usleep(100_000)
                left = try cluster.processes()
            }
            #expect(left.isEmpty, "\(left)")
            let more = Self.steps(job) + 2
            if how == "cut" { try cluster.mend(2) }
            expectDone(try Self.run(job, cluster, ranks: how == "cut" ? 3 : 2, ["steps=\(more)"]))
            try Self.expectUndisturbed(job, steps: more)
        }

        /// The launcher goes on by itself, on the two hosts that are left, and the run is the one that it would have been.
        @Test func restartOnFewerHosts() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = Self.job(cohort)
            let cluster = try SimulatedCluster(hosts: 3)
            let steps = 24
            let options = ["-n", "3", "--restarts", "1", "--min-ranks", "2", "--hosts", try cluster.hostFile(), "--"]
            let running = try cluster.start(
                "alta-launch", Self.launch + options + (try job.arguments("run", ["steps=\(steps)"])))
            #expect(running.wait(limitSeconds: 90) { Self.steps(job) > 3 })
            try cluster.lose(3)
            let outcome = running.finish(limitSeconds: 180)
            #expect(outcome.exitCode == 0 && outcome.remaining == 0, "\(outcome.errors)")
            #expect(outcome.errors.contains("h3"), "\(outcome.errors)")
            #expect(try job.log("run").events("start").map { $0["ranks"]?.int } == [3, 2])
            try Self.expectUndisturbed(job, steps: steps)
        }

        /// A sum of 4 MiB over a link of 100 Mbit/s takes a third of a second at least, whatever else the machine does.
        @Test func aLinkCanBeSlowedDown() throws {
            let cluster = try SimulatedCluster(hosts: 2)
            try cluster.limit(2, megabitsPerSecond: 100)
            let outcome = try cluster.start(
                "alta-launch",
                Self.launch + ["-n", "2", "--hosts", try cluster.hostFile(), "--"]
                    + ["bench", "allreduce", "--pairs", "1", "--elements", "\(1 << 19)"]
            ).finish(limitSeconds: 120)
            expectDone(outcome)
            let line = try #require(outcome.output.split(separator: "\n").last)
            let seconds = try #require(try JSONValue(parsing: String(line))["seconds"]?.double)
            #expect(seconds > 0.33)
        }

        /// Two sets do not see each other, and a set ends with its owner however that ends.
        @Test func hostsEndWithTheirOwner() throws {
            let owner = Process()
            owner.executableURL = URL(filePath: "/bin/sleep")
            owner.arguments = ["300"]
            try owner.run()
            let script = SharedMaterial.projectRoot.appending(path: "Cluster/simulated-hosts").path
            let name = "owned-\(getpid())"
            func said(_ arguments: String...) throws -> JobOutcome {
                try RunningJob.start(script, ["--name", name] + arguments).finish(graceSeconds: 0)
            }
            defer {
                if owner.isRunning { kill(owner.processIdentifier, SIGKILL) }
                owner.waitUntilExit()
                _ = try? said("down")
            }
            let cluster = try SimulatedCluster(hosts: 1)
            #expect(try said("up", "2", "--owner", "\(owner.processIdentifier)").exitCode == 0)
            #expect(try said("up", "2").errorLines.count == 1)
            #expect(try said("status").output == "up: h1 h2 \n")
            kill(owner.processIdentifier, SIGKILL)
            owner.waitUntilExit()
            var ended = try said("status")
            for _ in 0..<600 where ended.exitCode == 0 {
                usleep(50_000)
                ended = try said("status")
            }
            #expect(ended.exitCode == 1 && ended.errorLines.count == 1)
            #expect(try said("up", "1").exitCode == 0)
            #expect(try said("down").exitCode == 0)
            #expect(try cluster.processes() == [] && cluster.hostFile().hasSuffix("hostfile-1"))
        }
    }
}
