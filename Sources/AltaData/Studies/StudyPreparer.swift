import AltaCore

/// Turns rows of a data set into studies as the model takes them.
///
/// Everything drawn is a function of (seed, epoch, study): which rank prepares a study, and when, changes nothing. The
/// table's recipe decides what is prepared.
public struct StudyPreparer: Sendable {
    /// The data set.
    public let table: StudyTable
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
        table: StudyTable, reports: ReportPreparation, config: ModelConfig, seed: UInt64,
        dicomScaling: DicomScaling = .published
    ) {
        self.table = table
        self.reports = reports
        self.config = config
        self.seed = seed
        self.dicomScaling = dicomScaling
    }

    /// Prepares another table as this one is prepared.
    public func over(_ table: StudyTable) -> StudyPreparer {
        StudyPreparer(table: table, reports: reports, config: config, seed: seed, dicomScaling: dicomScaling)
    }

    /// Decodes, augments, masks and tokenizes one study for training: for alignment four views and a shuffled report, for
    /// pretraining the current frontal and a report whose words are masked whole.
    ///
    /// - Throws: `AltaError` with the file and the row of a radiograph that cannot be read.
    public func prepare(_ study: StudyIndex, epoch: Int) throws -> PreparedStudy {
        switch table.recipe {
        case .align: try prepareForAlignment(study, epoch: epoch)
        case .pretrain(let antialias): try prepareForPretraining(study, epoch: epoch, antialias: antialias)
        }
    }

    private func prepareForPretraining(_ study: StudyIndex, epoch: Int, antialias: Bool) throws -> PreparedStudy {
        let record = table.study(study)
        guard let raster = try decoded(record, .currentFrontal) else { throw noFrontal(record) }
        let key = RandomKey(seed: seed, epoch: epoch, study: study, purpose: .augmentation).child(0)
        let crop = CropAugmentation.draw(key: key, height: raster.height, width: raster.width)
        let large = PlanarImage.normalized(
            grey: ImagePipeline.pretraining(raster, side: 2 * config.imageSize, crop: crop),
            by: table.recipe.normalization)
        return PreparedStudy(
            index: study, large: large, views: [large.halved(antialias: antialias)],
            patchOrders: [order(.currentFrontal, study, epoch)],
            report: reports.prepareWords(record.report, seed: seed, epoch: epoch, study: study),
            dropoutKey: RandomKey(seed: seed, epoch: epoch, study: study, purpose: .dropout))
    }

    private func prepareForAlignment(_ study: StudyIndex, epoch: Int) throws -> PreparedStudy {
        let record = table.study(study)
        let side = config.imageSize
        let large = try image(record, .currentFrontal, side: 2 * side, study, epoch)
        guard let large else { throw noFrontal(record) }
        let others = try View.allCases.dropFirst().map { try image(record, $0, side: side, study, epoch) }
        return PreparedStudy(
            index: study, large: large, views: [large.halved()] + others,
            patchOrders: View.allCases.map { order($0, study, epoch) },
            report: reports.prepare(record.report, seed: seed, epoch: epoch, study: study),
            dropoutKey: RandomKey(seed: seed, epoch: epoch, study: study, purpose: .dropout))
    }

    /// A study's current frontal radiograph by the evaluation transform, `[1, S, S]`, normalised.
    public func evaluationImage(_ study: StudyIndex) throws -> PlanarImage {
        let record = table.study(study)
        guard let image = try evaluationView(record, .currentFrontal) else { throw noFrontal(record) }
        return image
    }

    /// A study's four radiographs by the evaluation transform, in the order of `View`; nil: absent.
    public func evaluationViews(_ study: StudyIndex) throws -> [PlanarImage?] {
        let record = table.study(study)
        return try View.allCases.map { try evaluationView(record, $0) }
    }

    private func evaluationView(_ record: StudyRecord, _ view: View) throws -> PlanarImage? {
        try decoded(record, view).map { raster in
            .normalized(
                grey: ImagePipeline.evaluation(raster, imageSize: config.imageSize), by: table.recipe.normalization)
        }
    }

    /// The report's tokens in the order of its sentences, cut to the model's length.
    public func evaluationTokens(_ study: StudyIndex) -> [Int32] { reports.encode(table.study(study).report) }

    private func image(
        _ record: StudyRecord, _ view: View, side: Int, _ study: StudyIndex, _ epoch: Int
    ) throws -> PlanarImage? {
        // Current and prior of one kind share their draws, so that a change between them is not the augmentation's.
        let key = RandomKey(seed: seed, epoch: epoch, study: study, purpose: .augmentation)
        let draw = AugmentationDraw(key: key.child(view.isFrontal ? 0 : 1))
        return try decoded(record, view).map { raster in
            .normalized(
                grey: ImagePipeline.training(raster, side: side, augmentation: draw.at(side: side)),
                by: table.recipe.normalization)
        }
    }

    private func noFrontal(_ record: StudyRecord) -> AltaError {
        AltaError(
            "a study has no current frontal radiograph", remedy: "give its image_path or remove the row",
            file: table.path, row: record.row)
    }

    private func decoded(_ record: StudyRecord, _ view: View) throws -> RasterRGB? {
        guard let path = record.paths[view.rawValue] else { return nil }
        do {
            return try ImageDecoder.decode(path: path, dicomScaling: dicomScaling)
        } catch let error as AltaError {
            throw AltaError(
                "cannot read the radiograph \(path)",
                why: [error.what, error.why].compactMap { $0 }.joined(separator: ": "),
                remedy: error.remedy ?? "replace the file or remove the row", file: table.path, row: record.row)
        }
    }

    /// Which patches of a view are visible: each view has a mask of its own, absent views too.
    private func order(_ view: View, _ study: StudyIndex, _ epoch: Int) -> [Int] {
        let key = RandomKey(seed: seed, epoch: epoch, study: study, purpose: .patchMask).child(UInt64(view.rawValue))
        return patchOrder(noise: (0..<config.patches).map(key.uniform))
    }
}
