import Evaluation
import Files
import Testing

@Suite("Gates")
struct GateTests {
    @Test(
        "every form of the right-hand side",
        arguments: [
            (">= 0.93", nil as String?, 0.0, 0.93), ("<= 0.05", nil, 0, 0.05), (">=0.99*teacher", "teacher", 0.99, 0),
            (" >= 0.99 * student ", "student", 0.99, 0), (">= teacher - 0.01", "teacher", 1, -0.01),
            ("<= teacher+2e-2", "teacher", 1, 0.02), (">= labels_only", "labels_only", 1, 0),
        ])
    func forms(_ text: String, _ model: String?, _ factor: Double, _ offset: Double) throws {
        let gate = try Gate(metric: "accuracy", expression: text)
        #expect(gate.threshold.model == model)
        #expect(gate.threshold.factor == factor && gate.threshold.offset == offset)
        #expect(gate.comparison == (text.contains(">=") ? .atLeast : .atMost))
    }

    @Test(
        "malformed expressions are refused with what is allowed",
        arguments: [
            "0.93", "> 0.93", "== 1", ">=", ">= ", ">= nan", ">= inf", ">= 0.99*", ">= *teacher", ">= teacher*0.99",
            ">= teacher - ", ">= teacher - -1", ">= teacher * teacher", ">= 0.5 0.6", ">= teacher student", "",
            ">= 1e999", ">= teacher - nan",
        ])
    func malformed(_ text: String) throws {
        let error = try #require(throws: InputError.self) { try Gate(metric: "accuracy", expression: text) }
        #expect(error.field == "gates.accuracy")
        #expect(error.remedy != nil)
    }

    @Test("an unknown metric or model is answered with the nearest name")
    func nearest() throws {
        let metric = try #require(throws: InputError.self) { try Gate(metric: "acuracy", expression: ">= 0.9") }
        #expect(metric.remedy?.contains("\"accuracy\"?") == true)
        let model = try #require(throws: InputError.self) { try Gate(metric: "ece", expression: "<= 2*techer") }
        #expect(model.problem.contains("techer") && model.remedy?.contains("\"teacher\"?") == true)
        #expect(model.remedy?.contains("labels_only") == true)
    }

    @Test("percentages, and model names beside paired metrics, are refused")
    func senseless() {
        #expect(throws: InputError.self) { try Gate(metric: "accuracy", expression: ">= 95") }
        #expect(throws: InputError.self) { try Gate(metric: "agreement", expression: ">= 0.9*teacher") }
        #expect(throws: InputError.self) { try Gate(metric: "kl_mean", expression: "<= -1") }
        #expect(throws: Never.self) { try Gate(metric: "matthews", expression: ">= -0.5") }
        #expect(throws: Never.self) { try Gate(metric: "kl_mean", expression: "<= 4") }
    }

    @Test(
        "gates that no model can fail are refused",
        arguments: [
            ("accuracy", ">= 0"), ("accuracy", "<= 1"), ("accuracy", ">= -0.0*teacher"), ("macro_f1", ">= -1*teacher"),
            ("accuracy", ">= teacher - 1"), ("matthews", ">= -1"), ("matthews", "<= teacher + 2"), ("kl_mean", ">= 0"),
        ])
    func certain(_ metric: String, _ text: String) {
        let error = #expect(throws: InputError.self) { try Gate(metric: metric, expression: text) }
        #expect(error?.field == "gates.\(metric)" && error?.remedy != nil, "\(String(describing: error))")
    }

    @Test("a gate that compares a model with itself is refused, before and after the work")
    func itself() throws {
        #expect(throws: InputError.self) {
            try Gate(metric: "accuracy", expression: ">= 0.9*int8", subject: "int8")
        }
        let gate = try Gate(metric: "accuracy", expression: ">= 0.9*int8")
        #expect(throws: InputErrors.self) {
            try Report(record: Fixture.record, data: Fixture.data(), models: Fixture.models, gates: [gate])
        }
    }

    @Test("outcomes on both sides of the threshold, and on it")
    func outcomes() throws {
        let gate = try Gate(metric: "accuracy", expression: ">= 0.99*teacher")
        #expect(gate.outcome(value: 0.95, modelValue: 0.95).passed)
        #expect(!gate.outcome(value: 0.94, modelValue: 0.95).passed)
        #expect(gate.outcome(value: 0.94, modelValue: 0.95).threshold == 0.99 * 0.95)
        let ceiling = try Gate(metric: "ece", expression: "<= 0.05")
        #expect(ceiling.outcome(value: 0.05, modelValue: nil).passed)
        #expect(!ceiling.outcome(value: 0.0501, modelValue: nil).passed)
        // In binary, 0.07 − 0.03 is a little more than 0.04, and 0.01 + 0.06 a little less than 0.07.
        let margin = try Gate(metric: "accuracy", expression: ">= teacher - 0.03")
        #expect(margin.outcome(value: 0.04, modelValue: 0.07).passed)
        let excess = try Gate(metric: "ece", expression: "<= teacher + 0.06")
        #expect(excess.outcome(value: 0.07, modelValue: 0.01).passed)
    }

    @Test("gates in a report are about the final model, and name the model they measure against")
    func inReport() throws {
        let gates = try [
            Gate(metric: "accuracy", expression: ">= 0.9"), Gate(metric: "accuracy", expression: ">= teacher"),
            Gate(metric: "agreement", expression: ">= 0.8"), Gate(metric: "kl_mean", expression: "<= 0.0001"),
            Gate(metric: "macro_f1", expression: ">= 0.5*student"), Gate(metric: "matthews", expression: ">= 0.5"),
            Gate(metric: "ece", expression: "<= 0.3"),
        ]
        let report = try Report(record: Fixture.record, data: Fixture.data(), models: Fixture.models, gates: gates)
        #expect(report.gates.map(\.passed) == [true, false, true, false, true, true, true])
        #expect(!report.passed)
        #expect(report.gates[0].value == report.models[4].metrics.accuracy.value)
        #expect(report.gates[1].threshold == report.models[0].metrics.accuracy.value)
        #expect(report.gates[2].value == report.pairs[3].agreement)
        #expect(report.gates[4].threshold == 0.5 * report.models[2].metrics.macroF1)
        #expect(report.gates[0].gate == "accuracy >= 0.9")
        #expect(report.verdict.headline == "INT8 fails 2 of 7 gates.")
    }
}
