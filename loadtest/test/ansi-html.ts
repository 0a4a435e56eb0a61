/**
 * A screen as an HTML page, to be looked at in a browser: `bun loadtest/test/ansi-html.ts open 80x24 > screen.html`.
 * Knows the styles that the screen uses and nothing else of terminals.
 */
import { render } from "../src/tui/render.ts";
import * as states from "./tui-states.ts";

const colours: Readonly<Record<string, string>> = {
	31: "#f7768e",
	32: "#9ece6a",
	33: "#e0af68",
	36: "#7dcfff",
};

export function ansiHtml(lines: readonly string[]): string {
	// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
	const style = /\x1b\[([\d;]*)m/g;
	const text = lines.join("\n").replaceAll("&", "&amp;").replaceAll("<", "&lt;");
	const spans = text.replaceAll(style, (_, parameters: string) => `</span><span style="${css(parameters)}">`);
	return `<!doctype html><meta charset="utf-8"><body style="margin:0;background:#1a1b26">
<pre style="margin:12px;color:#c0caf5;font:16px/19px 'DejaVu Sans Mono',monospace"><span>${spans}</span></pre>`;
}

function css(parameters: string): string {
	return parameters
		.split(";")
		.map((parameter) => {
			if (parameter === "1") return "font-weight:bold";
			if (parameter === "2") return "opacity:.55";
			return colours[parameter] === undefined ? "" : `color:${colours[parameter]}`;
		})
		.join(";");
}

if (import.meta.main) {
	const [name = "open", size = "80x24"] = process.argv.slice(2);
	const [columns = 80, rows = 24] = size.split("x").map(Number);
	const state = new Map(Object.entries(states)).get(`${name}State`);
	if (state === undefined) throw new Error(`no state ${name}; there are ${Object.keys(states).join(", ")}`);
	process.stdout.write(ansiHtml(render(state, columns, rows)));
}
