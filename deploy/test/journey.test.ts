/** The journey: its four phases keep to the same limits and the same ledger, and its table says what was measured. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { phases } from "../journey/phase.ts";
import { type JourneyRecord, journeyMarkdown } from "../journey/record.ts";
import { faultsOf, type LoadFigures, type Visit } from "../journey/visit.ts";
import { type Compose, excesses, limits, readCompose } from "./compose-file.ts";

const root = join(import.meta.dir, "../..");
const files = Object.fromEntries(phases.map(({ name, file }) => [name, file]));

/** The two ledgers' own settings, their sockets aside. */
function ledgers({ services }: Compose): unknown[] {
	return ["api01", "api02"].map((name) => {
		const { environment, ...rest } = services[name] ?? {};
		return { ...rest, environment: { ...environment, API_SOCKET: undefined } };
	});
}

describe("a phase's compose file", () => {
	for (const [phase, file] of Object.entries(files)) {
		const compose = readCompose(join(root, file));
		const { api01, api02, db, nginx, caddy } = compose.services;
		const balancer = nginx ?? caddy;

		test(`of ${phase} gives its services at most 1.5 CPUs and 550 MB`, () => {
			const { cpus, memoryMb } = limits(compose);
			expect(cpus).toBeCloseTo(1.5, 9);
			expect(memoryMb).toBe(550);
			expect(excesses(compose)).toEqual([]);
		});

		test(`of ${phase} puts a balancer on port 9999 before two ledgers that differ in their socket only`, () => {
			expect(balancer?.ports).toEqual([expect.stringMatching(/^\$\{PORT:-9999\}:9999$/)]);
			expect(api01?.image).toBe("crebito-ledger");
			expect(api01?.environment?.API_SOCKET).not.toBe(api02?.environment?.API_SOCKET);
			const [first, second] = ledgers(compose);
			expect(first).toEqual(second);
			expect([api01, api02, db].flatMap((service) => service?.ports ?? [])).toEqual([]);
		});

		test(`of ${phase} lets neither the ledgers nor the database out`, () => {
			for (const service of [api01, api02, ...(db ? [db] : [])])
				expect(service?.networks).toEqual(["nowhere"]);
			expect(compose.networks?.nowhere?.internal).toBe(true);
		});

		test(`of ${phase} says how its requests are marked`, () => {
			// Only nginx.conf tells the ledger which try of a request it is sent.
			expect(api01?.environment?.BEHIND_BALANCER).toBe(nginx ? "on" : "off");
		});
	}

	test("serves PostgreSQL under the address that it has, with every commit on the disk", () => {
		for (const phase of ["caddy-postgres", "nginx-postgres", "nginx-postgres-tuned"]) {
			const { services } = readCompose(join(root, files[phase] as string));
			expect(services.api01?.environment?.DATABASE_URL).toContain("@db:5432/crebito");
			expect(services.db?.image).toBe("postgres:17-alpine");
			expect(JSON.stringify(services.db)).not.toMatch(/synchronous_commit|fsync|full_page_writes/);
		}
	});

	test("has the services that are looked at, the balancer first", () => {
		for (const { file, services } of phases) {
			expect(Object.keys(readCompose(join(root, file)).services).toSorted()).toEqual(services.toSorted());
			expect(["nginx", "caddy"]).toContain(services[0] as string);
		}
	});

	test("mounts files that exist", () => {
		for (const file of Object.values(files)) {
			const folder = join(root, file, "..");
			const mounts = readFileSync(join(root, file), "utf8").matchAll(/^ +- (\.\.?\/[^:]+):/gm);
			for (const [, path] of mounts) expect(existsSync(join(folder, path as string))).toBe(true);
		}
	});
});

describe("the document", () => {
	const load: LoadFigures = {
		...{ requests: 10_000, requestsPerSecond: 1000, p50Ms: 5, p99Ms: 40, errors: 0, errorsAre: "" },
		...{ validity: "valid", consistency: "consistent" },
	};
	const loaded = (figures: Partial<LoadFigures>, memoryMbMax = 20) => ({
		load: { ...load, ...figures },
		usage: { caddy: { cpus: 0.25, memoryMbMax } },
	});
	const visit: Visit = {
		phase: "caddy-postgres",
		flatOut: loaded({}),
		paced: loaded({ p99Ms: 7 }),
		crowd: loaded({ requestsPerSecond: 0, p50Ms: null, p99Ms: null, errors: 2000 }, 109.6),
		limits: { caddy: { cpus: 0.375, memoryMb: 110 } },
		troubles: { caddy: { oomKills: 1, ends: 2 } },
		machineOomKills: 1,
		programs: { caddy: "Caddy 2 on an island" },
		fileSystem: "ext4",
	};
	const faster: Visit = { ...visit, flatOut: loaded({ requestsPerSecond: 1200.4 }, 30) };
	const record: JourneyRecord = {
		...{ date: "2024-02-01 00:00 UTC", commit: "abc1234", command: "npm run journey", loadAverage: 0.5 },
		...{ machine: "one", seconds: 20, rounds: 3, visits: [visit, faster, visit] },
	};

	test("has a row for each phase, and one for each of its containers", () => {
		const rows = journeyMarkdown(record)
			.split("\n")
			.filter((line) => line.startsWith("| caddy-postgres"));
		const cells = rows.map((row) =>
			row
				.split("|")
				.map((cell) => cell.trim())
				.slice(1, -1),
		);
		expect(cells).toEqual([
			[
				...["caddy-postgres", "1,000", "1,000–1,200", "5.0 ms", "40.0 ms", "0"],
				...["5.0 ms", "7.0 ms", "0", "0", "–", "6,000"],
			],
			["caddy-postgres", "caddy", "0.375", "0.250", "0.250", "110", "30", "110", "3", "6"],
		]);
	});

	test("says with what it was measured, and that every answer was right", () => {
		const text = journeyMarkdown(record);
		expect(text).toContain("Every answer flat out and at that pace was right.");
		expect(text).toContain("- Caddy 2 on an island");
		expect(text).toContain("3 rounds, each phase once in each: 20 s flat out");
	});

	test("names what a phase must not show, and what is the machine's doing", () => {
		const wrong = {
			...visit,
			flatOut: loaded({ errors: 3, errorsAre: "3 × 504", consistency: "inconsistent: a lie" }),
		};
		expect(faultsOf(wrong)).toEqual([
			"caddy-postgres flat out: 3 errors (3 × 504)",
			"caddy-postgres flat out: the books are inconsistent: a lie",
		]);
		expect(faultsOf({ ...visit, crowd: loaded({ consistency: "inconsistent: a lie" }) })).toHaveLength(1);
		expect(faultsOf({ ...visit, crowd: loaded({ consistency: "unknown: many errors" }) })).toEqual([]);
		const late = { ...visit, paced: loaded({ validity: "generator late: 9 ms" }) };
		expect(faultsOf(late)).toEqual([]);
		expect(journeyMarkdown({ ...record, visits: [late] })).toContain(
			"- caddy-postgres: generator late: 9 ms",
		);
		const slow = { ...visit, paced: loaded({ validity: "target saturated: 300/s" }) };
		expect(faultsOf(slow)).toEqual(["caddy-postgres at 340/s: target saturated: 300/s"]);
	});
});
