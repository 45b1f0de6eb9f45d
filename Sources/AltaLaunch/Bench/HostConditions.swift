import Foundation

/// How busy this machine was before a job: other users make times worthless.
package struct HostConditions: Equatable, Sendable {
    /// The kernel's mean of runnable tasks over a minute; the job before counts too.
    package var loadAverage: Double
    /// Cores that were busy in the moment before the job.
    package var busyCores: Double

    /// Stores what was seen.
    package init(loadAverage: Double = 0, busyCores: Double = 0) {
        self.loadAverage = loadAverage
        self.busyCores = busyCores
    }

    /// A quarter of a core at work for others slows some rank down visibly.
    package var isNoisy: Bool { busyCores > 0.25 }

    /// Looks for `seconds`; the caller does nothing meanwhile. Zeros where the kernel tells nothing.
    package static func look(seconds: Double = 0.3) -> HostConditions {
        let before = busySeconds()
        let start = ContinuousClock.now
        usleep(UInt32(seconds * 1e6))
        let elapsed = (ContinuousClock.now - start) / .seconds(1)
        let busy = max(0, busySeconds() - before) / max(elapsed, 1e-9)
        let load = text("/proc/loadavg").split(separator: " ").first.flatMap { Double($0) }
        return HostConditions(loadAverage: load ?? 0, busyCores: busy)
    }

    /// Seconds that all processors together have been busy since the start of the machine.
    private static func busySeconds() -> Double {
        busyTicks(inStatistics: text("/proc/stat")) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// From the first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal; guests are in user.
    package static func busyTicks(inStatistics text: String) -> Double {
        let fields = text.prefix { $0 != "\n" }.split(separator: " ").dropFirst().prefix(8).map { Double($0) ?? 0 }
        return fields.enumerated().reduce(0) { $1.offset == 3 || $1.offset == 4 ? $0 : $0 + $1.element }
    }

    private static func text(_ path: String) -> String {
        (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    }
}
