import Foundation

/// What this process computed: other than a clock it does not see who else uses the machine.
enum ProcessorTime {
    /// Seconds of one processor that all threads of the process took so far.
    static func seconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}
