/**
 * What the campaign does to a stack under load, phase by phase, and what has to hold meanwhile.
 *
 * A control takes away what a promise rests on: it has to be caught, or the campaign couldn't have seen a breach.
 */

export interface Phase {
	readonly name: string;
	/** One sentence for the document. */
	readonly about: string;
	/** Of load; with a trouble of the campaign's own at most, because the load ends with it. */
	readonly seconds: number;
	readonly connections: number;
	/** Rules for the judge; a victim is one of the two ledger processes, drawn each time. */
	readonly chaos: readonly string[];
	/** What the judge can't do, so many times. */
	readonly trouble?: { readonly kind: "restart in turn" | "kill both"; readonly times: number };
	readonly hasWatchdog: boolean;
	/** Whether the ledger believes nginx who asks, and so finds a repeated request. */
	readonly hasIdentity: boolean;
	/**
	 * None at all; or only those that the balancer or the ledger tells in its own words: 502, 503, 504. Thousands of
	 * them may be more than the judge can try orders for: then only the audit of the file has to be passed.
	 */
	readonly errors: "none" | "told";
	/** Of the second of an event and the one after it; no promise where it is left out. */
	readonly eventP99MsMax?: number;
	/** Until a killed process's successor serves; no promise where it is left out. */
	readonly backMsMax?: number;
}

/** What a request waits at most: 250 ms to connect and 3 s for the answer, twice, and a busy machine's share. */
export const waitMsMax = 7000;
/** Over all phases of the full form. */
export const repeatedPostsMin = 10_000;

const guarded = { connections: 256, chaos: [], hasWatchdog: true, hasIdentity: true } as const;
/** A trouble of the campaign's own ends the load, long before that. */
const untilDone = { seconds: 1800, connections: 64 } as const;

function kill(seconds: number): Phase {
	return {
		...{ name: "kill", about: "kill -9 of a process every 2 s.", seconds },
		...{ ...guarded, connections: 128, chaos: ["kill every 2s"] },
		...{ errors: "none", eventP99MsMax: 250, backMsMax: 5000 },
	};
}

function pause(name: string, about: string, seconds: number, rule: string, hasWatchdog = true): Phase {
	return { name, about, seconds, ...guarded, chaos: [rule], hasWatchdog, errors: "told" };
}

function rolling(times: number): Phase {
	return {
		...{ name: "rolling", about: `${times} rolling restarts, each as soon as the one before is done.` },
		...{ ...guarded, ...untilDone, trouble: { kind: "restart in turn", times }, errors: "none" },
	};
}

function killBoth(times: number): Phase {
	return {
		...{ name: "kill-both", about: "kill -9 of both processes at once." },
		...{ ...guarded, ...untilDone, trouble: { kind: "kill both", times }, errors: "told", backMsMax: 5000 },
	};
}

/** The ledger doesn't believe nginx who asks, so a second try of what was posted is posted again. */
function control(seconds: number, rules: readonly string[]): Phase {
	return {
		name: "control-no-identity",
		about: `Control: ${rules.join(", ")}, without a watchdog, and the ledger doesn't look who asks.`,
		...{ ...guarded, seconds, chaos: rules, hasWatchdog: false, hasIdentity: false, errors: "told" },
	};
}

const about = {
	pause4: "A process is stopped for 4 s; its watchdog ends it before.",
	pause30: "A process is stopped for 30 s; its watchdog ends it before.",
	awake4:
		"Without a watchdog: a process is stopped for 4 s, then wakes and finds old requests in its sockets.",
	awake30: "Without a watchdog: a process is stopped for 30 s, then wakes.",
};

export const fullPhases: readonly Phase[] = [
	kill(300),
	pause("pause-4s", about.pause4, 120, "pause 4s every 8s"),
	pause("pause-30s", about.pause30, 160, "pause 30s every 36s"),
	pause("pause-4s-unwatched", about.awake4, 120, "pause 4s every 8s", false),
	pause("pause-30s-unwatched", about.awake30, 160, "pause 30s every 36s", false),
	rolling(100),
	killBoth(12),
	control(60, ["kill every 2s", "pause 4s every 8s"]),
];

/** In containers a whole one is killed, and paused without a signal; its engine starts it again. */
export const containerPhases: readonly Phase[] = [
	{
		...kill(120),
		...{ about: "kill -9 of the first process of a container every 2 s.", connections: 64 },
	},
	{
		...pause("pause-4s", "A container is frozen for 4 s.", 60, "pause 4s every 10s"),
		...{ connections: 64 },
	},
	{ ...rolling(10), connections: 14 },
];

/** Shows that all of it works, on any machine within 90 seconds; too short for the number of repeated POSTs. */
export const quickPhases: readonly Phase[] = [
	kill(9),
	pause("pause-4s", about.pause4, 9, "pause 4s at 2s"),
	pause("pause-4s-unwatched", about.awake4, 10, "pause 4s at 2s", false),
	rolling(3),
	killBoth(2),
	// Whether a kill falls between a commit and its answers is chance, and whether a sleeper holds the lock.
	control(9, [...[1000, 1700, 2400, 3100].map((at) => `kill at ${at}ms`), "pause 4s at 4s"]),
];
