/**
 * What the clients of a test saw: every operation, when it was invoked and when it ended, and how.
 *
 * Times are ticks of one counter in one process, so "this one ended before that one began" is exact.
 */

interface Timed {
	readonly accountId: number;
	readonly invokedAt: number;
	/** Infinity while there is no answer, and for ever when there never was one. */
	endedAt: number;
}

export interface PostOperation extends Timed {
	/** Unique in the history; the entry's description. */
	readonly tag: string;
	/** The signed amount in cents: above zero a credit. */
	readonly change: number;
	/**
	 * ok: answered 200. refused: answered 422 for the limit. absent: certainly not applied (answered 503, or
	 * never read by the process). unknown: applied or not.
	 */
	outcome: "ok" | "refused" | "absent" | "unknown";
	/** What a 200 said. */
	balance: number | undefined;
	limit: number | undefined;
}

export interface StatementOperation extends Timed {
	/** What a 200 showed; undefined when there was none. */
	shown: ShownStatement | undefined;
}

export interface ShownStatement {
	readonly balance: number;
	readonly limit: number;
	/** Newest first. */
	readonly entries: readonly { readonly change: number; readonly tag: string }[];
}

export class History {
	readonly posts: PostOperation[] = [];
	readonly statements: StatementOperation[] = [];
	#ticks = 0;

	invokePost(accountId: number, change: number): PostOperation {
		const tag = this.posts.length.toString(36).padStart(10, "0");
		const post: PostOperation = {
			...this.#invoked(accountId),
			tag,
			change,
			outcome: "unknown",
			balance: undefined,
			limit: undefined,
		};
		this.posts.push(post);
		return post;
	}

	invokeStatement(accountId: number): StatementOperation {
		const statement: StatementOperation = { ...this.#invoked(accountId), shown: undefined };
		this.statements.push(statement);
		return statement;
	}

	/** Something came back, or certainly never will. Not to be called for what stays unknown. */
	end(operation: Timed): void {
		operation.endedAt = this.#tick();
	}

	count(outcome: PostOperation["outcome"]): number {
		return this.posts.filter((post) => post.outcome === outcome).length;
	}

	#invoked(accountId: number): Timed {
		return { accountId, invokedAt: this.#tick(), endedAt: Number.POSITIVE_INFINITY };
	}

	#tick(): number {
		this.#ticks += 1;
		return this.#ticks;
	}
}
