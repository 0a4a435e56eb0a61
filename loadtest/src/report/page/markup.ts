/**
 * HTML that can't be broken by what is put into it: whatever a template is given is escaped, unless it is
 * markup itself.
 */
const brand: unique symbol = Symbol("markup");

export interface Markup {
	readonly [brand]: true;
	readonly text: string;
}

type Part = string | number | Markup | readonly Markup[];

export function markup(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
	let text = strings[0] as string;
	parts.forEach((part, index) => {
		text += textOf(part) + strings[index + 1];
	});
	return trusted(text);
}

export const nothing: Markup = trusted("");

/** Only for what this program wrote, or escaped itself. */
export function trusted(text: string): Markup {
	return { [brand]: true, text };
}

export function table(caption: string, head: readonly string[], rows: readonly Markup[]): Markup {
	const cells = head.map((name) => markup`<th scope="col">${name}</th>`);
	return markup`<div class="scroll"><table><caption>${caption}</caption>
${head.length === 0 ? nothing : markup`<thead><tr>${cells}</tr></thead>`}
<tbody>${rows}</tbody></table></div>
`;
}

/** The first cell names the row; numbers stand on the right. */
export function row(name: string | Markup, cells: readonly (string | Markup)[]): Markup {
	const rest = cells.map((cell) => markup`<td>${cell}</td>`);
	return markup`<tr><th scope="row">${name}</th>${rest}</tr>
`;
}

/** JSON inside a script element: no end tag, comment or line separator of the data's can end it. */
export function embeddedJson(value: unknown): Markup {
	return trusted(
		JSON.stringify(value).replaceAll(
			/[<>&\u2028\u2029]/g,
			(found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`,
		),
	);
}

function textOf(part: Part): string {
	if (typeof part === "string") return escaped(part);
	if (typeof part === "number") return String(part);
	return "text" in part ? part.text : part.map(({ text }) => text).join("");
}

/** Control characters are shown as their pictures, and what turns the direction of writing as a dot. */
function escaped(text: string): string {
	return text
		.toWellFormed()
		.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, pictured)
		.replaceAll("&", "&amp;")
		.replaceAll("<", "&lt;")
		.replaceAll(">", "&gt;")
		.replaceAll('"', "&quot;")
		.replaceAll("'", "&#39;");
}

function pictured(character: string): string {
	const code = character.charCodeAt(0);
	if (character === "\n" || character === "\t") return character;
	if (code < 0x20) return String.fromCharCode(0x2400 + code);
	return code === 0x7f ? "␡" : "·";
}
