import AltaCore
import AltaTestSupport
import AltaTrain
import Foundation
import Testing

/// A run that is started again and again, and killed each time where a plan says.
struct KilledRun {
    /// Where a start is killed.
    enum Kill: CustomStringConvertible {
        /// In a phase of a step: so many microseconds after it begins; of all ranks, or of one.
        case phase(String, rank: Int?, microseconds: Int)
        /// Rank 0, at a stage of the next checkpoint.
        case stage(CheckpointStage)
        /// Whenever it is, so long after the start, or after the first new step; the whole job with its mpirun, or one rank.
        case anywhere(rank: Int?, afterStep: Bool, milliseconds: Int)

        var description: String {
            switch self {
            case .phase(let name, let rank, let wait):
                "phase \(name), rank \(rank.map(String.init) ?? "all"), +\(wait) us"
            case .stage(let stage): "checkpoint stage \(stage.rawValue)"
            case .anywhere(let rank, let afterStep, let wait):
                "rank \(rank.map(String.init) ?? "all"), \(wait) ms after the \(afterStep ? "first step" : "start")"
            }
        }

        /// What it is counted under.
        var kind: String {
            switch self {
            case .phase(let name, _, _): name
            case .stage: "inside the checkpoint's writing"
            case .anywhere: "any moment"
            }
        }

        /// Whether all ranks are killed.
        var isWhole: Bool {
            switch self {
            case .phase(_, let rank, _), .anywhere(let rank, _, _): rank == nil
            case .stage: false
            }
        }
    }

    let job: AlignJob
    let name: String
    let keep: Int
    /// What the plan of kills was drawn from, to be told where one shows a fault; nil: there was no plan.
    var seed: UInt64?

    /// The steps of the checkpoints that are whole, by opening each.
    var whole: [Int] {
        ((try? RunFolder(job.output(name)).checkpoints()) ?? []).compactMap { try? Checkpoint.open($0).step }.sorted()
    }

    /// Starts the run, which `kill` ends; whether it did, and what it left is what it should.
    func start(_ kill: Kill, ranks: Int) throws -> Bool {
        let before = whole
        let starts = (try? job.log(name))?.events("start").count ?? 0
        let outcome = try outcome(of: kill, ranks: ranks, from: before.last ?? 0)
        let plan = seed.map { " (ALTA_KILLS_SEED=\($0))" } ?? ""
        let text = "\(kill)\(plan): exit code \(outcome.exitCode), \(outcome.errors.suffix(2000))"
        #expect(outcome.errorLines == [] && outcome.remaining == 0 && outcome.seconds < 60, "\(text)")
        #expect(!outcome.output.contains("passing over"), "\(text)\n\(outcome.output)")
        expectStart(after: before, starts, text)
        expectKept(before, text)
        // mpirun tells of a signal by its number, and 128 more where it was one of its processes that it ended.
        return [SIGKILL, 128 + SIGKILL].contains(outcome.exitCode)
            || (outcome.exitCode != 0 && outcome.errorLines.isEmpty)
    }

    private func outcome(of kill: Kill, ranks: Int, from newest: Int) throws -> JobOutcome {
        let arguments = { (plan: [String]) in try [job.command, job.arguments(name)[1]] + plan }
        switch kill {
        case .phase(let phase, let rank, let wait):
            // Drawn with the plan, as the wait is.
            let step = phase == "start" ? 0 : newest + 1 + wait % 4
            let plan = ["phase", phase, "\(step)", rank.map(String.init) ?? "all", "\(wait)"]
            return try JobRunner.run("alta-kill-check", ranks: ranks, try arguments(plan))
        case .stage(let stage):
            return try JobRunner.run("alta-kill-check", ranks: ranks, try arguments(["stage", stage.rawValue]))
        case .anywhere(let rank, let afterStep, let milliseconds):
            let steps = { (try? job.log(name))?.lines.count { $0["losses"] != nil } ?? 0 }
            let taken = steps()
            let running = try JobRunner.start("alta-kill-check", ranks: ranks, try arguments(["none"]))
            if afterStep { _ = running.wait { steps() > taken } }
            usleep(UInt32(1000 * milliseconds))
            let processes = rank.map { [running.process(ofRank: $0)].compactMap { $0 } } ?? running.processes
            for process in processes { Foundation.kill(process, SIGKILL) }
            return running.finish()
        }
    }

    /// The run went on from the newest checkpoint that was whole.
    private func expectStart(after before: [Int], _ starts: Int, _ text: String) {
        guard let events = (try? job.log(name))?.events("start"), events.count > starts else { return }
        #expect(events.last?["first_step"]?.int == (before.last ?? 0) + 1, "\(text)")
    }

    /// Of the checkpoints that were whole, the newest that `keep_checkpoints` keeps are, and so is the best.
    private func expectKept(_ before: [Int], _ text: String) {
        let after = whole
        let newest = Set(before + after).sorted().suffix(keep)
        let lost = Set(before).intersection(newest).subtracting(after)
        #expect(lost.isEmpty, "the checkpoints of \(lost.sorted()) are lost: \(text)")
        let best = FileManager.default.contents(atPath: "\(job.output(name))/checkpoints/best.json")
        guard let best else { return }
        let step = (try? JSONValue(parsing: String(decoding: best, as: UTF8.self)))?["step"]?.int
        #expect(step.map(after.contains) == true, "best.json names \(step.map(String.init) ?? "nothing"): \(text)")
    }
}
