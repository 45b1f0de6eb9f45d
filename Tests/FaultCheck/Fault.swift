import AltaCore
import Foundation

/// What goes wrong, where and when: `KIND:RANK:PHASE:STEP`, as `kill:1:forward:2`. Phases are those of `PhaseClock`, and
/// `launch`, before MPI starts; those before the first step are of step 0.
struct Fault {
    enum Kind: String {
        case kill, stop, exit0, exit3, error, absent
    }

    let kind: Kind
    let rank: Int
    let phase: String
    let step: Int
    /// A file that is made when the fault happens; where there is one, it has happened, and does not again.
    let mark: String

    /// The fault that the environment asks for; nil: none, or it has happened.
    init?(_ environment: [String: String]) throws {
        guard let text = environment["ALTA_FAULT"], let mark = environment["ALTA_FAULT_MARK"] else { return nil }
        let parts = text.split(separator: ":").map(String.init)
        guard parts.count == 4, let kind = Kind(rawValue: parts[0]), let rank = Int(parts[1]), let step = Int(parts[3])
        else {
            throw AltaError("ALTA_FAULT is \(text)", remedy: "write kill:1:forward:2", exitCode: .usage)
        }
        guard access(mark, F_OK) != 0 else { return nil }
        (self.kind, self.rank, phase, self.step, self.mark) = (kind, rank, parts[2], step, mark)
    }

    /// Fails, where this rank is to fail here. An error is told by `fail`, which ends the job.
    func strike(rank: Int, phase: String, step: Int?, fail: (AltaError) -> Void) {
        guard rank == self.rank, phase == self.phase, (step ?? 0) == self.step, makeMark() else { return }
        switch kind {
        case .kill: Foundation.kill(getpid(), SIGKILL)
        case .stop: Foundation.kill(getpid(), SIGSTOP)
        case .exit0: exit(0)
        case .exit3: exit(3)
        case .absent: while true { sleep(1000) }
        case .error: fail(AltaError("a planted fault", remedy: "plant none", rank: rank))
        }
    }

    /// Whether the mark is this process's.
    private func makeMark() -> Bool {
        let descriptor = open(mark, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { return false }
        close(descriptor)
        return true
    }
}

/// Starts a process that stays until somebody ends it, in a session of its own: no rank may leave one behind.
func startCompanion() {
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    // POSIX_SPAWN_SETSID, which Swift does not import.
    posix_spawnattr_setflags(&attributes, 0x80)
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    // It must not hold the rank's output open.
    for descriptor in Int32(0)...2 { posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0) }
    let words = ["sleep", "1000"]
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
    arguments.append(nil)
    var process = pid_t()
    posix_spawn(&process, "/bin/sleep", &actions, &attributes, &arguments, environ)
    for argument in arguments { free(argument) }
}
