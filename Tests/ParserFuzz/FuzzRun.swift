import AltaCore
import AltaFuzzSupport
import Foundation

/// One parser, many damaged inputs.
struct FuzzRun {
    let target: ParserTarget
    let options: FuzzOptions

    /// Runs all inputs and tells the row of the table: parser, inputs, accepted, refused, slowest input in ms on the
    /// clock and its number, peak memory in MB.
    func perform() throws -> String {
        if let path = options.dumpPath {
            try Data(target.input(options.first, seed: options.seed)).write(to: URL(filePath: path))
            return path
        }
        let progress = try options.progressPath.map { try ProgressFile($0) }
        var accepted = 0
        var slowest = (seconds: 0.0, number: options.first)
        for number in options.first..<options.first + options.inputCount {
            progress?.record(number)
            let input = target.input(number, seed: options.seed)
            limitTime()
            let seconds =
                try ContinuousClock().measure {
                    if try target.accepts(input) { accepted += 1 }
                } / .seconds(1)
            if seconds > slowest.seconds { slowest = (seconds, number) }
        }
        let refused = options.inputCount - accepted
        return String(
            format: "%@ %d %d %d %.1f %d %.0f", target.name, options.inputCount, accepted, refused,
            slowest.seconds * 1000, slowest.number, peakMegabytes)
    }

    /// Limits processor time, not time on the clock: other work on the machine must not make an input look slow.
    private func limitTime() {
        let limit = timeval(tv_sec: options.secondsPerInput, tv_usec: 0)
        var timer = itimerval(it_interval: timeval(), it_value: limit)
        setitimer(__itimer_which_t(ITIMER_PROF.rawValue), &timer, nil)
    }

    private var peakMegabytes: Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return Double(usage.ru_maxrss) / 1024
    }
}

/// The number of the input at hand, in a file that outlives the process.
struct ProgressFile {
    private let descriptor: Int32

    init(_ path: String) throws {
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        guard descriptor >= 0 else { throw AltaError.system("cannot write the progress", file: path) }
    }

    func record(_ number: Int) {
        let text = Array("\(number)\n".utf8)
        pwrite(descriptor, text, text.count, 0)
    }
}
