/** What stands in docs/durability.md of the proofs is made of their records, and tells what fell short. */
import { describe, expect, test } from "bun:test";
import type { Attack, Report } from "../src/attack.ts";
import { proofMarkdown } from "../src/record.ts";
import { reportText } from "../src/report-text.ts";

function attackNamed(name: string): Attack {
	const promise = `the promise of ${name}`;
	return {
		name,
		promise,
		about: "something is done",
		needs: [],
		play: () => Promise.reject(new Error("no")),
	};
}

const held: Report = {
	tried: "500 cuts",
	figures: { cuts: 500, awayMsMax: 1234.5678 },
	broken: [],
	controls: [{ about: "without the sync", isCaught: true, detail: "7 entries were lost" }],
};
const broken: Report = {
	...held,
	broken: ["an entry was lost"],
	controls: [{ about: "without the sync", isCaught: false, detail: "nothing was lost" }],
};

function recordOf(report: Report) {
	const trial = {
		date: "2026-01-01 00:00 UTC",
		commit: "0123456",
		seed: 7,
		loadAverage: 0.5,
		machine: "a machine",
	};
	return { ...trial, seconds: 61, report };
}

describe("the table", () => {
	const lines = proofMarkdown(
		{ one: recordOf(held), two: recordOf(broken) },
		["one", "two", "three"].map(attackNamed),
	)
		.replaceAll(/ +/g, " ")
		.split("\n");

	test("has a row for each attack, with what was tried, and the command", () => {
		expect(lines).toContain(
			"| the promise of one | something is done | 500 cuts | held; 1 of 1 controls caught; 2026-01-01, 0123456 | `npm run proof -- one` |",
		);
	});

	test("says what was broken, and what was missed", () => {
		expect(lines.join("\n")).toContain("**broken: 1**; 0 of 1 controls caught");
		expect(lines).toContain("- broken: an entry was lost");
		expect(lines).toContain("- control missed: without the sync: nothing was lost");
	});

	test("says of what was never played in full that it wasn't", () => {
		expect(lines.find((line) => line.includes("of three"))).toContain("only its quick form was run");
	});

	test("names date, machine, commit and seed", () => {
		const from = lines.findIndex((line) => line.startsWith("<details><summary>one: "));
		const details = lines.slice(from, lines.indexOf("</details>", from)).join("\n");
		for (const part of ["2026-01-01 00:00 UTC", "a machine", "0123456", "seed 7", "61 s"])
			expect(details).toContain(part);
		expect(lines.join("\n")).toContain("<summary>two (not proven): ");
	});
});

describe("the terminal", () => {
	test("says what held", () => {
		const text = reportText(attackNamed("one"), held, 61);
		expect(text).toStartWith("one: held in 61 s");
		expect(text).toContain("caught: without the sync: 7 entries were lost");
		expect(text).toMatch(/awayMsMax +1,234\.57/);
	});

	test("says what did not", () => {
		const text = reportText(attackNamed("two"), broken, 61);
		expect(text).toStartWith("two: NOT PROVEN");
		expect(text).toContain("broken    an entry was lost");
		expect(text).toContain("MISSED");
	});

	test("takes a report without a control for no proof", () => {
		expect(reportText(attackNamed("one"), { ...held, controls: [] }, 1)).toStartWith("one: NOT PROVEN");
	});
});
