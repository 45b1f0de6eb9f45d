import AltaCore

/// What the content of a pack depends on besides the radiographs themselves: a run must ask for the same.
public struct PackRecipe: Equatable, Sendable {
    /// What the images of a pack may serve.
    public enum Purpose: String, CaseIterable, Sendable {
        /// Training alone: the current frontal at twice the encoder's side.
        case training
        /// Evaluation alone: every view at the encoder's side, grey.
        case evaluation
        /// Both.
        case both

        /// Whether a run may train on it.
        public var trains: Bool { self != .evaluation }
        /// Whether it has what evaluation needs of the current frontal.
        public var evaluates: Bool { self != .training }
    }

    /// Which crops there are.
    public let purpose: Purpose
    /// Side of the encoder's input in pixels (the model's `image_size`).
    public let imageSize: Int
    /// How the pixels of DICOM files became 8 bits.
    public let dicomScaling: DicomScaling
    /// The hash of the table that was packed (`StableHash` of its bytes): what a checkpoint remembers.
    public let dataHash: UInt64
    /// The hash of the vocabulary whose token ids the pack holds; nil: it holds none.
    public let vocabularyHash: UInt64?

    /// The largest side of an encoder's input that a pack may have.
    public static let largestImageSize = 4096

    /// Stores the parts.
    public init(
        purpose: Purpose, imageSize: Int, dicomScaling: DicomScaling, dataHash: UInt64, vocabularyHash: UInt64?
    ) {
        precondition((1...Self.largestImageSize).contains(imageSize), "image size \(imageSize)")
        self.purpose = purpose
        self.imageSize = imageSize
        self.dicomScaling = dicomScaling
        self.dataHash = dataHash
        self.vocabularyHash = vocabularyHash
    }

    /// Refuses a pack that a run cannot use.
    ///
    /// - Parameters:
    ///   - imageSize: the model's.
    ///   - vocabularyHash: that of the run's vocabulary.
    ///   - trains: whether the run trains on it; false: it evaluates.
    /// - Throws: `AltaError` naming what differs, both values and how to make the pack anew.
    public func check(
        imageSize: Int, dicomScaling: DicomScaling, vocabularyHash: UInt64, trains: Bool, file: String
    ) throws {
        guard self.imageSize == imageSize else {
            throw fault(
                "the pack's images are those of another model",
                "they are for an image_size of \(self.imageSize), the model has \(imageSize)",
                "pack the table again with --image-size \(imageSize)", file)
        }
        guard self.dicomScaling == dicomScaling else {
            throw fault(
                "the pack was made with another scaling of DICOM pixels",
                "it has \(self.dicomScaling.rawValue), the run's data.dicom_scaling is \(dicomScaling.rawValue)",
                "pack the table again with --dicom-scaling \(dicomScaling.rawValue)", file)
        }
        if let own = self.vocabularyHash, own != vocabularyHash {
            throw fault(
                "the pack's tokens are those of another vocabulary",
                "its vocabulary has the hash \(StableHash.hex(own)), the run's \(StableHash.hex(vocabularyHash))",
                "pack the table again with this run's --vocabulary, or without one", file)
        }
        guard trains ? purpose.trains : purpose.evaluates else {
            let (made, needed) = trains ? ("evaluation", "training") : ("training", "evaluation")
            throw fault(
                "the pack has no images for \(needed)", "it was made with --for \(made)",
                "pack the table again with --for \(needed), or for both", file)
        }
    }

    private func fault(_ what: String, _ why: String, _ remedy: String, _ file: String) -> AltaError {
        AltaError(what, why: why, remedy: remedy, file: file)
    }

    /// The side of the crop that training takes of a view, by the recipe of the stage `align`.
    public func trainingSide(_ view: View) -> Int { view == .currentFrontal ? 2 * imageSize : imageSize }
}
