import AltaCore

/// What to pack, and where.
public struct PackOptions: Sendable {
    /// The table.
    public var csvPath: String
    /// The file to write.
    public var output: String
    /// The folder that relative image paths start from; nil: the table's own.
    public var imageRoot: String?
    /// A `vocab.txt` whose token ids go into the pack; nil: none, the reports are tokenized when they are read.
    public var vocabularyPath: String?
    /// Side of the encoder's input in pixels.
    public var imageSize: Int
    /// How DICOM pixels become 8 bits.
    public var dicomScaling: DicomScaling
    /// Which crops are made.
    public var purpose: PackRecipe.Purpose
    /// Only the first so many studies of the table, 1 or more (`StudyTable.first`); nil: all.
    public var studyLimit: Int?
    /// How many threads decode; the file does not depend on it.
    public var threads: Int

    /// Stores the options; the defaults are those of `alta-data pack`.
    public init(
        csvPath: String, output: String, imageRoot: String? = nil, vocabularyPath: String? = nil, imageSize: Int = 224,
        dicomScaling: DicomScaling = .published, purpose: PackRecipe.Purpose = .both, studyLimit: Int? = nil,
        threads: Int = 1
    ) {
        self.csvPath = csvPath
        self.output = output
        self.imageRoot = imageRoot
        self.vocabularyPath = vocabularyPath
        self.imageSize = imageSize
        self.dicomScaling = dicomScaling
        self.purpose = purpose
        self.studyLimit = studyLimit
        self.threads = threads
    }
}

/// What a finished pack holds.
public struct PackSummary: Sendable, Equatable {
    /// Studies in the pack.
    public let studyCount: Int
    /// Those that a partial file of before had already.
    public let continuedCount: Int
    /// Bytes of the file.
    public let byteCount: Int
}
