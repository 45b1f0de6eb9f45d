import AltaComm
import Dispatch

/// What one rank did when, in a step.
///
/// Times are those of the machine's clock that all its processes share, so that ranks of one machine can be laid side by
/// side. Not for more than one thread at a time.
public final class Timeline {
    /// What an event is.
    public enum Kind: String, Sendable {
        /// A phase of the step; no two of a rank overlap.
        case phase
        /// A collective, within a phase; no two of a rank overlap.
        case collective
        /// Gradients added up in shared memory within the backward sweep.
        case reduction
        /// A collective in the background, which may overlap with anything.
        case background
    }

    /// Something that took time.
    public struct Event: Sendable {
        /// What it was.
        public var name: String
        /// Of what kind.
        public var kind: Kind
        /// When it began, nanoseconds of the machine's clock.
        public var start: Int
        /// When it ended, likewise.
        public var end: Int
        /// The bytes of this rank's buffer; nil where there is none.
        public var byteCount: Int?
    }

    /// The most events that are kept; later ones are left out.
    public static let largestEventCount = 200_000

    /// What was recorded since `begin`, in the order in which it ended.
    public private(set) var events: [Event] = []
    /// Whether anything is recorded now.
    public private(set) var isRecording = false
    /// When `begin` was called, nanoseconds of the machine's clock.
    public private(set) var origin = 0

    /// One instant by two clocks.
    private let reference: (instant: ContinuousClock.Instant, nanoseconds: Int)

    /// A timeline that records nothing yet.
    public init() {
        reference = (.now, Int(DispatchTime.now().uptimeNanoseconds))
    }

    /// Forgets what was recorded, and records from now on.
    public func begin() {
        events = []
        origin = nanoseconds(.now)
        isRecording = true
    }

    /// Records nothing any more.
    public func end() { isRecording = false }

    /// Records something that is over; nothing where nothing is recorded now.
    public func add(
        _ name: String, _ kind: Kind, from start: ContinuousClock.Instant, to end: ContinuousClock.Instant,
        byteCount: Int? = nil
    ) {
        guard isRecording, events.count < Timeline.largestEventCount else { return }
        events.append(
            Event(
                name: name, kind: kind, start: nanoseconds(start), end: max(nanoseconds(end), nanoseconds(start)),
                byteCount: byteCount))
    }

    /// Records a collective.
    func add(_ event: CollectiveEvent) {
        add(
            event.name, event.isInBackground ? .background : .collective, from: event.start, to: event.end,
            byteCount: event.byteCount)
    }

    private func nanoseconds(_ instant: ContinuousClock.Instant) -> Int {
        let (seconds, attoseconds) = reference.instant.duration(to: instant).components
        return reference.nanoseconds + Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000)
    }
}
