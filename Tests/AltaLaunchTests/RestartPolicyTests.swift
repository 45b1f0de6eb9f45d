import AltaCore
import AltaLaunch
import Testing

@Suite struct RestartPolicyTests {
    private typealias Attempt = RestartPolicy.Attempt

    private func policy(_ restarts: Int, delay: Double = 5) -> RestartPolicy {
        RestartPolicy(RestartPolicy.Limits(restarts: restarts, delaySeconds: delay))
    }

    private func stopped(_ completed: Int, reached: Int, lostHost: Bool = false) -> Attempt {
        Attempt(exitCode: 75, completedSteps: completed, reachedStep: reached, lostHost: lostHost)
    }

    private func delays(_ policy: inout RestartPolicy, _ attempts: [Attempt]) -> [Double?] {
        attempts.map { attempt in
            if case .restart(_, let seconds) = policy.decide(after: attempt) { seconds } else { nil }
        }
    }

    private func why(_ policy: inout RestartPolicy, _ attempt: Attempt) -> String? {
        if case .end(let why) = policy.decide(after: attempt) { why } else { "a restart" }
    }

    @Test func aJobThatEndsWellOrMayNotRestartEnds() {
        var policy = policy(3)
        #expect(policy.decide(after: Attempt(exitCode: 0, completedSteps: 9)) == .end(why: nil))
        var never = self.policy(0)
        #expect(never.decide(after: stopped(5, reached: 6)) == .end(why: nil))
    }

    @Test(arguments: [Int32(1), 2, 3, 139]) func whatWouldHappenAgainIsNotRestarted(code: Int32) {
        var policy = policy(3)
        #expect(why(&policy, Attempt(exitCode: code, completedSteps: 5))?.contains("again (exit code \(code))") == true)
    }

    @Test func whoWasAskedToEndIsNotRestarted() {
        var policy = policy(3)
        let why = why(&policy, Attempt(exitCode: 75, wasAskedToEnd: true, completedSteps: 5, reachedStep: 6))
        #expect(why == "its end was asked for")
    }

    /// Not for ever on a path that leads nowhere: each start must complete a step.
    @Test func aStartWithoutAGoodStepIsTheLast() {
        var policy = policy(9)
        #expect(why(&policy, stopped(0, reached: 1))?.contains("completed no step") == true)
        #expect(policy.decide(after: stopped(1, reached: 2)) == .restart(number: 1, afterSeconds: 5))
        #expect(why(&policy, stopped(0, reached: 2))?.contains("completed no step") == true)
    }

    /// A start that only found a host gone is no start: the next is another job, of fewer hosts.
    @Test func aLostHostIsDroppedWithoutANewStep() {
        var policy = policy(9)
        #expect(why(&policy, stopped(0, reached: 0, lostHost: true))?.contains("completed no step") == true)
        #expect(policy.decide(after: stopped(3, reached: 4)) == .restart(number: 1, afterSeconds: 5))
        #expect(policy.decide(after: stopped(0, reached: 0, lostHost: true)) == .restart(number: 2, afterSeconds: 10))
    }

    @Test func restartsAreCounted() {
        var policy = policy(2)
        #expect(policy.decide(after: stopped(3, reached: 4)) == .restart(number: 1, afterSeconds: 5))
        #expect(policy.decide(after: stopped(3, reached: 9)) == .restart(number: 2, afterSeconds: 5))
        #expect(why(&policy, stopped(3, reached: 20)) == "its 2 restarts are used up")
    }

    /// It doubles while the run gets no further, is capped, and begins anew with progress.
    @Test func pausesGrowUntilThereIsProgress() {
        var policy = policy(99, delay: 100)
        let attempts = [(10, 11), (5, 11), (6, 11), (6, 9), (9, 12), (2, 12)].map { stopped($0.0, reached: $0.1) }
        #expect(delays(&policy, attempts) == [100, 200, 300, 300, 100, 200])
        var long = self.policy(9, delay: 1e6)
        #expect(delays(&long, [stopped(1, reached: 2)]) == [RestartPolicy.longestDelaySeconds])
    }
}
