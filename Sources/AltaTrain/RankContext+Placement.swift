import AltaPlacement

extension RankContext {
    /// Collective. Where every rank really runs, whatever was planned, and with how many threads.
    func placement() throws -> JobPlacement {
        let topology = try agree { try MachineTopology.current() }
        let own = RankPlacement(host: collectives.hostName, threads: engine.threads, topology: topology)
        return try JobPlacement.gather(own, collectives: collectives)
    }
}
