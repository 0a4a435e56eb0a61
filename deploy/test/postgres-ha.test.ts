/** Patroni's, etcd's and HAProxy's configuration, and the campaign that kills the primary: what needs none of them to run. */
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { median } from "../../ledger/bench/comparison.ts";
import { withChanges } from "../postgres-ha/campaign/cluster.ts";
import type { Told } from "../postgres-ha/campaign/load.ts";
import { Reaper } from "../postgres-ha/campaign/reaper.ts";
import { type Attack, campaignMarkdown } from "../postgres-ha/campaign/record.ts";
import { compare } from "../postgres-ha/campaign/verdict.ts";

const folder = join(import.meta.dir, "../postgres-ha");
const read = (name: string) => readFileSync(join(folder, name), "utf8");

interface Dcs {
	readonly ttl: number;
	readonly loop_wait: number;
	readonly retry_timeout: number;
	readonly synchronous_mode: boolean;
	readonly synchronous_mode_strict: boolean;
	readonly maximum_lag_on_failover: number;
	readonly postgresql: {
		readonly use_pg_rewind: boolean;
		readonly parameters: Readonly<Record<string, string | number>>;
	};
}

const dcsOf = (yml: string) =>
	(Bun.YAML.parse(yml) as { readonly bootstrap: { readonly dcs: Dcs } }).bootstrap.dcs;

/** Of lines NAME=value; a comment sets nothing. */
function variablesOf(text: string): Map<string, string> {
	return new Map(
		[...text.matchAll(/^([A-Z0-9_]+)=(.*)$/gm)].map(([, name, value]) => [name ?? "", value ?? ""]),
	);
}

const withoutComments = (text: string) => text.replaceAll(/^\s*#.*$/gm, "");

describe("patroni.yml", () => {
	const dcs = dcsOf(read("patroni.yml"));

	test("a commit waits for a second host, and without one is not answered", () => {
		expect(dcs.synchronous_mode).toBe(true);
		expect(dcs.synchronous_mode_strict).toBe(true);
		expect(dcs.postgresql.parameters.synchronous_commit).toBe("on");
	});

	test("the leader's key outlives a round that had to be tried again", () => {
		expect(dcs.loop_wait + 2 * dcs.retry_timeout).toBeLessThanOrEqual(dcs.ttl);
	});

	test("a primary that lost its role can be rewound", () => {
		expect(dcs.postgresql.use_pg_rewind).toBe(true);
		expect(dcs.postgresql.parameters.wal_log_hints).toBe("on");
	});

	test("no time-out ends a commit that waits for the standby", () => {
		for (const name of ["patroni.yml", "node.env", "haproxy.cfg"])
			expect(withoutComments(read(name))).not.toMatch(/statement_timeout|transaction_timeout/);
	});

	test("the control changes what it means to, and nothing else", () => {
		const changes = { synchronous_mode: false, maximum_lag_on_failover: 1_000_000_000 };
		expect(dcsOf(withChanges(read("patroni.yml"), changes))).toEqual({ ...dcs, ...changes });
	});

	test("a change of what it does not say is refused", () => {
		expect(() => withChanges(read("patroni.yml"), { synchronous_made: false })).toThrow(
			"patroni.yml says nothing of synchronous_made",
		);
	});
});

describe("haproxy.cfg", () => {
	const text = read("haproxy.cfg");

	test("asks Patroni who is the primary, and cuts off who no longer is", () => {
		expect(text).toMatch(/^\s*option httpchk GET \/primary$/m);
		expect(text).toMatch(/^\s*http-check expect status 200$/m);
		expect(text).toMatch(/^\s*default-server .*on-marked-down shutdown-sessions$/m);
	});

	test("has three hosts, each asked at its own Patroni", () => {
		const servers = [...text.matchAll(/^\s*server (db\d) "(.*)" check port "(.*)"$/gm)];
		expect(servers.map(([, ...words]) => words)).toEqual(
			[1, 2, 3].map((n) => [`db${n}`, `\${DB${n}}:\${PG_PORT${n}}`, `\${API_PORT${n}}`]),
		);
	});
});

describe("node.env", () => {
	const variables = variablesOf(read("node.env"));

	test("etcd and Patroni are one host's", () => {
		expect(variables.get("ETCD_NAME")).toBe(variables.get("PATRONI_NAME") as string);
		const address = variables.get("PATRONI_POSTGRESQL_LISTEN")?.split(":")[0];
		expect(variables.get("ETCD_INITIAL_CLUSTER")).toContain(
			`${variables.get("ETCD_NAME")}=http://${address}:`,
		);
	});

	test("sets every name that the campaign gives to etcd and Patroni", () => {
		const source = read("campaign/cluster.ts");
		const given = [...source.matchAll(/\b((?:ETCD|PATRONI)_[A-Z0-9_]+):/g)].map(([, name]) => name ?? "");
		const onlyThere = ["PATRONI_POSTGRESQL_PGPASS"];
		expect(given.length).toBeGreaterThan(10);
		expect(given.filter((name) => !variables.has(name) && !onlyThere.includes(name))).toEqual([]);
	});

	test("holds no password", () => {
		for (const [name, value] of variables) if (name.endsWith("PASSWORD")) expect(value).toBe("");
	});
});

describe("what clients were told is held against the entries", () => {
	const told = (answers: Record<string, [status: number, problem?: string]>) =>
		new Map<string, Told>(
			Object.entries(answers).map(([name, [status, problem]]) => [name, { status, problem }]),
		);
	const none = { acknowledged: 0, lost: 0, twice: 0, appliedThough: 0 };

	const cases: [name: string, answer: [number, string?], times: number, expected: object][] = [
		["acknowledged and there", [200], 1, { acknowledged: 1 }],
		["acknowledged and not there: lost", [200], 0, { acknowledged: 1, lost: 1 }],
		["acknowledged and there twice", [200], 2, { acknowledged: 1, twice: 1 }],
		["unknown, and there", [503, "resultado-desconhecido"], 1, {}],
		["unknown, and not there", [503, "resultado-desconhecido"], 0, {}],
		["unknown, and there twice", [503, "resultado-desconhecido"], 2, { twice: 1 }],
		["denied, and there", [503, "indisponivel"], 1, { appliedThough: 1 }],
		["turned away, and there", [503, "sobrecarga"], 1, { appliedThough: 1 }],
		["denied, and not there", [503, "indisponivel"], 0, {}],
		["no answer, and there", [0], 1, {}],
	];
	for (const [name, answer, times, expected] of cases) {
		test(name, () => {
			const entries = new Map(times === 0 ? [] : [["e1", times]]);
			expect(compare(told({ e1: answer }), entries)).toEqual({ ...none, ...expected });
		});
	}
});

describe("the table", () => {
	const attack: Attack = {
		...{ name: "killed", kills: 20, seconds: 600, requests: 41_234 },
		answers: { "200": 40_000, "503 resultado-desconhecido": 1234 },
		...{ outageMsMedian: 10_449, outageMsMax: 13_951 },
		verdict: { acknowledged: 40_000, lost: 0, twice: 0, appliedThough: 0, unbalanced: 0 },
	};
	const control = { ...attack, name: "control", verdict: { ...attack.verdict, lost: 7 } };
	const run = {
		...{ date: "2026-01-01 00:00 UTC", commit: "0123456", loadAverage: 0.5 },
		...{ machine: "a machine", versions: "PostgreSQL 15.1" },
	};
	const lines = campaignMarkdown({ run, attacks: [attack, control] })
		.replaceAll(/ +/g, " ")
		.split("\n");

	test("has a line for each attack, with what was lost and how long nothing was acknowledged", () => {
		expect(lines).toContain("| killed | 20 | 40,000 | 0 | 0 | 0 | 0 | 10.4 s / 14.0 s |");
		expect(lines).toContain("| control | 20 | 40,000 | 7 | 0 | 0 | 0 | 10.4 s / 14.0 s |");
	});

	test("has the median of an odd and of an even number", () => {
		expect([median([3, 1, 2]), median([4, 1, 2, 3])]).toEqual([2, 2.5]);
	});

	test("says what was answered, and by which command", () => {
		expect(lines).toContain("- killed, 600 s: 40,000 × 200, 1,234 × 503 resultado-desconhecido");
		expect(lines).toContain("- `npm run failover:postgres`");
	});
});

describe("the command refuses in one line", () => {
	const run = (args: readonly string[], path: string) => {
		const { exitCode, stderr } = Bun.spawnSync(
			[process.execPath, join(folder, "campaign/main.ts"), ...args],
			{ env: { PATH: path } },
		);
		return [exitCode, stderr.toString()];
	};

	test("a number of kills that is none", () => {
		expect(run(["--kills", "0"], "")).toEqual([1, "--kills takes a whole number from 1\n"]);
	});

	test("a program that is missing, with the package that has it", () => {
		expect(run([], "/nowhere")).toEqual([1, "patroni is missing: apt-get install patroni\n"]);
	});
});

describe.if(process.platform === "linux")("what a cluster leaves behind", () => {
	const program = `
		const { Reaper } = await import(${JSON.stringify(join(folder, "campaign/reaper.ts"))});
		globalThis.reaper = new Reaper(process.env.FOLDER, []);
		console.log("ready");
		setInterval(() => undefined, 1000);
	`;
	const place = () => {
		const path = mkdtempSync(join(tmpdir(), "crebito-reaper-"));
		mkdirSync(join(path, "db1"));
		const survivor = Bun.spawn(["sleep", "60"], { cwd: join(path, "db1") });
		return { path, survivor };
	};

	test("ends with it, and nothing else does", async () => {
		const [mine, other] = [place(), place()];
		const socket = join(other.path, "socket");
		writeFileSync(socket, "");
		await new Reaper(mine.path, [socket])[Symbol.asyncDispose]();
		await mine.survivor.exited;
		expect(mine.survivor.signalCode).toBe("SIGKILL");
		expect([mine.path, socket, other.path].map((path) => existsSync(path))).toEqual([false, false, true]);
		expect(other.survivor.exitCode).toBeNull();
		await new Reaper(other.path, [])[Symbol.asyncDispose]();
		expect(existsSync(other.path)).toBe(false);
	}, 30_000);

	test("ends when the campaign is killed", async () => {
		const { path, survivor } = place();
		const campaign = Bun.spawn([process.execPath, "-e", program], {
			env: { PATH: process.env.PATH, FOLDER: path },
			stdout: "pipe",
		});
		await campaign.stdout.getReader().read();
		campaign.kill("SIGKILL");
		await survivor.exited;
		expect(survivor.signalCode).toBe("SIGKILL");
	}, 30_000);
});
