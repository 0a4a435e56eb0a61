/** docs/benchmarks.md belongs to several programs: each replaces its own section of it, and nothing else. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

const opening = `# Benchmarks

Every number here was written by the command beside it, never by hand.
`;

export interface Section {
	/** In the two comments around the section, which nobody sees on the page. */
	name: string;
	/** Above it, written once: whoever wants another one edits the document. */
	heading: string;
	markdown: string;
}

export function writeSection(file: string, section: Section): void {
	const text = existsSync(file) ? readFileSync(file, "utf8") : opening;
	mkdirSync(dirname(file), { recursive: true });
	writeFileSync(file, withSection(text, section));
}

/** Replaces the section, or appends it to a document that has none. */
export function withSection(text: string, { name, heading, markdown }: Section): string {
	const [begin, end] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`];
	const marked = `${begin}\n${markdown}\n${end}`;
	const [from, to] = [text.indexOf(begin), text.indexOf(end)];
	if (from < 0 !== to < 0 || to < from)
		throw new Error(`${begin} and ${end} belong together: mend them first`);
	if (from < 0) return `${text.trimEnd()}\n\n## ${heading}\n\n${marked}\n`;
	return text.slice(0, from) + marked + text.slice(to + end.length);
}
