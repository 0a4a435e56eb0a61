/**
 * Power cuts: the whole stack on a disk whose power is cut under load, again and again, at any moment and at those
 * where something is half done; and what the clients were told against what the disk has.
 */
import type { Attack, Report, Trial } from "../attack.ts";
import { Random } from "../random.ts";
import { playControls } from "./controls.ts";
import { LedgerDisk, LedgerUnusable } from "./ledger-disk.ts";
import { cutUnderLoad } from "./load-cut.ts";
import { drawPlan, type Item, momentOf } from "./plan.ts";
import { cutAtStart } from "./start-cut.ts";
import { Tally } from "./tally.ts";

/** Reading them all after each cut would take longer than the cut. */
const entriesMax = 15_000;
/** A moment that was missed is waited for again. */
const triesMax = 3;
/** Calls that change a file, before it is known how many of them a start makes. */
const startCallsFirst = 24;
const itemsBetweenLines = 25;
/** One that goes on like this is no longer worth the wait. */
const brokenMax = 50;

export const powerCut: Attack = {
	name: "power-cut",
	promise: "What was acknowledged or shown survives a power cut at any moment",
	about: "the power of the disk is cut under load, in checkpoints, resets and recoveries",
	needs: ["linux", "root", "nginx", "mkfs.ext4", "strace"],
	play,
};

async function play(trial: Trial): Promise<Report> {
	await using disk = await LedgerDisk.create(trial.folder);
	const cuts = new PowerCuts(trial, disk);
	await cuts.playAll();
	const controls = trial.stop.aborted ? [] : await playControls(trial, disk);
	const { tally } = cuts;
	return {
		tried: `${tally.cuts} power cuts, ${tally.acknowledged.toLocaleString("en-US")} acknowledged entries`,
		figures: tally.figures,
		broken: tally.broken.slice(0, brokenMax),
		controls,
	};
}

class PowerCuts {
	readonly tally = new Tally();
	readonly #trial: Trial;
	readonly #disk: LedgerDisk;
	readonly #random: Random;
	/** Of a start that creates the file, and of one that recovers it. */
	readonly #startCalls = { creation: startCallsFirst, recovery: startCallsFirst };

	constructor(trial: Trial, disk: LedgerDisk) {
		this.#trial = trial;
		this.#disk = disk;
		this.#random = new Random(trial.seed);
	}

	async playAll(): Promise<void> {
		const { form, stop, say } = this.#trial;
		const plan = drawPlan(form, this.#random);
		for (const [index, item] of plan.entries()) {
			stop.throwIfAborted();
			if (this.tally.broken.length > brokenMax) return;
			await this.#playUsable(item);
			if ((index + 1) % itemsBetweenLines === 0) say(this.tally.line);
		}
		if (this.tally.broken.length === 0) this.tally.addMissed();
	}

	/** A ledger that is damaged is told, and the next one is another. */
	async #playUsable(item: Item): Promise<void> {
		try {
			await this.#play(item);
		} catch (error) {
			if (!(error instanceof LedgerUnusable)) throw error;
			this.tally.addUnusable(error.message);
			this.#disk.renew();
		}
	}

	#play(item: Item): Promise<void> {
		if ((this.#disk.books?.entries.length ?? 0) > entriesMax) this.#disk.renew();
		if (item === "creation") return this.#playCreation();
		return item === "recovery" ? this.#playRecovery() : this.#playLoad(item);
	}

	/** What was being created serves then, and what it acknowledges is kept. */
	async #playCreation(): Promise<void> {
		await this.#untilHit(() => {
			this.#disk.renew();
			return this.#cutAtStart("creation");
		});
		await this.#playLoad("random");
	}

	/** And once more, while they recover from that. */
	async #playRecovery(): Promise<void> {
		if (this.#disk.books === undefined) await this.#playLoad("random");
		await this.#untilHit(() => this.#cutAtStart("recovery"));
		await this.#untilHit(() => this.#cutAtStart("recovery-again"));
	}

	#playLoad(item: Exclude<Item, "recovery" | "creation">): Promise<void> {
		return this.#untilHit(() => this.#cutUnderLoad(item));
	}

	async #untilHit(cut: () => Promise<boolean>): Promise<void> {
		for (let tries = 1; !(await cut()) && tries < triesMax; tries += 1) this.#trial.stop.throwIfAborted();
	}

	async #cutUnderLoad(item: Exclude<Item, "recovery" | "creation">): Promise<boolean> {
		const { stop, say } = this.#trial;
		const options = { disk: this.#disk, random: this.#random, moment: momentOf(item), stop, say };
		return this.tally.addLoadCut(item, await cutUnderLoad(options));
	}

	async #cutAtStart(kind: "creation" | "recovery" | "recovery-again"): Promise<boolean> {
		const { stop } = this.#trial;
		const known = kind === "creation" ? "creation" : "recovery";
		const callsMax = this.#random.between(1, this.#startCalls[known]);
		const cut = await cutAtStart({ disk: this.#disk, random: this.#random, callsMax, stop });
		// Ever further into it, until one is over before; then no further than that.
		const { isHit, calls } = cut;
		this.#startCalls[known] = isHit ? Math.max(this.#startCalls[known], Math.ceil(calls * 1.5)) : calls;
		return this.tally.addStartCut(kind, cut);
	}
}
