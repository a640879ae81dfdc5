/// What is needed to repeat a page's numbers. Names in it are the names in `ReportTemplate.repetition`.
struct Repetition {
    let commands: [String]
    var data: [RunRecord.Fact] = []
    var environment: [RunRecord.Fact] = []
    /// Of the models or answers.
    let paths: [RunRecord.Fact]
    let digests: [RunRecord.Fact]
    /// One or none.
    var resolvedRecipe: [String] = []

    init(commands: [String], paths: [RunRecord.Fact], digests: [RunRecord.Fact]) {
        (self.commands, self.paths, self.digests) = (commands, paths, digests)
    }

    init(_ record: RunRecord, paths: [RunRecord.Fact]) {
        self.init(commands: record.commands, paths: paths, digests: record.digests)
        (data, environment) = (record.data, record.environment)
        resolvedRecipe = record.resolvedRecipe.isEmpty ? [] : [record.resolvedRecipe]
    }
}
