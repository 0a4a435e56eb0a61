/**
 * A report reaches the program behind a pipe whole, however long that takes to read it. The pipe is a shell's: those
 * that Bun makes for its children hold more than any report.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { fileURLToPath } from "node:url";
import { jsonReport } from "../src/report/json.ts";
import { sampleResults } from "./sample-result.ts";

setDefaultTimeout(30_000);

/** What a pipe holds on Linux. */
const pipeBytes = 65_536;

const output = fileURLToPath(import.meta.resolve("../src/report/output.ts"));
const samples = fileURLToPath(import.meta.resolve("./sample-result.ts"));
const program = `
	import { writeReports } from "${output}";
	import { sampleResults } from "${samples}";
	// The runtime looks at it as it does for the live screen, and from then on the pipe doesn't wait.
	void process.stdout.isTTY;
	const failures = writeReports({ reports: [{ format: "json", path: null }] }, sampleResults.simulation);
	process.exit(failures.length);
`;

async function piped(reader: string): Promise<{ readonly text: string; readonly code: string }> {
	const script = `{ "$0" -e "$1"; echo $? >&2; } | { ${reader}; }`;
	const child = Bun.spawn(["sh", "-c", script, process.execPath, program], {
		stdio: ["ignore", "pipe", "pipe"],
	});
	const [text, code] = await Promise.all([child.stdout.text(), child.stderr.text()]);
	return { text, code: code.trim() };
}

const { simulation } = sampleResults;
if (simulation === undefined) throw new Error("the sample is missing");
const whole = jsonReport(simulation);

test("a report that is larger than a pipe is whole, though nobody reads it at once", async () => {
	expect(whole.length).toBeGreaterThan(pipeBytes);
	const { text, code } = await piped("sleep 1; cat");
	expect(code).toBe("0");
	expect(text === whole).toBe(true);
});

test("a reader who has had enough is no failure", async () => {
	const { text, code } = await piped("head -c 10");
	expect([code, text]).toEqual(["0", whole.slice(0, 10)]);
});
