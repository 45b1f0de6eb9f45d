import Foundation

extension Supervisor {
    /// How far the end of a job that is being ended has got.
    struct Ending {
        enum Stage {
            /// Ranks save at the end of the step and leave by themselves.
            case saving
            /// mpirun ends its ranks.
            case terminating
            /// Everything was killed.
            case killing
        }

        var stage: Stage
        var since: ContinuousClock.Instant
    }

    /// Signals so close together are one: some senders reach a process and its group.
    private static let sameSignalSeconds = 0.2

    /// The first signal asks for the end; one more ends everything at once.
    mutating func takeSignals(_ child: ChildProcess) {
        while let signal = signals.next() {
            if signal == SIGQUIT {
                startDump()
                continue
            }
            self.signal = signal
            guard let ending else {
                ask(child, .signal(signal), saving: limits.savesOnSignal)
                continue
            }
            if ending.stage == .killing || clock.now - ending.since < .seconds(Self.sameSignalSeconds) { continue }
            if reason == nil { reason = .signal(signal) }
            killAll(child)
        }
    }

    /// Has another process look at the ranks, one at a time: this one goes on with what they print.
    private mutating func startDump() {
        guard dump == nil else { return say("a dump is under way") }
        let child = ChildProcess.start(
            [Programs.own, "debug", "--dump", "\(getpid())"], environment: ProcessInfo.processInfo.environment,
            output: STDERR_FILENO, error: STDERR_FILENO)
        guard child < 0 else {
            dump = child
            return
        }
        LaunchCommand.complain(["warning: no dump could be started: \(String(cString: strerror(-child)))"])
    }

    /// Ends the job where it failed, stands still or takes too long, and makes sure of an end that was asked for.
    mutating func applyLimits(_ child: ChildProcess) {
        let now = clock.now
        if failureSeen == nil, now - lastLook > .milliseconds(200) {
            lastLook = now
            if hasFailure { failureSeen = now }
        }
        let hangs = failureSeen.map { now - $0 > .seconds(limits.hangSeconds) } ?? false
        if let ending {
            let seconds = (now - ending.since) / .seconds(1)
            switch ending.stage {
            case .saving where seconds > limits.saveSeconds || hangs: terminate(child)
            case .terminating where seconds > limits.killSeconds: killAll(child)
            default: break
            }
            return
        }
        if let timeout = limits.timeoutSeconds, now - started > .seconds(timeout - limits.usedSeconds) {
            return ask(child, .timeout(timeout))
        }
        if hangs { return ask(child, .hangAfterFailure) }
        if failureSeen == nil, let finding = findStall() { ask(child, .stall(finding)) }
    }

    /// Begins the end of the job.
    private mutating func ask(_ child: ChildProcess, _ reason: JobEnd.Reason, saving: Bool = false) {
        // A failure that is known already is the cause, even where the user lost patience first.
        self.reason = hasFailure ? .hangAfterFailure : reason
        guard saving, self.reason == reason else { return terminate(child) }
        ending = Ending(stage: .saving, since: clock.now)
        if case .signal(let signal) = reason { announceSaving(signal) }
        child.send(SIGUSR1)
    }

    private mutating func announceSaving(_ signal: Int32) {
        let again = signal == SIGINT ? "press Ctrl-C again" : "send a second signal"
        say(
            "\(SignalSource.name(of: signal)): the ranks save at the end of this step and stop (within "
                + "\(limits.saveSeconds.plainText) s); \(again) to end at once")
    }

    private mutating func terminate(_ child: ChildProcess) {
        ending = Ending(stage: .terminating, since: clock.now)
        output.keepEnding()
        child.send(SIGTERM)
    }

    private mutating func killAll(_ child: ChildProcess) {
        ending = Ending(stage: .killing, since: clock.now)
        kill(-child.identifier, SIGKILL)
    }
}
