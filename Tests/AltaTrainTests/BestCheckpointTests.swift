import AltaCore
import AltaTestSupport
import AltaTrain
import Foundation
import Testing

extension ComparedJobs {
    /// The checkpoint that did best on the validation data stays, whatever is newer.
    @Suite struct BestCheckpoints {
        /// Ten steps, an epoch each second, whose rate is so large that no later epoch does better for long.
        private static func job(_ cohort: SampleCohort) -> AlignJob {
            var job = AlignJob.small(cohort)
            job.settings["deterministic"] = true
            job.settings["keep_checkpoints"] = 1
            job.settings["steps"] = 10
            job.validate(on: cohort)
            return job
        }

        private static func best(_ job: AlignJob, _ name: String) throws -> JSONValue {
            try JSONValue(
                parsing: String(contentsOfFile: "\(job.output(name))/checkpoints/best.json", encoding: .utf8))
        }

        /// The first of the highest mean recalls, or of the lowest losses, in the log.
        private static func expected(_ job: AlignJob, _ name: String) throws -> (step: Int, value: Double) {
            let sign = job.command == "align" ? 1.0 : -1
            let key = job.command == "align" ? "mean_recall" : "loss"
            let events = try job.log(name).events("validation")
            let scores = try events.map { (step: try #require($0["step"]?.int), value: try #require($0[key]?.double)) }
            #expect(scores.count == 5)
            var best = scores[0]
            for (score, event) in zip(scores, events) {
                let isBetter = score.step == scores[0].step || sign * score.value > sign * best.value
                #expect(event["best"]?.bool == isBetter, "step \(score.step)")
                if isBetter { best = score }
            }
            return best
        }

        /// With checkpoints due at each validation, and with none due but the last.
        @Test(arguments: ["align", "pretrain"], [2, 7, 1000]) func isKept(command: String, every: Int) throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            var job = Self.job(cohort)
            if command == "pretrain" {
                job = AlignJob.pretraining(cohort)
                for member in Self.job(cohort).settings.members where member.key != "model" {
                    job.settings[member.key] = member.value
                }
            }
            job.settings["checkpoint_every"] = .integer(every)
            expectDone(try job.run("whole", ranks: 2))
            let (step, value) = try Self.expected(job, "whole")
            let best = try Self.best(job, "whole")
            #expect(best["step"]?.int == step && best["value"]?.double == value)
            #expect(best["metric"]?.string == (command == "align" ? "mean_recall" : "loss"))
            #expect(KilledRun(job: job, name: "whole", keep: 1).whole == Set([step, 10]).sorted())
            // Stopped in between, with other ranks: the same best one.
            expectDone(try job.run("stopped", ranks: 1, ["steps=5"]))
            expectDone(try job.run("stopped", ranks: 3))
            #expect(try Self.best(job, "stopped") == best)
            #expect(try job.trainable("stopped", step: step) == job.trainable("whole", step: step))
        }

        /// A run that was ended between its last checkpoint and the validation of it makes up for that when it is started
        /// again, once: at its last step, and at an epoch's end on the way.
        @Test(arguments: [10, 12]) func whatAKillTookIsMadeUpFor(steps: Int) throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = Self.job(cohort)
            expectDone(try job.run("run", ranks: 2))
            let log = "\(job.output("run"))/log.jsonl"
            let lines = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n")
            let isLost = { (line: Substring) in
                let value = try JSONValue(parsing: String(line))
                return value["event"]?.string == "end"
                    || (value["event"]?.string == "validation" && value["step"]?.int == 10)
            }
            let lost = try #require(try lines.first(where: isLost))
            let rest = try lines.filter { try !isLost($0) }
            try (rest.joined(separator: "\n") + "\n").write(toFile: log, atomically: true, encoding: .utf8)
            try FileManager.default.removeItem(atPath: "\(job.output("run"))/checkpoints/best.json")

            expectDone(try job.run("run", ranks: 3, ["steps=\(steps)"]))
            let events = { try job.log("run").events("validation").filter { $0["step"]?.int == 10 } }
            #expect(try events().map { $0["mean_recall"] } == [try JSONValue(parsing: String(lost))["mean_recall"]])
            // Nothing else is named the best.
            #expect(try events().first?["best"]?.bool == true)
            if steps == 10 { #expect(try Self.best(job, "run")["step"]?.int == 10) }
            expectDone(try job.run("run", ranks: 1, ["steps=\(steps)"]))
            #expect(try events().count == 1)
        }

        /// Killed when the log calls a validation the best and before the file names it: the next start names it.
        @Test(arguments: ["bestBegun", "bestWritten"]) func isNamedAfterAKill(stage: String) throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = Self.job(cohort)
            expectDone(try job.run("whole", ranks: 2))
            let arguments = [job.command, try job.arguments("killed")[1], "stage", stage]
            #expect(try JobRunner.runAlone("alta-kill-check", arguments).exitCode == SIGKILL)
            #expect(try job.log("killed").events("validation").last?["best"]?.bool == true)
            expectDone(try job.run("killed", ranks: 2))
            #expect(try Self.best(job, "killed") == Self.best(job, "whole"))
            #expect(try job.checkpointNames("killed") == job.checkpointNames("whole"))
        }

        /// Where the file cannot be read, no checkpoint is removed, and it is told; the next best one puts that right.
        @Test func isNotRemovedForWantOfItsName() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = Self.job(cohort)
            expectDone(try job.run("run", ranks: 2, ["steps=5"]))
            try Data("{".utf8).write(to: URL(filePath: "\(job.output("run"))/checkpoints/best.json"))
            let before = try job.checkpointNames("run")
            let outcome = try job.run("run", ranks: 2, ["steps=7", "checkpoint_every=1", "epochs=1"])
            expectDone(outcome)
            #expect(outcome.errors.contains("warning: the file that names the best checkpoint is damaged"))
            #expect(try Set(before).isSubset(of: job.checkpointNames("run")), "\(outcome.errors)")
        }

        /// `evaluate`, `embed` and `export` take it, and say so; damaged, the newest.
        @Test func isTaken() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = Self.job(cohort)
            expectDone(try job.run("run", ranks: 2, ["checkpoint_every=1", "keep_checkpoints=100"]))
            let path = "\(job.output("run"))/checkpoints/best.json"
            // The newest may well be the best: an earlier one takes its name.
            let text = try String(contentsOfFile: path, encoding: .utf8)
            let lowered = try Self.naming(4, text)
            try lowered.write(toFile: path, atomically: true, encoding: .utf8)
            func export(_ from: String, _ to: String) throws -> JobOutcome {
                try JobRunner.runAlone(
                    "alta-worker", ["export", "--checkpoint", from, "--output", "\(job.folder)/\(to).safetensors"])
            }
            func exported(_ name: String) throws -> Data {
                try Data(contentsOf: URL(filePath: "\(job.folder)/\(name).safetensors"))
            }
            let outcome = try export(job.output("run"), "best")
            expectDone(outcome)
            #expect(outcome.errors.contains("taking the best checkpoint, of step 4"), "\(outcome.errors)")
            expectDone(try export(job.checkpoint("run", step: 4), "four"))
            expectDone(try export(job.checkpoint("run", step: 10), "ten"))
            let (four, ten) = (try exported("four"), try exported("ten"))
            #expect(four != ten)
            #expect(try exported("best") == four)
            let evaluation = try JobRunner.run(
                "alta-worker", ranks: 2, ["evaluate", "--checkpoint", job.output("run")])
            expectDone(evaluation)
            #expect(evaluation.errors.contains("taking the best checkpoint, of step 4"))

            for damaged in [String(lowered.dropLast(3)), lowered.replacingOccurrences(of: "4,", with: "5,"), ""] {
                try damaged.write(toFile: path, atomically: true, encoding: .utf8)
                let outcome = try export(job.output("run"), "newest")
                expectDone(outcome)
                #expect(outcome.errors.contains("taking the newest checkpoint, of step 10"), "\(outcome.errors)")
                #expect(outcome.errors.contains("best.json"))
                #expect(try exported("newest") == ten)
            }
        }

        /// The file as it would name another step.
        private static func naming(_ step: Int, _ text: String) throws -> String {
            var object = try #require(try JSONValue(parsing: text).object)
            object["step"] = .integer(step)
            var content = JSONObject()
            for member in object.members where member.key != "hash" { content[member.key] = member.value }
            let bytes = Array(try JSONValue.object(content).text().utf8)
            object["hash"] = .string(StableHash.hex(bytes.withUnsafeBytes { StableHash.value(of: $0) }))
            return try JSONValue.object(object).text(.pretty) + "\n"
        }

        /// Begun afresh, or on other validation data, what was best before says nothing.
        @Test func ofAnotherRunIsSetAside() throws {
            let cohort = try SampleCohort.make()
            defer { cohort.remove() }
            let job = Self.job(cohort)
            expectDone(try job.run("run", ranks: 2))
            expectDone(try job.run("run", ranks: 2, ["resume=null", "seed=2", "steps=2"]))
            #expect(try Self.best(job, "run")["step"]?.int == 2)
            #expect(try job.checkpointNames("run") == ["best.json", "step-00000002"])
            #expect(try job.folderNames("run").contains("superseded-best.json"))
            let other = try SampleCohort.make(5)
            defer { other.remove() }
            let before = try Self.best(job, "run")
            expectDone(
                try job.run("run", ranks: 2, ["seed=2", "steps=4", "data.validation=\(other.tablePath)"]))
            let after = try Self.best(job, "run")
            // The step that it goes on from is validated again, on the other data.
            #expect(try job.log("run").events("validation").suffix(2).map { $0["step"]?.int } == [2, 4])
            #expect(after["step"]?.int ?? 0 >= 2 && after["validation_hash"] != before["validation_hash"])
        }
    }
}
