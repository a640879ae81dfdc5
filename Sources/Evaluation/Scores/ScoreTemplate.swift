/// The page as a Mustache template over `ScorePage`. Everything but the style sheet and the pictures is escaped.
enum ScoreTemplate {
    static let page =
        ReportTemplate.head + #"""
            <header class="{{verdictStyle}}">
            <p class="eyebrow">Retort report · <bdi>{{recipe}}</bdi></p>
            <h1>{{headline}}</h1>
            <p class="lead">{{lead}}</p>

            """# + ReportTemplate.certainty + #"""

            </header>
            <section>
            <h2>Models</h2>
            <p class="note">Judged on {{judgedOn}}. In brackets the 95% interval (bootstrap over rows). Agreement, divergence and similarity are with {{referenceName}}.</p>

            """# + ReportTemplate.cells("Models", ("Model", "model"), columns: "columns", rows: "rows") + #"""

            </section>
            {{^empty(pairs)}}<section>
            <h2>Row by row</h2>
            <p class="note">Error of each model minus that of {{referenceName}} on the same rows, with its 95% interval; p of Wilcoxon's signed-rank test. Detectable: the smallest mean difference that this test set shows with 80% power.</p>

            """# + ReportTemplate.cells("Paired errors", ("Model", "model"), columns: "pairColumns", rows: "pairs")
            + #"""

            </section>{{/empty(pairs)}}
            {{^empty(slices)}}<section>
            <h2>Where the difference lies</h2>
            {{#slices}}<h3>{{column}}</h3>

            """# + ReportTemplate.cells("Slices by {{column}}", ("Slice", "model"), columns: "columns", rows: "rows")
            + #"""

            {{/slices}}
            </section>{{/empty(slices)}}
            {{^empty(samples)}}<section>
            <h2>Where it does worst</h2>
            <p class="note">Rows on which the judged model's error exceeds the reference's most. All rows: samples.jsonl.</p>
            <ol class="samples">
            {{#samples}}<li>
            <p class="text">{{text}}</p>
            <dl><div><dt>Expected</dt><dd>{{expected}}</dd></div>{{#answers}}<div><dt>{{model}}</dt><dd>{{text}}</dd></div>{{/answers}}<div><dt>Row</dt><dd>{{id}}</dd></div></dl>
            </li>
            {{/samples}}
            </ol>
            </section>{{/empty(samples)}}

            """# + ReportTemplate.curves + ReportTemplate.repetition + ReportTemplate.foot
}
