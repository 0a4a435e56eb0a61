/** The container's first process, with a few lines of shell in the place of the ledger. */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isGone, until } from "./running-stack.ts";

setDefaultTimeout(30_000);

const entrypoint = join(import.meta.dir, "../entrypoint.sh");
const folder = mkdtempSync(join(tmpdir(), "entrypoint-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The entry point with a ledger that writes down its process id at each start, after `birth`, and goes on with `life`. */
class Container implements AsyncDisposable {
	readonly #lives: string;
	readonly process: Bun.Subprocess<"ignore", "ignore", "ignore">;

	constructor(life: string, birth = "") {
		const own = mkdtempSync(join(folder, "container-"));
		this.#lives = join(own, "ledger.lives");
		writeFileSync(this.#lives, "");
		writeFileSync(join(own, "ledger"), `${birth}\necho $$ >>"$0.lives"\n${life}\n`);
		this.process = Bun.spawn(["sh", entrypoint, "sh", join(own, "ledger")], {
			stdio: ["ignore", "ignore", "ignore"],
		});
	}

	/** The process ids of all its ledgers, oldest first. */
	get lives(): number[] {
		return readFileSync(this.#lives, "utf8").trim().split("\n").filter(Boolean).map(Number);
	}

	get ledger(): number {
		return this.lives.at(-1) ?? 0;
	}

	/** Its exit code, and that it left nobody behind. */
	async ended(): Promise<number> {
		const code = await this.process.exited;
		expect(this.lives.filter((pid) => !isGone(pid))).toEqual([]);
		return code;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.process.kill("SIGKILL");
		await this.process.exited;
		for (const pid of this.lives) if (!isGone(pid)) process.kill(pid, "SIGKILL");
	}
}

/** Waits in short sleeps, since a shell's trap runs between two commands. */
const forever = "while :; do sleep 0.05; done";

describe.skipIf(process.platform !== "linux")("the entry point", () => {
	test.each([0, 1, 2])("ends with the ledger's own code %d", async (code) => {
		await using container = new Container(`exit ${code}`);
		expect(await container.ended()).toBe(code);
		expect(container.lives).toHaveLength(1);
	});

	test.each(["kill -9 $$", "kill -SEGV $$", "exit 70"])("starts the ledger again after %s", async (death) => {
		await using container = new Container(`[ $(wc -l <"$0.lives") -gt 1 ] && exit 0\n${death}`);
		expect(await container.ended()).toBe(0);
		expect(container.lives).toHaveLength(2);
	});

	test("starts a ledger again that was killed from outside, as often as it happens", async () => {
		await using container = new Container(forever);
		for (let kills = 1; kills <= 3; kills += 1) {
			await until(() => container.lives.length === kills);
			// Long enough a life for the death not to count as one of a series.
			await Bun.sleep(1100);
			process.kill(container.ledger, "SIGKILL");
		}
		await until(() => container.lives.length === 4);
		expect(container.process.exitCode).toBeNull();
	});

	test("lets a ledger that dies again and again wait longer each time", async () => {
		await using container = new Container("kill -9 $$");
		await until(() => container.lives.length >= 5);
		await Bun.sleep(1000);
		expect(container.lives).toHaveLength(5);
		// And one that is asked to stop meanwhile doesn't wait any longer.
		container.process.kill("SIGTERM");
		expect(await Promise.race([container.ended(), Bun.sleep(2500)])).toBe(0);
	});

	test.each(["SIGTERM", "SIGINT"] as const)(
		"passes %s on, and waits until the ledger is done",
		async (signal) => {
			await using container = new Container(forever, "trap 'sleep 0.5; exit 0' TERM");
			await until(() => container.lives.length === 1);
			await Bun.sleep(200);
			container.process.kill(signal);
			container.process.kill(signal);
			expect(await container.ended()).toBe(0);
			expect(container.lives).toHaveLength(1);
		},
	);

	test("ends with 0 when the ledger was asked before it could listen to it", async () => {
		await using container = new Container(forever);
		await until(() => container.lives.length === 1);
		container.process.kill("SIGTERM");
		expect(await container.ended()).toBe(0);
		expect(container.lives).toHaveLength(1);
	});

	test("ends with the code of a ledger that failed while it was stopped", async () => {
		await using container = new Container(forever, "trap 'exit 70' TERM");
		await until(() => container.lives.length === 1);
		container.process.kill("SIGTERM");
		expect(await container.ended()).toBe(70);
		expect(container.lives).toHaveLength(1);
	});
});
