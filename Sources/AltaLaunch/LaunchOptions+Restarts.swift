import AltaCore

extension LaunchOptions {
    /// Checks what was asked for restarts against the plan of the first start, and holds later ones to it.
    /// - Throws: a usage error where the job never has as many ranks as it should keep.
    mutating func keepRanks(of plan: LaunchPlan) throws(AltaError) {
        if let least = request.minimumRanks, least > plan.ranks {
            throw Self.command.usageError(
                "--min-ranks \(least) with \(plan.ranks) rank\(plan.ranks == 1 ? "" : "s")",
                "give at most as many as -n")
        }
        request.minimumRanks = request.minimumRanks ?? plan.ranks
    }

    /// What the restarts are held to.
    var restartLimits: RestartPolicy.Limits {
        RestartPolicy.Limits(restarts: restarts, delaySeconds: restartDelaySeconds)
    }
}
