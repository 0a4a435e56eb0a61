/** A stack that is started again at the same address and on the same file, as a machine's supervisor would do it. */
import { existsSync } from "node:fs";
import { ask, NoAnswer } from "../../../loadtest/src/ask.ts";
import { Requests } from "../../../loadtest/src/requests.ts";
import { parseTarget } from "../../../loadtest/src/target.ts";
import { descendants } from "../processes.ts";
import { Stack, type StackOptions } from "../stack.ts";

const goneMsMax = 15_000;
const backMsMax = 30_000;
const pollMs = 10;
const triesMax = 10;
const retryMs = 500;
const healthMsMax = 3000;
/** Both of them have a turn. */
const healthyAnswersMin = 4;

export class LastingStack implements AsyncDisposable {
	/** For clients; it stays the same. */
	readonly target: string;
	readonly databaseFile: string;
	readonly #options: StackOptions;
	#stack: Stack;

	private constructor(options: StackOptions, stack: Stack) {
		this.#options = options;
		this.#stack = stack;
		this.target = stack.target;
		this.databaseFile = stack.databaseFile;
	}

	/** Resolves when it serves. @throws when it doesn't. */
	static async start(options: StackOptions): Promise<LastingStack> {
		return new LastingStack(options, await Stack.start(options));
	}

	/** The one that runs. */
	get stack(): Stack {
		return this.#stack;
	}

	/** After all of it was killed. @throws when it doesn't serve. */
	async startAgain(): Promise<void> {
		const { environment } = this.#options;
		const options = { ...this.#options, environment: { ...environment, PORT: new URL(this.target).port } };
		for (let tries = 1; ; tries += 1) {
			try {
				this.#stack = await Stack.start(options);
				return;
			} catch (error) {
				// While nobody listened, the port may have become some client's.
				if (tries === triesMax || !/PORT=\d+ is taken/.test(String(error))) throw error;
				await Bun.sleep(retryMs);
			}
		}
	}

	/**
	 * kill -9 of the supervisor alone, and waits for what it had started to follow it.
	 * @throws when it is left over.
	 */
	async killSupervisor(): Promise<void> {
		const pids = descendants(this.#stack.process.pid);
		this.#stack.process.signal("SIGKILL");
		await this.#stack.process.ended;
		const deadline = performance.now() + goneMsMax;
		const left = () => pids.filter((pid) => existsSync(`/proc/${pid}`));
		while (left().length > 0) {
			if (performance.now() > deadline)
				throw new Error(
					`${left().length} of its processes are left ${goneMsMax / 1000} s after the supervisor`,
				);
			await Bun.sleep(pollMs);
		}
	}

	/** @returns whether all of it serves, after a while at the latest. */
	async isBack(): Promise<boolean> {
		const deadline = performance.now() + backMsMax;
		let healthy = 0;
		while (healthy < healthyAnswersMin && performance.now() < deadline) {
			healthy = this.#stack.ledgerPids().length === 2 && (await this.#isHealthy()) ? healthy + 1 : 0;
			if (healthy === 0) await Bun.sleep(pollMs);
		}
		return healthy >= healthyAnswersMin;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#stack[Symbol.asyncDispose]();
	}

	async #isHealthy(): Promise<boolean> {
		const target = parseTarget(this.target);
		const request = new Requests(target, []).statement(1);
		try {
			return (await ask(target, request, healthMsMax)).status === 200;
		} catch (error) {
			if (error instanceof NoAnswer) return false;
			throw error;
		}
	}
}
