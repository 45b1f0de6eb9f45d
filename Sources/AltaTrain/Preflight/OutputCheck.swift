import AltaComm
import AltaCore
import AltaFormats
import AltaModel
import Foundation

/// Whether the run folder can be written and is the same folder on every host.
package struct OutputCheck {
    static let name = "output"

    let collectives: any Collectives
    /// The host of each rank.
    let hosts: [String]
    /// The run folder, or the current one.
    let folder: String

    /// How long a file may take to be seen by other hosts: network file systems keep what they knew for some seconds.
    var patienceSeconds = 5.0

    /// Rank 0 writes a random text, every rank reads it, the first rank of each host writes one too; all of it is removed
    /// again, with folders that were made for it. Collective.
    func run() throws -> [CheckFinding] {
        let random = String(UInt64.random(in: 0...UInt64.max), radix: 36)
        let token = try collectives.broadcast(random, from: 0)
        let path = "\(folder)/.alta-check-\(token)"
        var made: [String] = []
        defer {
            // A folder that is not empty any more stays.
            for folder in made.reversed() { rmdir(folder) }
        }
        let written = try RankReports<Bool>.gather(collectives, hosts: hosts) {
            guard collectives.rank == 0 else { return true }
            try OutputCheck.makeFolder(folder, made: &made)
            try AtomicFile.write(path, text: token)
            return true
        }
        defer { if collectives.rank == 0 { unlink(path) } }
        let remedy = "set `output` to a folder that this user may write"
        guard written.all != nil else { return written.failures(OutputCheck.name, remedy: remedy) }
        let read = try RankReports<Bool>.gather(collectives, hosts: hosts) { try see(token, at: path) }
        let own = try RankReports<Bool>.gather(collectives, hosts: hosts) {
            guard read.leaders.contains(collectives.rank), collectives.rank != 0 else { return true }
            let ownPath = "\(path)-\(collectives.rank)"
            defer { unlink(ownPath) }
            try AtomicFile.write(ownPath, text: token)
            return true
        }
        return OutputCheck.judge(read: read, own: own, folder: folder)
    }

    package static func judge(
        read: RankReports<Bool>, own: RankReports<Bool>, folder: String
    ) -> [CheckFinding] {
        let blind = read.facts.indices.filter { read.facts[$0] != true }
        if !blind.isEmpty {
            return [
                .failed(
                    name,
                    "\(folder): what rank 0 on \(read.hosts[0]) writes is not seen by "
                        + RankList.text(blind, hosts: read.hosts),
                    remedy: "put `output` on a file system that all hosts share, under the same path")
            ]
        }
        let hindered = own.failures(name, remedy: "let this user write in the folder from every host")
        guard hindered.isEmpty else { return hindered }
        let hosts = read.leaders.count
        return [.ok(name, "\(folder) can be written" + (hosts > 1 ? " and is the same on \(hosts) hosts" : ""))]
    }

    /// Makes a folder and those above it that are missing; `made` holds them, the outermost first.
    static func makeFolder(_ path: String, made: inout [String]) throws {
        var missing: [String] = []
        var next = URL(filePath: path).standardizedFileURL
        while next.path != "/", !FileManager.default.fileExists(atPath: next.path) {
            missing.append(next.path)
            next = next.deletingLastPathComponent()
        }
        for folder in missing.reversed() {
            guard mkdir(folder, 0o777) == 0 else {
                throw AltaError(
                    "cannot make the output folder", why: AltaError.systemText(errno),
                    remedy: "set `output` to a folder that this user may write", file: folder)
            }
            made.append(folder)
        }
    }

    private func see(_ token: String, at path: String) throws -> Bool {
        let limit = ContinuousClock.now + .seconds(patienceSeconds)
        while true {
            if let bytes = try? SmallFile.contents(path, what: "the token", limit: 64),
                String(decoding: bytes, as: UTF8.self) == token
            {
                return true
            }
            guard ContinuousClock.now < limit else { return false }
            usleep(100_000)
        }
    }
}

/// Whether the disk of the run folder takes the checkpoints that are kept.
package enum DiskCheck {
    static let name = "disk"
    /// Besides those that stay: the best one, and the one that is being written.
    static let moreCheckpoints = 2

    /// The bytes that checkpoints of a run take at most: what trains with two moments, in fp32; and once the frozen weights
    /// that come from no file.
    package static func neededBytes(_ config: RunConfig, sides: Set<EncoderSide>) -> Double {
        var (trained, frozen) = (0.0, 0.0)
        for spec in WeightCatalog.make(config.model).specs {
            let count = Double(spec.rows) * Double(spec.columns)
            if spec.trains(in: config.trainable) {
                trained += count
            } else if !sides.contains(EncoderSide(ofWeight: spec.parts[0].name)) {
                frozen += count
            }
        }
        let float = Double(MemoryLayout<Float>.stride)
        return trained * 3 * float * Double(config.keepCheckpoints + moreCheckpoints) + frozen * float
    }

    /// Bytes that this user may still write at a path or, where that is not there yet, in the folder above it.
    static func freeBytes(at path: String) -> Double? {
        var place = URL(filePath: path).standardizedFileURL
        while place.path != "/", !FileManager.default.fileExists(atPath: place.path) {
            place = place.deletingLastPathComponent()
        }
        var status = statvfs()
        guard statvfs(place.path, &status) == 0 else { return nil }
        return Double(status.f_bavail) * Double(status.f_frsize)
    }

    package static func judge(freeBytes: Double?, neededBytes: Double, keep: Int, folder: String) -> [CheckFinding] {
        guard let freeBytes else { return [.note(name, "\(folder) cannot be asked how much is free")] }
        let values: JSONObject = ["free_bytes": .number(freeBytes), "needed_bytes": .number(neededBytes)]
        let needed = "\(keep + moreCheckpoints) checkpoints take \(Amount.bytes(neededBytes))"
        let text = "\(Amount.bytes(freeBytes)) free in \(folder), \(needed)"
        guard freeBytes < neededBytes else { return [.ok(name, text, values: values)] }
        return [
            .failed(
                name, text,
                remedy: "free some space, lower keep_checkpoints, or set `output` to a folder on a larger disk",
                values: values)
        ]
    }
}
