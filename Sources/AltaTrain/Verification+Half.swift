import AltaModel

extension Verification {
    /// How far bf16 may be from the fp32 reference: random weights at full logit scales are harsh, and PyTorch's autocast
    /// is off by up to 2.3e-2 in a loss and has cosines down to 0.989 on the fixtures.
    public enum HalfTolerance {
        /// Relative, of each loss.
        public static let loss = 4e-2
        /// What the cosine of each gradient with the expected one may lack of 1.
        public static let cosineLack = 0.15
        /// What the median of these cosines may lack of 1.
        public static let medianCosineLack = 0.015
    }

    /// Holds what was computed in bf16 against everything that the fixture expects: losses by their relative errors,
    /// gradients by their directions. Of embeddings, inference and stepped weights the errors are told.
    func compareHalf(_ computed: ComputedTensors) throws -> VerificationReport {
        var rows = try expectedNames(in: "losses/").map { name in
            VerificationRow(
                name: "losses/" + name, error: try error(of: "losses/" + name, computed, floor: 0),
                tolerance: HalfTolerance.loss)
        }
        let gradients = try cosineRows(computed)
        rows += gradients
        if !gradients.isEmpty {
            rows.append(
                VerificationRow(
                    name: "gradients/median", error: gradients.map(\.error).sorted()[gradients.count / 2],
                    tolerance: HalfTolerance.medianCosineLack, measure: .cosineLack))
        }
        for group in ["embeddings/", "inference/", "stepped/"] {
            rows += try expectedNames(in: group).map { name in
                VerificationRow(
                    name: group + name, error: try error(of: group + name, computed, floor: 0), tolerance: .infinity)
            }
        }
        return VerificationReport(rows: rows)
    }

    private func cosineRows(_ computed: ComputedTensors) throws -> [VerificationRow] {
        let expected = try expectedNames(in: "gradients/")
        let largest = try largestNorm(expected.map { "gradients/" + $0 })
        return try expected.map { name in
            VerificationRow(
                name: "gradients/" + name,
                error: try cosineLack(of: "gradients/" + name, computed, floor: try floor(name, largest: largest)),
                tolerance: HalfTolerance.cosineLack, measure: .cosineLack)
        }
    }

    /// 1 minus the cosine; infinite where nothing was computed. What is nothing but rounding has no direction, and is held
    /// against the floor.
    private func cosineLack(of name: String, _ computed: ComputedTensors, floor: Double) throws -> Double {
        guard let (found, expected) = try values(of: name, computed) else { return .infinity }
        let norms = (norm(found), norm(expected))
        if norms.1 < floor { return norm(zip(found, expected).map { $0 - $1 }) / floor }
        let product = zip(found, expected).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
        let lack = 1 - product / (norms.0 * norms.1)
        return lack.isNaN ? .infinity : lack
    }
}
