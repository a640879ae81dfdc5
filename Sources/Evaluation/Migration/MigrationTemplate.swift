/// The page as a Mustache template over `MigrationPage`. Everything but the style sheet and the pictures is escaped.
enum MigrationTemplate {
    static let page =
        ReportTemplate.head + #"""
            <header class="{{verdictStyle}}">
            <p class="eyebrow">Retort migration check</p>
            <h1>{{headline}}</h1>
            <p class="lead">{{lead}}</p>

            """# + ReportTemplate.certainty + #"""

            </header>
            <section>
            <h2>Where it changes</h2>
            <p class="note">An answer passes if it is good enough: near to what is expected, or to the old answer where nothing is. In brackets the 95% interval: Wilson's of a rate, the paired bootstrap's of the difference in points.</p>
            <div class="figures">
            {{#figures}}<figure><figcaption>{{caption}}</figcaption>{{{picture}}}</figure>
            {{/figures}}
            </div>
            {{#groups}}<h3>{{title}}</h3>
            <div class="scroll" tabindex="0" role="region" aria-label="Verdicts by {{title}}">
            <table>
            <thead><tr><th></th><th>Rows</th>{{#verdicts}}<th>{{.}}</th>{{/verdicts}}<th>Old passes</th><th>New passes</th><th>Difference</th></tr></thead>
            <tbody>
            {{#rows}}<tr><th scope="row">{{name}}</th>{{#cells}}<td>{{.}}</td>{{/cells}}</tr>
            {{/rows}}
            </tbody>
            </table>
            </div>
            {{/groups}}
            </section>
            <section>
            <h2>What it takes</h2>
            {{#unknown}}<p class="note">{{.}}</p>{{/unknown}}
            <div class="scroll" tabindex="0" role="region" aria-label="What both versions take">
            <table>
            <thead><tr><th></th><th>Old</th><th>New</th><th>Change</th></tr></thead>
            <tbody>
            {{#changes}}<tr><th scope="row">{{name}}</th><td>{{old}}</td><td>{{new}}</td><td>{{change}}</td></tr>
            {{/changes}}
            </tbody>
            </table>
            </div>
            </section>
            {{^empty(risks)}}<section>
            <h2>What a person should look at</h2>
            <div class="facts"><div><dl>{{#risks}}<div><dt>{{name}}</dt><dd>{{value}}</dd></div>{{/risks}}</dl></div></div>
            <p class="note">Regressions first. All rows: verdicts.jsonl.</p>
            <ol class="samples">
            {{#samples}}<li>
            <p class="text">{{prompt}}</p>
            <dl>{{#expected}}<div><dt>Expected</dt><dd>{{.}}</dd></div>{{/expected}}<div><dt>Old</dt><dd>{{old}}</dd></div><div><dt>New</dt><dd>{{new}}</dd></div><div><dt>Verdict</dt><dd class="{{style}}">{{verdict}}</dd></div><div><dt>Risks</dt><dd>{{risks}}</dd></div><div><dt>Row</dt><dd>{{id}}</dd></div></dl>
            </li>
            {{/samples}}
            </ol>
            </section>{{/empty(risks)}}
            """# + ReportTemplate.repetition + ReportTemplate.foot
}
