/**
 * Writes to the terminal without ever waiting for it. The requests are paced on the same thread, and a
 * terminal may stop reading at any moment: Ctrl-S, a slow ssh, a suspended multiplexer.
 *
 * What it doesn't take at once is kept, one frame at most, and nothing else is drawn until that is through.
 * A thread of its own for the drawing was the alternative: docs/decisions.md says why it isn't needed.
 */
import { closeSync, constants, openSync, writeSync } from "node:fs";

const retryMs = 10;
/** Ends an escape sequence of which the terminal has got the beginning only. */
const cancel = "\x18";

export class TerminalOutput {
	readonly #descriptor: number;
	readonly #isOwn: boolean;
	#rest: Buffer | undefined;
	#isGone = false;

	/** `descriptor` is an open terminal. */
	constructor(descriptor: number) {
		const own = openAgain(descriptor);
		this.#descriptor = own ?? descriptor;
		this.#isOwn = own !== undefined;
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

	/** Writes it instead of what is kept, and this once waits for the terminal, though not for ever. */
	writeLast(text: string, waitMsMax: number): void {
		this.#send(Buffer.from(this.#rest === undefined ? text : cancel + text));
		const endsAtMs = performance.now() + waitMsMax;
		while (!this.isReady() && !this.#isGone && performance.now() < endsAtMs) Bun.sleepSync(retryMs);
		this.#rest = undefined;
	}

	close(): void {
		this.#isGone = true;
		if (this.#isOwn) closeSync(this.#descriptor);
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

/**
 * The same terminal by a descriptor of its own. On the given one not to wait would be a property of the open
 * file, which the shell and other programs share. undefined where it can't be opened a second time: then a
 * terminal that stops reading does hold up the test.
 */
function openAgain(descriptor: number): number | undefined {
	for (const path of [`/proc/self/fd/${descriptor}`, "/dev/tty"])
		try {
			return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
		} catch {
			// The next one may be there.
		}
	return undefined;
}
