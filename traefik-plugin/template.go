package whaley

// pageHTML is all of Whaley's pages on an instance's host: nothing in it comes from outside, it works without
// JavaScript, in both themes and on a phone.
const pageHTML = `<!doctype html>
<html lang="{{.Say.lang}}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="dark light">
<meta name="robots" content="noindex">
<title>{{.Title}} · {{.Event.Name}}</title>
{{if .Event.Logo}}<link rel="icon" href="{{.Event.Logo}}">{{end}}
{{if .Waiting}}<noscript><meta http-equiv="refresh" content="3"></noscript>{{end}}
<style nonce="{{.Nonce}}">
:root { --ground: #0d0d0d; --card: #262626; --line: #404040; --text: #f2f2f2; --quiet: #b3b3b3; --accent: #b79cff; --on: #200f38 }
@media (prefers-color-scheme: light) {
	:root { --ground: #f2f2f2; --card: #ffffff; --line: #d4d4d4; --text: #0d0d0d; --quiet: #525252; --accent: #4b2a85; --on: #ffffff }
}
{{.Event.Colours}}
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem; background: var(--ground); color: var(--text);
	font: 1rem/1.5 "Public Sans", system-ui, sans-serif }
main { width: 100%; max-width: 30rem; padding: 2rem; background: var(--card); border: 1px solid var(--line); border-radius: .5rem }
main > header { display: flex; align-items: center; gap: .625rem; margin: 0 0 1.25rem; font-weight: 600; overflow-wrap: anywhere }
main > header img { display: block; height: 1.75rem; max-width: 10rem; object-fit: contain }
main > footer.quiet { margin: 1.5rem 0 0; padding-top: 1rem; border-top: 1px solid var(--line) }
h1 { margin: 0 0 .75rem; font-size: 1.5rem; line-height: 1.25; overflow-wrap: anywhere }
p { margin: 0 0 .75rem; overflow-wrap: anywhere }
.quiet { color: var(--quiet); font-size: .875rem; font-variant-numeric: tabular-nums; margin: 0 }
.bar { height: .25rem; margin: 1.25rem 0; border-radius: 1rem; background: var(--line); overflow: hidden }
.bar i { display: block; width: 30%; height: 100%; border-radius: inherit; background: var(--accent); animation: run 1.6s ease-in-out infinite alternate }
@keyframes run { from { transform: translateX(0) } to { transform: translateX(233%) } }
@media (prefers-reduced-motion: reduce) { .bar i { animation: none; width: 100%; opacity: .6 } }
.actions { display: flex; flex-wrap: wrap; gap: 1rem; align-items: center; margin: 1.25rem 0 }
a { color: var(--accent) }
a.button { padding: .5rem 1.25rem; border-radius: .375rem; background: var(--accent); color: var(--on); font-weight: 600; text-decoration: none }
a:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
[hidden] { display: none }
</style>
</head>
<body>
<main{{if .Waiting}} data-status="{{.StatusURL}}" data-elapsed="{{.Elapsed}}"{{end}}{{if .Retry}} data-retry="{{.RetryIn}}"{{end}}>
<header>{{if .Event.Logo}}<img src="{{.Event.Logo}}" alt="">{{end}}<span>{{.Event.Name}}</span></header>
<h1 id="title">{{.Title}}</h1>
{{if .Waiting}}<p id="stage" role="status">{{.Text}}</p>
<div class="bar" id="bar"><i></i></div>
<p class="quiet" id="queue"{{if not .Position}} hidden{{end}}>{{.Queue}}</p>
<p class="quiet" id="note"><span id="elapsed">{{.So}}</span> {{.Say.opens}}</p>
<div class="actions" id="actions" hidden><a class="button" href="">{{.Say.again}}</a></div>
{{else}}<p role="alert">{{.Text}}</p>
<div class="actions">{{if .Retry}}<a class="button" id="retry" href="">{{.Say.again}}</a>{{end}}<a href="{{.Dashboard}}">{{.Say.dashboard}}</a>{{if .Event.Home}}<a href="{{.Event.Home}}">{{.Say.scoreboard}}</a>{{end}}</div>
<p class="quiet">{{.Code}} · <span class="id">{{.Request}}</span></p>{{end}}
{{if .Event.Footer}}<footer class="quiet">{{.Event.Footer}}</footer>{{end}}
</main>
{{if .Waiting}}<script nonce="{{.Nonce}}">
(function () {
	"use strict";
	var byId = function (id) { return document.getElementById(id) };
	var say = { queue: {{.Say.queue}}, about: {{.Say.about}}, elapsed: {{.Say.elapsed}}, failed: {{.Say.failed}} };
	var fill = function (text, value) { return text.replace("{1}", value) };
	var main = document.querySelector("main");
	var began = Date.now() - 1000 * Number(main.dataset.elapsed);
	var tick = setInterval(function () { byId("elapsed").textContent = fill(say.elapsed, Math.floor((Date.now() - began) / 1000)) }, 1000);
	var source, trouble = 0;
	function end(title, text) {
		clearInterval(tick);
		source.close();
		byId("title").textContent = title;
		byId("stage").textContent = text;
		byId("bar").hidden = byId("queue").hidden = byId("note").hidden = true;
		byId("actions").hidden = false;
	}
	function show(status) {
		trouble = 0;
		if (status.state === "running" || status.state === "asleep") {
			source.close();
			location.reload();
			return;
		}
		if (status.problem) {
			end(say.failed, status.problem.detail);
			return;
		}
		if (status.stage) { byId("stage").textContent = status.stage }
		if (status.elapsed_ms) { began = Date.now() - status.elapsed_ms }
		byId("queue").hidden = !status.position;
		byId("queue").textContent = fill(say.queue, status.position || "") +
			(status.estimate_ms ? " · " + fill(say.about, Math.ceil(status.estimate_ms / 1000)) : "");
	}
	source = new EventSource(main.dataset.status);
	source.onmessage = function (event) { show(JSON.parse(event.data)) };
	source.onerror = function () {
		if (source.readyState === EventSource.CLOSED || ++trouble > 3) {
			source.close();
			setTimeout(function () { location.reload() }, 3000);
		}
	};
})();
</script>{{end}}
</body>
</html>
`
