import AltaCore
import CAltaSystem
import Foundation

/// The signals that ask this process to end, and those that tell of a child's end, read instead of suffered.
///
/// From its opening on the process is one that supervises: orphaned grandchildren become its own children. One source
/// serves all attempts of a job, so that no signal is lost between two of them.
public final class SignalSource {
    /// What `poll` waits on.
    let descriptor: Int32

    /// Opens the source; call it before any thread is started.
    /// - Throws: `AltaError` where the kernel refuses.
    public init() throws(AltaError) {
        descriptor = alta_launch_supervise()
        guard descriptor >= 0 else {
            throw AltaError("cannot watch for signals", why: String(cString: strerror(-descriptor)))
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// The next signal, which asks for the end or (SIGQUIT) for a dump; nil: none is waiting. Children's ends are passed over.
    func next() -> Int32? {
        while case let signal = alta_launch_next_signal(descriptor), signal > 0 {
            if signal != SIGCHLD { return signal }
        }
        return nil
    }

    /// Waits so many seconds; returns early with a signal that asks for the end.
    func wait(seconds: Double) -> Int32? {
        let clock = ContinuousClock()
        let end = clock.now + .seconds(seconds)
        while clock.now < end {
            if let signal = next(), signal != SIGQUIT { return signal }
            Screen.shared.flush()
            var source = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            poll(&source, 1, 100)
        }
        while let signal = next() {
            if signal != SIGQUIT { return signal }
        }
        return nil
    }

    /// `SIGTERM (Terminated)`, or the number of a signal without a name here.
    static func name(of signal: Int32) -> String {
        let names: [Int32: String] = [
            SIGINT: "SIGINT", SIGTERM: "SIGTERM", SIGHUP: "SIGHUP", SIGUSR1: "SIGUSR1",
        ]
        return names[signal] ?? "signal \(signal)"
    }
}
