import AltaCore
import AltaData
import AltaFormats

/// The batch of a fixture as studies. b = studies, S = side of the encoder's input, T = padded report length.
struct FixtureBatch {
    let file: SafetensorsFile
    let config: ModelConfig

    /// The token that stands for a masked one in the references.
    private var maskID: Int32 { config.stage == .align ? 4 : 3 }

    /// The names of the radiographs, in the order of `View`.
    private static let imageNames = ["images", "auxiliary", "prior", "prior_auxiliary"]

    /// The studies in the order of the batch.
    func studies() throws -> [PreparedStudy] {
        let large = try images("images", side: 2 * config.imageSize)
        let others = try FixtureBatch.imageNames.prefix(config.stage.views.count).dropFirst().map {
            try images($0, side: config.imageSize)
        }
        guard others.allSatisfy({ $0.count == large.count }) else {
            throw malformed("auxiliary", "\(others.map(\.count)) other views for \(large.count) studies")
        }
        let orders = try patchOrders(count: large.count)
        let reports = try reports(count: large.count)
        return large.indices.map { index in
            let views = [large[index].halved(antialias: config.antialias)] + others.map { $0[index] }
            return PreparedStudy(
                index: StudyIndex(index), large: large[index], views: views.map { isAbsent($0) ? nil : $0 },
                patchOrders: orders[index], report: reports[index], dropoutKey: RandomKey(seed: 0, purpose: .dropout))
        }
    }

    /// An absent radiograph is all zeros; a study's only one is there.
    private func isAbsent(_ image: PlanarImage) -> Bool {
        config.stage.views.count > 1 && image.pixels.allSatisfy { $0 == 0 }
    }

    /// `[b, 3, side, side]` as b images.
    private func images(_ name: String, side: Int) throws -> [PlanarImage] {
        let tensor = try file.tensor("batch/\(name)")
        guard tensor.shape.count == 4, Array(tensor.shape.dropFirst()) == [3, side, side] else {
            throw malformed(name, "found \(tensor.shape), expected [b, 3, \(side), \(side)]")
        }
        let values = try tensor.floats()
        let count = 3 * side * side
        return (0..<tensor.shape[0]).map { index in
            PlanarImage(
                channels: 3, height: side, width: side, pixels: Array(values[index * count..<(index + 1) * count]))
        }
    }

    /// `noise` `[b, views, patches]` as the order of each view's patches.
    private func patchOrders(count: Int) throws -> [[[Int]]] {
        let noise = try file.floats("batch/noise")
        let views = config.stage.views.count
        guard noise.count == count * views * config.patches else {
            throw malformed("noise", "\(noise.count) numbers for \(count) studies; views of each: \(views)")
        }
        return (0..<count).map { study in
            (0..<views).map { view in
                let start = (study * views + view) * config.patches
                return patchOrder(noise: Array(noise[start..<start + config.patches]))
            }
        }
    }

    /// Padded ids, masks and labels `[b, T]` as reports without padding.
    private func reports(count: Int) throws -> [PreparedReport] {
        let (ids, used) = (try file.integers("batch/ids"), try file.integers("batch/attention_mask"))
        let (masked, labels) = (try file.integers("batch/masked_ids"), try file.integers("batch/labels"))
        guard count > 0, ids.count % count == 0,
            [used.count, masked.count, labels.count].allSatisfy({ $0 == ids.count })
        else { throw malformed("ids", "\(ids.count) tokens for \(count) studies") }
        let padded = ids.count / count
        return try (0..<count).map { study in
            let rows = study * padded..<(study + 1) * padded
            let length = used[rows].prefix { $0 == 1 }.count
            guard length > 1, used[rows].dropFirst(length).allSatisfy({ $0 == 0 }), length <= config.maxPositions else {
                throw malformed("attention_mask", "study \(study) has gaps or is too long")
            }
            guard ids[rows].prefix(length).allSatisfy({ (0..<config.vocabulary).contains($0) }) else {
                throw malformed("ids", "study \(study) has a token outside the vocabulary")
            }
            let tokens = ids[rows].prefix(length).map { Int32($0) }
            let positions = (0..<length).filter { labels[rows.lowerBound + $0] != -100 }
            let report = PreparedReport(ids: tokens, maskedPositions: positions, maskID: maskID)
            guard report.maskedIDs.map(Int.init) == Array(masked[rows].prefix(length)),
                report.labels.map(Int.init) == positions.map({ labels[rows.lowerBound + $0] })
            else { throw malformed("masked_ids", "study \(study) is masked elsewhere than its labels say") }
            return report
        }
    }

    private func malformed(_ name: String, _ why: String) -> AltaError {
        AltaError("the fixture's batch/\(name) is malformed", why: why, remedy: "write it again", file: file.path)
    }
}
