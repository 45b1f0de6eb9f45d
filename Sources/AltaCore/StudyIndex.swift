/// A study's place in its data set: row 0 is the first after the header. It names the study in every random key.
public struct StudyIndex: Hashable, Sendable, Comparable, Codable {
    /// The data row, from 0.
    public let row: Int

    /// Stores the row.
    public init(_ row: Int) { self.row = row }

    /// By row.
    public static func < (a: StudyIndex, b: StudyIndex) -> Bool { a.row < b.row }
}

/// The four radiographs of a study, in the order in which the model sees them.
public enum View: Int, CaseIterable, Sendable {
    case currentFrontal, currentAuxiliary, priorFrontal, priorAuxiliary

    /// How many views a study has.
    public static let count = 4
    /// Whether it was taken with the current report, not before it.
    public var isCurrent: Bool { self == .currentFrontal || self == .currentAuxiliary }
    /// Whether it is a frontal view, not an auxiliary (lateral) one.
    public var isFrontal: Bool { self == .currentFrontal || self == .priorFrontal }
}
