import AltaCore

/// The rows of `train.csv`, `valid.csv` and `test.csv`: the published columns, then the patient, the visit and codes of
/// the findings.
///
/// A prior radiograph is the image of the patient's earlier study: one file, named in both rows.
struct CohortTable {
    /// The header.
    static let columns = [
        "image_path", "auxview_image_path", "last_image_path", "last_auxview_image_path", "report", "patient", "visit",
        "findings",
    ]
    /// What stands for a radiograph that does not exist.
    static let absent = "-1"

    let cohort: SyntheticCohort

    /// The folder of a patient's images, relative to the output folder.
    static func folder(patient: Int) -> String { "images/p" + padded(patient / 1000, 3) }

    /// Where an image of a study lies, relative to the output folder.
    static func imagePath(_ study: SyntheticStudy, isFrontal: Bool) -> String {
        let view = isFrontal ? "frontal" : "lateral"
        return "\(folder(patient: study.patient))/p\(padded(study.patient, 6))-s\(study.visit + 1)-\(view).jpg"
    }

    /// The text of a table with these studies (places in the cohort).
    func text(_ places: [Int]) -> String {
        var text = CohortTable.columns.joined(separator: ",") + "\n"
        for place in places {
            text += fields(place).map(CohortTable.quoted).joined(separator: ",") + "\n"
        }
        return text
    }

    private func fields(_ place: Int) -> [String] {
        let study = cohort.studies[place]
        let prior = study.hasPrior ? cohort.studies[place - 1] : nil
        return [
            CohortTable.imagePath(study, isFrontal: true), CohortTable.lateral(study),
            prior.map { CohortTable.imagePath($0, isFrontal: true) } ?? CohortTable.absent,
            prior.map(CohortTable.lateral) ?? CohortTable.absent, ReportWriter.report(study, seed: cohort.seed),
            "\(study.patient)", "\(study.visit + 1)", study.states.map(\.code).joined(separator: " "),
        ]
    }

    private static func lateral(_ study: SyntheticStudy) -> String {
        study.hasLateral ? imagePath(study, isFrontal: false) : absent
    }

    /// A field of RFC 4180: quoted where it must be.
    static func quoted(_ field: String) -> String {
        guard field.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return field }
        return "\"" + field.replacing("\"", with: "\"\"") + "\""
    }

    private static func padded(_ number: Int, _ digits: Int) -> String {
        let text = "\(number)"
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}
