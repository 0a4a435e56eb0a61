/** How far a transfer is: one line that is written anew on a terminal, else a line for each tenth. */

const redrawMs = 100;
const barWidth = 30;

export class TransferProgress {
	readonly #output: NodeJS.WriteStream;
	readonly #startedAt = performance.now();
	#firstDone: number | undefined;
	#drawnAt = 0;
	#tenths = -1;

	constructor(output: NodeJS.WriteStream) {
		this.#output = output;
	}

	show(done: number, total: number): void {
		// What an earlier run has copied says nothing of how fast this one is.
		this.#firstDone ??= done;
		const share = total === 0 ? 1 : Math.min(1, done / total);
		const seconds = (performance.now() - this.#startedAt) / 1000;
		const perSecond = (done - this.#firstDone) / Math.max(seconds, 0.001);
		const left = perSecond > 0 ? `, ${Math.ceil((total - done) / perSecond)} s left` : "";
		const text = `${done.toLocaleString("en-US")} of ${total.toLocaleString("en-US")} entries, ${Math.round(perSecond).toLocaleString("en-US")}/s${left}`;
		if (this.#output.isTTY) {
			if (performance.now() - this.#drawnAt < redrawMs && done < total) return;
			this.#drawnAt = performance.now();
			const full = Math.round(share * barWidth);
			this.#output.write(`\r\x1b[K${"█".repeat(full)}${"░".repeat(barWidth - full)} ${text}`);
		} else if (Math.floor(share * 10) > this.#tenths) {
			this.#tenths = Math.floor(share * 10);
			this.#output.write(`${text}\n`);
		}
	}

	end(): void {
		if (this.#output.isTTY) this.#output.write("\n");
	}
}
