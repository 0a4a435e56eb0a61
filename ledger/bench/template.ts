/** Databases to start from, each filled once in a run of the benchmark and then copied for every trial. */
import { join } from "node:path";

const program = join(import.meta.dir, "fill.ts");

export interface Size {
	accounts: number;
	entries: number;
}

export class Templates {
	readonly #folder: string;
	readonly #progress: (line: string) => void;
	readonly #files = new Map<string, string>();

	constructor(folder: string, progress: (line: string) => void) {
		this.#folder = folder;
		this.#progress = progress;
	}

	/** The path of a database of this size; it isn't to be changed. */
	async get({ accounts, entries }: Size, stop: AbortSignal): Promise<string> {
		const key = `${accounts}-${entries}`;
		const file = this.#files.get(key) ?? join(this.#folder, `template-${key}.db`);
		if (this.#files.has(key)) return file;
		this.#progress(`filling a database: ${accounts} accounts, ${entries} entries`);
		await fill(file, { accounts, entries }, stop);
		this.#files.set(key, file);
		return file;
	}
}

/** In a process of its own, or nothing could stop it. */
async function fill(file: string, { accounts, entries }: Size, stop: AbortSignal): Promise<void> {
	stop.throwIfAborted();
	const filling = Bun.spawn([process.execPath, program, file, String(accounts), String(entries)], {
		stdin: "ignore",
		stdout: "ignore",
		stderr: "pipe",
		signal: stop,
		detached: true,
	});
	const [complaint, code] = await Promise.all([filling.stderr.text(), filling.exited]);
	stop.throwIfAborted();
	if (code !== 0) throw new Error(`the database couldn't be filled:\n${complaint.trimEnd()}`);
}
