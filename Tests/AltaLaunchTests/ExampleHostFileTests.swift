import AltaLaunch
import AltaTestSupport
import Testing

/// The host file that people copy.
@Suite struct ExampleHostFileTests {
    @Test func theExampleIsReadAsItsCommentsSay() throws {
        let path = SharedMaterial.projectRoot.appending(path: "Cluster/hostfile.example").path
        let hosts = try ClusterHost.load(hostFile: path)
        #expect(
            hosts == [
                ClusterHost(name: "node01", slots: 16), ClusterHost(name: "node02", slots: 16),
                ClusterHost(name: "node03.example.org", slots: 8),
            ])
    }
}
