import AltaCore

/// Turns rows of a data set into studies as the model takes them.
///
/// Everything drawn is a function of (seed, epoch, study): which rank prepares a study, and when, changes nothing. The
/// source's recipe decides what is prepared.
public struct StudyPreparer: Sendable {
    /// The data set.
    public let source: StudySource
    /// How reports become tokens.
    public let reports: ReportPreparation
    /// The model's shape: sizes of images and masks.
    public let config: ModelConfig
    /// The run's seed.
    public let seed: UInt64
    /// How DICOM pixels become 8 bits.
    public let dicomScaling: DicomScaling

    /// Stores the parts.
    public init(
        source: StudySource, reports: ReportPreparation, config: ModelConfig, seed: UInt64,
        dicomScaling: DicomScaling = .published
    ) {
        self.source = source
        self.reports = reports
        self.config = config
        self.seed = seed
        self.dicomScaling = dicomScaling
    }

    /// Prepares other studies as these are prepared.
    public func over(_ source: StudySource) -> StudyPreparer {
        StudyPreparer(source: source, reports: reports, config: config, seed: seed, dicomScaling: dicomScaling)
    }

    /// Decodes, augments, masks and tokenizes one study for training: for alignment four views and a shuffled report, for
    /// pretraining the current frontal and a report whose words are masked whole.
    ///
    /// - Throws: `AltaError` with the file and the row of a radiograph, or of a packed study, that cannot be read.
    public func prepare(_ study: StudyIndex, epoch: Int) throws -> PreparedStudy {
        switch source {
        case .table(let table) where table.recipe != .align:
            let row = StudyRow(record: table.study(study), table: table, dicomScaling: dicomScaling)
            return try prepareForPretraining(row, study, epoch: epoch)
        case .table, .packed: return try prepareForAlignment(study, epoch: epoch)
        }
    }

    private func prepareForPretraining(_ row: StudyRow, _ study: StudyIndex, epoch: Int) throws -> PreparedStudy {
        guard let raster = try row.decoded(.currentFrontal) else { throw noFrontal(study) }
        let key = RandomKey(seed: seed, epoch: epoch, study: study, purpose: .augmentation).child(0)
        let crop = CropAugmentation.draw(key: key, height: raster.height, width: raster.width)
        let large = PlanarImage.normalized(
            grey: ImagePipeline.pretraining(raster, side: 2 * config.imageSize, crop: crop),
            by: source.recipe.normalization)
        return PreparedStudy(
            index: study, large: large, views: [large.halved(antialias: source.recipe.antialias)],
            patchOrders: [order(.currentFrontal, study, epoch)],
            report: reports.prepareWords(row.record.report, seed: seed, epoch: epoch, study: study),
            dropoutKey: RandomKey(seed: seed, epoch: epoch, study: study, purpose: .dropout))
    }

    private func prepareForAlignment(_ study: StudyIndex, epoch: Int) throws -> PreparedStudy {
        let material = try source.material(study, dicomScaling: dicomScaling)
        let side = config.imageSize
        guard let large = try image(material, .currentFrontal, side: 2 * side, study, epoch) else {
            throw noFrontal(study)
        }
        let others = try View.allCases.dropFirst().map { try image(material, $0, side: side, study, epoch) }
        return PreparedStudy(
            index: study, large: large, views: [large.halved()] + others,
            patchOrders: View.allCases.map { order($0, study, epoch) },
            report: reports.prepare(
                sentences: try material.sentences(reports), seed: seed, epoch: epoch, study: study),
            dropoutKey: RandomKey(seed: seed, epoch: epoch, study: study, purpose: .dropout))
    }

    /// A study's current frontal radiograph by the evaluation transform, `[1, S, S]`, normalised.
    public func evaluationImage(_ study: StudyIndex) throws -> PlanarImage {
        let material = try source.material(study, dicomScaling: dicomScaling)
        guard let image = try evaluationView(material, .currentFrontal) else { throw noFrontal(study) }
        return image
    }

    /// A study's four radiographs by the evaluation transform, in the order of `View`; nil: absent.
    public func evaluationViews(_ study: StudyIndex) throws -> [PlanarImage?] {
        let material = try source.material(study, dicomScaling: dicomScaling)
        return try View.allCases.map { try evaluationView(material, $0) }
    }

    private func evaluationView(_ material: StudyMaterial, _ view: View) throws -> PlanarImage? {
        try material.evaluationCrop(view, side: config.imageSize).map { grey in
            .normalized(grey: grey, by: source.recipe.normalization)
        }
    }

    /// The report's tokens in the order of its sentences, cut to the model's length.
    public func evaluationTokens(_ study: StudyIndex) throws -> [Int32] {
        let material = try source.material(study, dicomScaling: dicomScaling)
        return reports.encode(sentences: try material.sentences(reports))
    }

    private func image(
        _ material: StudyMaterial, _ view: View, side: Int, _ study: StudyIndex, _ epoch: Int
    ) throws -> PlanarImage? {
        // Current and prior of one kind share their draws, so that a change between them is not the augmentation's.
        let key = RandomKey(seed: seed, epoch: epoch, study: study, purpose: .augmentation)
        let draw = AugmentationDraw(key: key.child(view.isFrontal ? 0 : 1))
        return try material.trainingCrop(view, side: side).map { crop in
            .normalized(
                grey: ImagePipeline.augmented(crop, draw.at(side: side)), by: source.recipe.normalization)
        }
    }

    private func noFrontal(_ study: StudyIndex) -> AltaError {
        AltaError(
            "a study has no current frontal radiograph", remedy: "give its image_path or remove the row",
            file: source.path, row: source.rowNumber(study))
    }

    /// Which patches of a view are visible: each view has a mask of its own, absent views too.
    private func order(_ view: View, _ study: StudyIndex, _ epoch: Int) -> [Int] {
        let key = RandomKey(seed: seed, epoch: epoch, study: study, purpose: .patchMask).child(UInt64(view.rawValue))
        return patchOrder(noise: (0..<config.patches).map(key.uniform))
    }
}
