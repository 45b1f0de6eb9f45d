import AltaCore
import AltaFormats

/// One study of a pack, checked.
public struct PackedStudy: Sendable {
    private let file: FileBytes
    // Valid as long as the file, which this value keeps.
    private nonisolated(unsafe) let payload: UnsafeRawBufferPointer
    private let entry: PackEntry
    private let layout: PackLayout
    private let recipe: PackRecipe

    /// The payload's checksum holds; nil: the sentences' lengths contradict the number of tokens.
    init?(
        file: FileBytes, payload: UnsafeRawBufferPointer, entry: PackEntry, layout: PackLayout, recipe: PackRecipe
    ) {
        self.file = file
        self.payload = payload
        self.entry = entry
        self.layout = layout
        self.recipe = recipe
        let reader = LittleEndianReader(payload)
        var sum = 0
        for sentence in 0..<entry.sentenceCount { sum += Int(reader.u32(layout.numbers.lowerBound + 4 * sentence)) }
        guard sum == entry.tokenCount else { return nil }
    }

    /// The report as the table had it.
    public var report: String {
        withExtendedLifetime(file) { String(decoding: payload[layout.report], as: UTF8.self) }
    }

    /// The token ids of each sentence, without [CLS] and [SEP] (`ReportPreparation.tokenizedSentences`); nil: the pack has
    /// no tokens.
    public var sentences: [[Int32]]? {
        guard recipe.vocabularyHash != nil else { return nil }
        return withExtendedLifetime(file) {
            let reader = LittleEndianReader(payload)
            var place = layout.numbers.lowerBound + 4 * entry.sentenceCount
            return (0..<entry.sentenceCount).map { sentence in
                let length = Int(reader.u32(layout.numbers.lowerBound + 4 * sentence))
                defer { place += 4 * length }
                return (0..<length).map { Int32(bitPattern: reader.u32(place + 4 * $0)) }
            }
        }
    }

    /// What `ImagePipeline.cropped` made of a view for training; nil: the view is absent.
    ///
    /// A programmer's fault traps: the pack is not for training, or `side` is not the recipe's.
    public func trainingCrop(_ view: View, side: Int) -> RasterRGB? {
        precondition(
            recipe.purpose.trains && side == recipe.trainingSide(view), "side \(side) of \(view) in \(file.path)")
        return storedCrop(view)
    }

    /// What the evaluation transform made of a view, `[S, S]` grey; nil: the view is absent.
    ///
    /// A programmer's fault traps: the pack is not for evaluation.
    public func evaluationCrop(_ view: View) -> GreyImage? {
        precondition(recipe.purpose.evaluates, "\(file.path) is for training alone")
        guard view == .currentFrontal, let place = layout.evaluation else { return storedCrop(view)?.grey }
        return GreyImage(height: recipe.imageSize, width: recipe.imageSize, pixels: pixels(place))
    }

    private func storedCrop(_ view: View) -> RasterRGB? {
        guard let place = layout.views[view.rawValue] else { return nil }
        let side = layout.sides[view.rawValue]
        return RasterRGB(
            channels: entry.channels[view.rawValue], height: side, width: side, pixels: pixels(place))
    }

    private func pixels(_ place: Range<Int>) -> [UInt8] { withExtendedLifetime(file) { Array(payload[place]) } }
}
