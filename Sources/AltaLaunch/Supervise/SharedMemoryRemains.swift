import Foundation

/// What Open MPI 4.1 leaves on this host where mpirun had to be killed: 4 MB of shared memory a rank, and a session folder.
enum SharedMemoryRemains {
    /// Removes the files of one job of ours, and nothing of another's.
    /// - Parameters:
    ///   - jobFamily: the number that mpirun gave itself, from its state reports.
    ///   - mpirun: its process id.
    static func remove(jobFamily: UInt32?, mpirun: Int32) {
        let manager = FileManager.default
        if let jobFamily {
            // vader_segment.HOST.UID.JOB.RANK, where the first job of a family is family << 16 | 1, in hexadecimal.
            let job = String(jobFamily << 16 | 1, radix: 16)
            for name in (try? manager.contentsOfDirectory(atPath: "/dev/shm")) ?? [] {
                guard name.hasPrefix("vader_segment."), name.contains(".\(geteuid()).\(job).") else { continue }
                try? manager.removeItem(atPath: "/dev/shm/\(name)")
            }
        }
        let temporary = manager.temporaryDirectory.path
        for name in (try? manager.contentsOfDirectory(atPath: temporary)) ?? [] where name.hasPrefix("ompi.") {
            guard name.hasSuffix(".\(geteuid())") else { continue }
            try? manager.removeItem(atPath: "\(temporary)/\(name)/pid.\(mpirun)")
        }
    }
}
