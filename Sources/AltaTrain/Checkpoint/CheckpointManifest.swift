import AltaCore
import AltaFormats
import Foundation

/// `complete.json` of a checkpoint: written last, it says that the folder is whole, and what each of its files holds.
///
/// It is read only as it was written, byte for byte, so that damage to it does not pass either.
struct CheckpointManifest: Sendable, Equatable {
    static let name = "complete.json"
    /// The member of a checkpoint's state that names this file: without it such a checkpoint is not complete.
    static let key = "checksums"
    /// The files that a checkpoint has.
    static let required: Set = [Checkpoint.trainableName, Checkpoint.optimizerName, Checkpoint.stateName]

    /// By name, size and hash.
    let files: [String: FileFacts]

    /// The file's content.
    func text() throws -> String {
        let members = files.sorted { $0.key < $1.key }.map { name, facts in
            let fields = [("bytes", JSONValue.integer(facts.byteCount)), ("hash", .string(StableHash.hex(facts.hash)))]
            return (name, JSONValue.object(members: fields))
        }
        return try JSONValue.object(members: [("files", .object(members: members))]).text(.pretty) + "\n"
    }

    /// Reads the file of a checkpoint's folder; nil: there is none.
    ///
    /// - Throws: `AltaError` where it is not as it was written.
    static func load(_ folder: String) throws -> CheckpointManifest? {
        let path = "\(folder)/\(name)"
        guard
            let bytes = try SmallFile.contentsIfPresent(path, what: "the checkpoint's checksums", limit: 1 << 16)
        else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        guard let json = try? JSONValue(parsing: text, file: path), let members = json["files"]?.object?.members else {
            throw damaged(name, in: folder, why: "it is malformed")
        }
        let files = members.reduce(into: [String: FileFacts]()) { files, member in
            guard let count = member.value["bytes"]?.int, let hex = member.value["hash"]?.string,
                let hash = UInt64(hex, radix: 16)
            else { return }
            files[member.key] = FileFacts(byteCount: count, hash: hash)
        }
        let manifest = CheckpointManifest(files: files)
        guard Set(files.keys) == required, try manifest.text() == text else {
            throw damaged(name, in: folder, why: "it is not as it was written")
        }
        return manifest
    }

    /// Maps a file of the folder, whole and as it was written.
    ///
    /// - Parameter progress: called as the reading gets on.
    /// - Throws: `AltaError` where its size or any of its bytes is another.
    func bytes(of name: String, in folder: String, progress: () -> Void = {}) throws -> FileBytes {
        guard let facts = files[name] else { preconditionFailure("a checkpoint has no file \(name)") }
        let file = try FileBytes(mapping: "\(folder)/\(name)", what: "a file of the checkpoint")
        guard file.bytes.count == facts.byteCount else {
            throw Self.damaged(name, in: folder, why: "it has \(file.bytes.count) of \(facts.byteCount) bytes")
        }
        let hash = withExtendedLifetime(file) { StableHash.value(of: file.bytes, progress: progress) }
        guard hash == facts.hash else {
            throw Self.damaged(name, in: folder, why: "its bytes are not those that were written")
        }
        return file
    }

    static func damaged(_ name: String, in folder: String, why: String) -> AltaError {
        AltaError(
            "the checkpoint is damaged", why: why, remedy: "bring the file back from a copy, or use another checkpoint",
            file: "\(folder)/\(name)")
    }
}
