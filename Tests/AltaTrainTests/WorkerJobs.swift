import AltaTestSupport
import Testing

/// Tests of jobs that fail, stop, restart or are measured, one after the other: time counts in them.
@Suite(.serialized, .enabled(if: JobRunner.hasMpirun, "needs mpirun")) struct WorkerJobs {}

/// Tests of jobs that are held against each other to the bit, one after the other. Their time says nothing, so they run
/// beside `WorkerJobs`: a job of two ranks leaves half of two cores idle while it starts and ends.
@Suite(.serialized, .enabled(if: JobRunner.hasMpirun, "needs mpirun")) struct ComparedJobs {}

/// How long a job may take to end after a fault, in seconds.
private let faultLimitSeconds = 10.0

/// One line that begins with `error: ` over all ranks, which says all of `parts` and a remedy; the exit code; in time;
/// nothing left.
func expectFault(
    _ outcome: JobOutcome, _ parts: [String], exitCode: Int32 = 1, sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(outcome.exitCode == exitCode, "\(outcome.errors)", sourceLocation: sourceLocation)
    #expect(outcome.errorLines.count == 1, "\(outcome.errors)", sourceLocation: sourceLocation)
    let line = outcome.errorLines.first ?? ""
    for part in parts { #expect(line.contains(part), sourceLocation: sourceLocation) }
    #expect(line.contains("; "), "no remedy", sourceLocation: sourceLocation)
    #expect(outcome.seconds < faultLimitSeconds, sourceLocation: sourceLocation)
    #expect(outcome.remaining == 0, sourceLocation: sourceLocation)
}

/// The job ended well and left nothing.
func expectDone(_ outcome: JobOutcome, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(outcome.exitCode == 0, "\(outcome.errors)", sourceLocation: sourceLocation)
    #expect(outcome.errorLines == [], sourceLocation: sourceLocation)
    #expect(outcome.remaining == 0, sourceLocation: sourceLocation)
}
