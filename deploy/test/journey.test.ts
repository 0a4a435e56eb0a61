/** The journey: its four phases keep to the same limits and the same ledger, and its table says what was measured. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Compose, excesses, limits, readCompose } from "./compose-file.ts";

const root = join(import.meta.dir, "../..");
const files: Readonly<Record<string, string>> = {
	"caddy-postgres": "deploy/caddy-postgres/compose.yaml",
	"nginx-postgres": "deploy/nginx-postgres/compose.yaml",
	"nginx-postgres-tuned": "deploy/nginx-postgres-tuned/compose.yaml",
	"nginx-sqlite": "compose.yaml",
};

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

	test("mounts files that exist", () => {
		for (const file of Object.values(files)) {
			const folder = join(root, file, "..");
			const mounts = readFileSync(join(root, file), "utf8").matchAll(/^ +- (\.\.?\/[^:]+):/gm);
			for (const [, path] of mounts) expect(existsSync(join(folder, path as string))).toBe(true);
		}
	});
});
