import AltaCore
import AltaFormats
import AltaObjective
import Foundation

/// A batch of one rank with its losses and gradients, for other programs to compare.
struct LossDump {
    let embeddings: SyntheticEmbeddings
    let share: LocalEmbeddings
    let result: ContrastiveResult

    /// Refuses a path that nothing can be written to, before anything is computed for it.
    static func checkPlace(_ path: String) throws {
        func isFolder(_ path: String) -> Bool {
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
        }
        guard !isFolder(path) else {
            throw AltaError(
                "--dump is a folder", why: "the batch is written as a file", remedy: "name a file in it", file: path,
                exitCode: .usage)
        }
        guard isFolder(URL(filePath: path).deletingLastPathComponent().path) else {
            throw AltaError(
                "there is no folder for --dump", why: "the file is not written before the last step",
                remedy: "make the folder, or name another file", file: path, exitCode: .usage)
        }
    }

    /// Writes safetensors: `embeddings/*` and `gradients/*` of `image_global` and `text_global` `[B, d]`, `image_local`
    /// `[B, P, d]` and `text_local` `[sum of W_i, d]`, `embeddings/words` `[B]`; `scales` (logarithms), `gradients/scales`
    /// and `losses` (global, local).
    func write(_ path: String) throws {
        let scales = embeddings.scales
        let parts = [
            ("embeddings", share.imageGlobal, share.textGlobal, share.patches, share.words),
            (
                "gradients", result.imageGlobalGradient, result.textGlobalGradient, result.patchesGradient,
                result.wordsGradient
            ),
        ]
        let (b, p, d) = (share.count, embeddings.patchesPerStudy, share.width)
        let tensors = parts.flatMap { group, images, texts, patches, words in
            [
                TensorSource.floats("\(group)/image_global", shape: [b, d], images.toArray()),
                .floats("\(group)/text_global", shape: [b, d], texts.toArray()),
                .floats("\(group)/image_local", shape: [b, p, d], patches.toArray()),
                .floats("\(group)/text_local", shape: [words.rows, d], words.toArray()),
            ]
        }
        let found = result.scaleGradients
        let gradients = [found.logitScale, found.localScale1, found.localScale2, found.localScale3].map { Float($0) }
        try SafetensorsWriter.write(
            tensors + [
                .integers("embeddings/words", shape: [b], embeddings.wordCounts),
                .floats(
                    "scales", shape: [4],
                    [scales.logitScale, scales.localScale1, scales.localScale2, scales.localScale3]),
                .floats("gradients/scales", shape: [4], gradients),
                .floats("losses", shape: [2], [Float(result.globalLoss), Float(result.localLoss)]),
            ], to: path)
    }
}
