/**
 * Writes to the terminal without ever waiting for it: a terminal may stop reading at any moment, by Ctrl-S, a
 * slow ssh or a suspended multiplexer. What it doesn't take at once is kept, and sent before anything else.
 */
import { writeSync } from "node:fs";

const retryMs = 10;

export class TerminalOutput {
	/** Of an open file that is told not to wait. */
	readonly #descriptor: number;
	#rest: Buffer | undefined;
	#isGone = false;

	constructor(descriptor: number) {
		this.#descriptor = descriptor;
	}

	/** The terminal has got a part of what was written. */
	get isPartial(): boolean {
		return this.#rest !== undefined;
	}

	/** Whether there is somebody to draw for, who has taken all that was written. */
	isReady(): boolean {
		if (this.#rest !== undefined) this.#send(this.#rest);
		return this.#rest === undefined && !this.#isGone;
	}

	write(text: string): void {
		if (text === "" || this.#isGone) return;
		const bytes = Buffer.from(text);
		this.#send(this.#rest === undefined ? bytes : Buffer.concat([this.#rest, bytes]));
	}

	/** What was kept will not be sent. */
	drop(): void {
		this.#rest = undefined;
	}

	/** This once it waits for the terminal, though not for ever. */
	writeLast(text: string, waitMsMax: number): void {
		this.write(text);
		const endsAtMs = performance.now() + waitMsMax;
		while (!this.isReady() && !this.#isGone && performance.now() < endsAtMs) Bun.sleepSync(retryMs);
		this.drop();
	}

	#send(bytes: Buffer): void {
		let sent = 0;
		try {
			while (sent < bytes.length) sent += writeSync(this.#descriptor, bytes, sent);
		} catch (error) {
			// Of a terminal that has gone away nobody needs to hear: the test goes on, and its reports are written.
			this.#isGone = (error as NodeJS.ErrnoException).code !== "EAGAIN";
		}
		this.#rest = sent < bytes.length && !this.#isGone ? bytes.subarray(sent) : undefined;
	}
}
