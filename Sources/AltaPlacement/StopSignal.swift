import CAltaSystem
import Foundation

/// Signals that ask a process to save and stop, noticed by asking instead of by being interrupted.
///
/// The launcher sends SIGUSR1 (mpirun hands it on at once, while after its own SIGTERM a second is left); batch systems
/// send SIGTERM. The flag belongs to the process: ranks that are threads share it.
public enum StopSignal: Sendable, CaseIterable {
    /// SIGUSR1, sent through mpirun: save and stop at the end of the step.
    case user1
    /// SIGTERM, sent by batch systems, containers and people.
    case terminate

    /// The system's number of the signal.
    public var number: Int32 {
        switch self {
        case .user1: SIGUSR1
        case .terminate: SIGTERM
        }
    }

    /// From now on these signals set the flag instead of ending the process.
    ///
    /// - Throws: `AltaError` where the kernel refuses.
    public static func watch(_ signals: [StopSignal] = allCases) throws {
        for signal in signals {
            try SystemCall.check(alta_signal_flag_install(signal.number), "cannot handle signal \(signal)")
        }
    }

    /// The last one that came; nil where none has. Takes no lock, so it may be asked at every step.
    public static var pending: StopSignal? {
        let number = alta_signal_flag_pending()
        return allCases.first { $0.number == number }
    }

    /// Forgets the one that came.
    public static func clear() { alta_signal_flag_clear() }
}
