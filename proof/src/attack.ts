/**
 * What an attack is: a promise, what is done to it, and a control. An attack that nothing could fail proves nothing,
 * so each one takes the protection away as well, and has to find the damage.
 */

/** "quick" shows within seconds that all of it works; "full" is what a promise rests on. */
export type Form = "quick" | "full";

/** What an attack is played with. */
export interface Trial {
	readonly form: Form;
	/** Whole, 32 bits. The same seed plays the same faults; when they meet the system is left to chance. */
	readonly seed: number;
	/** Fresh, on a disk whose sync means it, with a path short enough for sockets; removed by the caller. */
	readonly folder: string;
	/** Ctrl-C: whatever was started is to be ended, and the reason thrown. */
	readonly stop: AbortSignal;
	/** How far it is: a line now and then. */
	say(line: string): void;
}

/** The same attack with a protection taken away. */
export interface Control {
	readonly about: string;
	readonly isCaught: boolean;
	/** What was found, or what was not. */
	readonly detail: string;
}

export interface Report {
	/** How often, in one line. */
	readonly tried: string;
	/** Units last in the names. */
	readonly figures: Readonly<Record<string, number>>;
	/** A sentence for each thing that went wrong; none when the promise held. */
	readonly broken: readonly string[];
	readonly controls: readonly Control[];
}

export interface Attack {
	/** As in `npm run proof -- NAME`. */
	readonly name: string;
	readonly promise: string;
	/** What is done. */
	readonly about: string;
	/** "linux", "root", or a program that has to be in the PATH. */
	readonly needs: readonly string[];
	/** @throws when it can't be played; what it finds is a report. */
	play(trial: Trial): Promise<Report>;
}

/** Whether the promise held, and every control was caught. */
export function holds({ broken, controls }: Report): boolean {
	return broken.length === 0 && controls.length > 0 && controls.every(({ isCaught }) => isCaught);
}
