import AltaComm
import AltaCore
import AltaTrain
import CAllocationCounter
import Foundation

// What a training step of one rank asks the system for, once a run is warm: the difference of two runs of the same
// configuration, of which the second takes more steps. `CONFIG WARM LONG FOLDER` as arguments; one JSON line.
struct Counts {
    let requests: Int
    let bytes: Int
    let pageFaults: Int

    /// Of the calling thread so far.
    static func current() -> Counts {
        let heap = allocations_of_this_thread()
        var usage = rusage()
        getrusage(__rusage_who_t(1), &usage)  // RUSAGE_THREAD
        return Counts(requests: Int(heap.requests), bytes: Int(heap.bytes), pageFaults: usage.ru_minflt)
    }

    static func - (left: Counts, right: Counts) -> Counts {
        Counts(
            requests: left.requests - right.requests, bytes: left.bytes - right.bytes,
            pageFaults: left.pageFaults - right.pageFaults)
    }
}

let arguments = CommandLine.arguments
guard arguments.count == 5, let warm = Int(arguments[2]), let long = Int(arguments[3]), long > warm else {
    FileHandle.standardError.write(Data("usage: alta-allocation-check CONFIG WARM LONG FOLDER\n".utf8))
    exit(2)
}
do {
    let line = try ThreadCollectives.run(rankCount: 1) { collectives in
        let runs = try [warm, warm, long].map { steps in
            let config = try RunConfig.load(
                path: arguments[1], overrides: ["steps=\(steps)", "output=\(arguments[4])/\(UUID().uuidString)"])
            let context = try RankContext.make(collectives: collectives, clock: PhaseClock(), environment: [:])
            let before = Counts.current()
            try Trainer.train(config, context: context, isTerminal: false)
            return Counts.current() - before
        }
        let (extra, steps) = (runs[2] - runs[1], long - warm)
        var object = JSONObject()
        object["requests_per_step"] = .integer(extra.requests / steps)
        object["bytes_per_step"] = .integer(extra.bytes / steps)
        object["page_faults_per_step"] = .integer(extra.pageFaults / steps)
        return try JSONValue.object(object).text()
    }
    print("counts: \(line[0])")
} catch {
    FileHandle.standardError.write(Data("error: \(error)\n".utf8))
    exit(1)
}
