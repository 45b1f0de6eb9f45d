/// Every fast kernel once more, as plainly as it can be said, in double precision inside: what the tests hold the fast
/// ones against. Not for production.
public enum Naive {}
