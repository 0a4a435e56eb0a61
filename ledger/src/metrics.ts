/**
 * What the process counts, and Prometheus' text exposition format (version 0.0.4) of it.
 *
 * Counting happens on the hot path and is an addition to a number in an array; names, labels and text
 * are made when somebody asks.
 */

/** Seconds from 50 µs to 10 s in steps of at most one half, so that a percentile read off is near. */
const secondsBounds = [
	0.00005, 0.000075, 0.0001, 0.00015, 0.0002, 0.0003, 0.0005, 0.00075, 0.001, 0.0015, 0.002, 0.003, 0.005,
	0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.5, 0.75, 1, 2, 5, 10,
];
const sizeBounds = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 128, 256, 512, 1024];

type Labels = Readonly<Record<string, string | number>>;

export class Histogram {
	readonly #bounds: readonly number[];
	/** One more than the bounds: the last counts what is above them all. */
	readonly #counts: number[];
	#sum = 0;

	constructor(bounds: readonly number[]) {
		this.#bounds = bounds;
		this.#counts = new Array<number>(bounds.length + 1).fill(0);
	}

	observe(value: number): void {
		const bounds = this.#bounds;
		let index = 0;
		while (index < bounds.length && value > (bounds[index] as number)) index += 1;
		this.#counts[index] = (this.#counts[index] as number) + 1;
		this.#sum += value;
	}

	/** A copy, to take the difference from later. */
	snapshot(): { readonly counts: readonly number[]; readonly sum: number } {
		return { counts: [...this.#counts], sum: this.#sum };
	}

	/** The upper bound of the bucket in which the quantile (0 to 1) of what came since `before` lies. */
	quantileSince(before: readonly number[], quantile: number): number {
		const counts = this.#counts.map((count, index) => count - (before[index] ?? 0));
		const rank = quantile * counts.reduce((sum, count) => sum + count, 0);
		let seen = 0;
		const index = counts.findIndex((count) => {
			seen += count;
			return seen >= rank;
		});
		return this.#bounds[index] ?? Number.POSITIVE_INFINITY;
	}

	lines(name: string, labels: Labels): string[] {
		let cumulative = 0;
		const buckets = this.#counts.map((count, index) => {
			cumulative += count;
			return sample(`${name}_bucket`, { ...labels, le: this.#bounds[index] ?? "+Inf" }, cumulative);
		});
		return [
			...buckets,
			sample(`${name}_sum`, labels, this.#sum),
			sample(`${name}_count`, labels, cumulative),
		];
	}
}

/** What the group commit tells. */
export interface BatchMetrics {
	readonly batchSize: Histogram;
}

/** What a store tells. */
export interface StoreMetrics {
	/** Seconds from the start of a transaction, lock included, to the end of its COMMIT. */
	readonly commitSeconds: Histogram;
	readonly syncSeconds: Histogram;
	readonly checkpointSeconds: Histogram;
	lockRetries: number;
	walBytes: number;
	/** Of one batch: repeated requests, by what became of them. */
	countRepeats(repeats: RepeatCounts): void;
}

interface RepeatCounts {
	/** Not applied a second time. */
	answeredAgain: number;
	/** Sent for the second time, and applied for the first. */
	applied: number;
	/** Refused, since nobody knows any more. */
	expired: number;
}

export class Metrics implements BatchMetrics, StoreMetrics {
	readonly batchSize = new Histogram(sizeBounds);
	readonly commitSeconds = new Histogram(secondsBounds);
	readonly syncSeconds = new Histogram(secondsBounds);
	readonly checkpointSeconds = new Histogram(secondsBounds);
	readonly requestSeconds = new Histogram(secondsBounds);
	lockRetries = 0;
	walBytes = 0;
	readonly #repeats: RepeatCounts = { answeredAgain: 0, applied: 0, expired: 0 };
	/** Read when asked: how many requests wait for a batch. */
	waiting: () => number = () => 0;
	readonly #requests = new Map<string, Map<number, number>>();

	/** `route` is one of a fixed few, never what a caller sent. */
	countRequest(route: string, status: number, seconds: number): void {
		let statuses = this.#requests.get(route);
		if (statuses === undefined) {
			statuses = new Map();
			this.#requests.set(route, statuses);
		}
		statuses.set(status, (statuses.get(status) ?? 0) + 1);
		this.requestSeconds.observe(seconds);
	}

	countRepeats({ answeredAgain, applied, expired }: RepeatCounts): void {
		this.#repeats.answeredAgain += answeredAgain;
		this.#repeats.applied += applied;
		this.#repeats.expired += expired;
	}

	/** Content type: text/plain; version=0.0.4. */
	text(): string {
		const requests = [...this.#requests].flatMap(([route, statuses]) =>
			[...statuses].map(([status, count]) => sample("crebito_http_requests_total", { route, status }, count)),
		);
		const { answeredAgain, applied, expired } = this.#repeats;
		const repeats = Object.entries({ "answered again": answeredAgain, applied, expired }).map(
			([outcome, count]) => sample("crebito_repeated_requests_total", { outcome }, count),
		);
		const { rss } = process.memoryUsage();
		const cpu = process.cpuUsage();
		return [
			...family("crebito_http_requests_total", "counter", "Requests by route and status.", requests),
			...family(
				"crebito_repeated_requests_total",
				"counter",
				"Requests that came again, by what became of them.",
				repeats,
			),
			...histogram(
				"crebito_http_request_seconds",
				"From the request's arrival to its answer.",
				this.requestSeconds,
			),
			...histogram("crebito_batch_size", "Requests in a batch.", this.batchSize),
			...histogram(
				"crebito_commit_seconds",
				"One transaction, the wait for its lock included.",
				this.commitSeconds,
			),
			...histogram("crebito_sync_seconds", "One wait for the disk.", this.syncSeconds),
			...histogram("crebito_checkpoint_seconds", "One checkpoint.", this.checkpointSeconds),
			...single(
				"crebito_lock_retries_total",
				"counter",
				"Times that the write lock was busy.",
				this.lockRetries,
			),
			...single(
				"crebito_wal_bytes",
				"gauge",
				"Bytes of the write-ahead log in use when last looked.",
				this.walBytes,
			),
			...single("crebito_waiting_requests", "gauge", "Requests that wait for a batch.", this.waiting()),
			...single("process_resident_memory_bytes", "gauge", "Resident memory.", rss),
			...single(
				"process_cpu_seconds_total",
				"counter",
				"User and system CPU time.",
				(cpu.user + cpu.system) / 1e6,
			),
			"",
		].join("\n");
	}
}

function sample(name: string, labels: Labels, value: number): string {
	const pairs = Object.entries(labels).map(([label, text]) => `${label}="${text}"`);
	return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}`;
}

function family(name: string, type: string, help: string, samples: readonly string[]): string[] {
	return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...samples];
}

function single(name: string, type: string, help: string, value: number): string[] {
	return family(name, type, help, [sample(name, {}, value)]);
}

function histogram(name: string, help: string, values: Histogram): string[] {
	return family(name, "histogram", help, values.lines(name, {}));
}
