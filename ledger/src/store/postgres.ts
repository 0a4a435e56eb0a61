/**
 * The store on PostgreSQL, for those who outgrow one machine: a batch is one call of a function there, and so one round
 * trip, one transaction, one flush. postgres.sql tells what happens in it.
 *
 * A call whose answer is lost may have been applied, or may be yet, by a server process that still reads. So each
 * batch has a number, and the database keeps the last one of each sender with what came of it:
 *
 *     send batch 7 ──────► applied, 7 noted ──✕ (the connection breaks)
 *     send batch 7 again ► 7 is noted: its outcomes, nothing is applied
 *
 * Under the lock of that row, whoever comes later, the first sending or the second, finds the other's note.
 */
import { randomUUID } from "node:crypto";
import type { Command, Outcome } from "../ledger.ts";
import type { StoreMetrics } from "../metrics.ts";
import type { Durability } from "../settings.ts";
import { NothingApplied, OutcomeUnknown, type Store, StoreUnusable } from "../store.ts";
import { addressText, type PostgresAddress } from "./postgres-address.ts";
import { type BatchAnswer, BatchCall, commitBatchSql } from "./postgres-batch.ts";
import { ConnectionLost, PostgresConnection, RefusedByServer, Unreachable } from "./postgres-connection.ts";
import { prepareSchema, type ServerSettings } from "./postgres-schema.ts";

export interface PostgresStoreOptions {
	readonly address: PostgresAddress;
	/** "os": PostgreSQL answers before its log is on disk (synchronous_commit=off). */
	readonly durability: Durability;
	readonly seedPath: string | undefined;
	readonly metrics: StoreMetrics;
	/** Milliseconds after which what was never sent is refused. */
	readonly reachMsMax?: number;
	/** Milliseconds for which the outcome of what was sent is asked for, before it is given up as unknown. */
	readonly resolveMsMax?: number;
	/** Milliseconds without an answer after which a connection counts as lost. */
	readonly answerMsMax?: number;
}

const reachMsMaxPreset = 2000;
/** Longer than a cluster takes to make another server the primary. */
const resolveMsMaxPreset = 60_000;
/** Nothing takes as long, besides the reset of millions of entries, which is then asked for again. */
const answerMsMaxPreset = 10_000;
const retryMs = 20;

/** What the server undid for another transaction's sake: a deadlock, a serialization failure, the same id at once. */
const passingStates = ["40001", "40P01", "23505"];
const passingTriesMax = 5;
/** This session's server is a standby, or the sender's row is gone: another connection may do better. */
const sessionStates = ["25006", "CR001"];

export class PostgresStore implements Store {
	readonly #options: PostgresStoreOptions;
	readonly #sender = randomUUID();
	readonly #reachMsMax: number;
	readonly #resolveMsMax: number;
	readonly #answerMsMax: number;
	#settings: ServerSettings | undefined;
	#connection: PostgresConnection | undefined;
	/** Number of the newest batch that was, or may have been, sent. */
	#number = 0;
	#failed = false;
	#isClosed = false;

	/** Connects with the first batch, or when ready() is called. */
	constructor(options: PostgresStoreOptions) {
		this.#options = options;
		this.#reachMsMax = options.reachMsMax ?? reachMsMaxPreset;
		this.#resolveMsMax = options.resolveMsMax ?? resolveMsMaxPreset;
		this.#answerMsMax = options.answerMsMax ?? answerMsMaxPreset;
	}

	/**
	 * Resolves once the database can be used, made a ledger if it was empty, with what the log tells of it.
	 * @throws {StoreUnusable} it can't be used, or wasn't reached within `msMax`.
	 */
	async ready(msMax: number): Promise<ServerSettings> {
		const startedAt = performance.now();
		for (;;) {
			try {
				await this.#connected();
				return this.#settings ?? {};
			} catch (error) {
				if (!(error instanceof Unreachable || error instanceof ConnectionLost)) throw error;
				const isForGood = error instanceof Unreachable && error.isForGood;
				if (isForGood || performance.now() - startedAt > msMax)
					throw new StoreUnusable(`${addressText(this.#options.address)} can't be reached: ${error.message}`);
				await Bun.sleep(10 * retryMs);
			}
		}
	}

	async commit(batch: readonly Command[]): Promise<Outcome[]> {
		if (this.#failed) throw new OutcomeUnknown("the store has failed before");
		const call = new BatchCall(batch);
		if (call.writes) this.#number += 1;
		const startedAt = performance.now();
		const answer = await this.#resolved(call, startedAt);
		this.#options.metrics.commitSeconds.observe((performance.now() - startedAt) / 1000);
		const { outcomes, repeats } = call.outcomes(answer);
		this.#options.metrics.countRepeats(repeats);
		return outcomes;
	}

	close(): void {
		this.#isClosed = true;
		this.#connection?.close();
	}

	/** Asks until there is an answer, or no hope for one. */
	async #resolved(call: BatchCall, startedAt: number): Promise<BatchAnswer> {
		let isUnknown = false;
		for (let tries = 1; ; tries += 1) {
			try {
				return await this.#send(call.arguments(this.#sender, this.#number));
			} catch (error) {
				const { message } = error as Error;
				const waitedMs = performance.now() - startedAt;
				if (error instanceof ConnectionLost) isUnknown ||= call.writes;
				else if (error instanceof RefusedByServer) {
					if (isUnknown) return await this.#settled(call, startedAt, error);
					const isPassing = passingStates.includes(error.state) && tries < passingTriesMax;
					if (!isPassing && !sessionStates.includes(error.state))
						throw new NothingApplied(message, { cause: error });
				} else if (!(error instanceof Unreachable)) {
					throw isUnknown ? this.#fail(message, error) : error;
				}
				if (this.#isClosed)
					throw isUnknown ? this.#fail("the store was closed", error) : new NothingApplied(message);
				if (isUnknown && waitedMs > this.#resolveMsMax)
					throw this.#fail(
						`no answer to a batch that was sent, for ${Math.round(waitedMs / 1000)} s: ${message}`,
						error,
					);
				if (!isUnknown && waitedMs > this.#reachMsMax) throw new NothingApplied(message, { cause: error });
				this.#options.metrics.lockRetries += 1;
				if (!(error instanceof RefusedByServer)) await Bun.sleep(retryMs);
			}
		}
	}

	/**
	 * A batch that may be applied yet was refused when it was sent again, and the first sending might still not be.
	 * So its number is taken by an empty batch: then it was applied before that, or never will be.
	 */
	async #settled(call: BatchCall, startedAt: number, refusal: RefusedByServer): Promise<BatchAnswer> {
		for (;;) {
			try {
				const answer = await this.#send(call.emptied(this.#sender, this.#number));
				if (answer.outcomes) return answer;
				throw new NothingApplied(refusal.message, { cause: refusal });
			} catch (error) {
				if (error instanceof NothingApplied) throw error;
				if (this.#isClosed || performance.now() - startedAt > this.#resolveMsMax)
					throw this.#fail(`refused when it was sent again, and not settled: ${refusal.message}`, error);
				await Bun.sleep(retryMs);
			}
		}
	}

	async #send(values: readonly unknown[]): Promise<BatchAnswer> {
		const connection = await this.#connected();
		try {
			const [answer] = await connection.ask<BatchAnswer>(commitBatchSql, values, this.#answerMsMax);
			if (answer === undefined) throw new ConnectionLost("commit_batch answered nothing");
			return answer;
		} catch (error) {
			if (error instanceof RefusedByServer && sessionStates.includes(error.state)) connection.close();
			throw error;
		}
	}

	/**
	 * The connection that there is, or another, with this sender known to the server.
	 * @throws {Unreachable | StoreUnusable}
	 */
	async #connected(): Promise<PostgresConnection> {
		if (this.#connection?.isLost === false) return this.#connection;
		if (this.#isClosed) throw new Unreachable("the store is closed");
		const { address, durability, seedPath } = this.#options;
		const connection = await PostgresConnection.open(address, durability);
		try {
			this.#settings ??= await prepareSchema(connection, seedPath, durability);
			const registerMsMax = Math.min(this.#reachMsMax, this.#answerMsMax);
			await connection.ask("SELECT crebito.register_sender($1)", [this.#sender], registerMsMax);
		} catch (error) {
			connection.close();
			// Of a batch, nothing was asked yet.
			if (error instanceof ConnectionLost || error instanceof RefusedByServer)
				throw new Unreachable(error.message, { cause: error });
			throw error;
		}
		this.#connection = connection;
		return connection;
	}

	#fail(message: string, cause: unknown): OutcomeUnknown {
		this.#failed = true;
		return new OutcomeUnknown(message, { cause });
	}
}
