import AltaCore
import Foundation

/// Keeps a second launcher out of a run folder while a job writes there.
///
/// Held by an open file description, so that it ends with the launcher, however that ends.
struct RunFolderLock {
    private let descriptor: Int32

    /// Takes the lock of a folder. Where the file system knows no locks, none is taken.
    /// - Throws: `AltaError` where another launcher holds it.
    init(folder: String) throws(AltaError) {
        descriptor = open("\(folder)/launch.lock", O_CREAT | O_RDWR | O_CLOEXEC, 0o644)
        guard descriptor >= 0, flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK else { return }
        close(descriptor)
        throw AltaError(
            "another job is running in this folder", remedy: "wait for its end, or give another output folder",
            file: folder, exitCode: .failed)
    }

    /// Lets the next launcher in.
    func release() {
        if descriptor >= 0 { close(descriptor) }
    }
}
