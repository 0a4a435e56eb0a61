/** The simulation's validations by their own names: how often each held, and how it failed first. */
import type { ValidationRow } from "./result.ts";
import {
	concurrentStatements,
	concurrentUsers,
	invalidBodies,
	missingAccountId,
} from "./simulation-script.ts";

export const named = {
	together: (kind: string) => `${concurrentUsers} ${kind}s at once: each 200`,
	totalAfter: (kind: string) => `the ${concurrentUsers} ${kind}s: the total after them`,
	fresh: "first statement: 200, the official limit, total 0",
	toma: "credit toma: 200, saldo within the limit",
	devolve: "debit devolve: 200, saldo within the limit",
	order: "statement: devolve is the newest, toma before it",
	danada: "credit danada: 200",
	shown: `${concurrentStatements} statements at once: danada is the newest`,
	agreed: `${concurrentStatements} statements at once: saldo and limite of the credit's answer`,
	invalid: (body: string) => `422 or 400 for ${body.replace(/[{}"]/g, "").replaceAll(",", ", ")}`,
	missing: `account ${missingAccountId}: 404`,
	status: { debit: "debits: 200 or 422", credit: "credits: 200", statement: "statements: 200" },
	limit: {
		debit: "debits: saldo within the limit",
		credit: "credits: saldo within the limit",
		statement: "statements: total within the limit",
	},
} as const;

const names: readonly string[] = [
	...(["debit", "credit"] as const).flatMap((kind) => [named.together(kind), named.totalAfter(kind)]),
	...[named.fresh, named.toma, named.devolve, named.order, named.danada, named.shown, named.agreed],
	...invalidBodies.map(named.invalid),
	named.missing,
	...(["debit", "credit", "statement"] as const).flatMap((kind) => [named.status[kind], named.limit[kind]]),
];

/** Each failure of these is an inconsistent balance, which has its own fine. */
export const isAboutBalance: ReadonlySet<string> = new Set([
	...[named.totalAfter("debit"), named.totalAfter("credit"), named.toma, named.devolve, named.agreed],
	...Object.values(named.limit),
]);

export class Validations {
	readonly #rows = new Map<string, { passed: number; failed: number; firstFailure: string | null }>();

	constructor() {
		for (const name of names) this.#rows.set(name, { passed: 0, failed: 0, firstFailure: null });
	}

	/** `failure` is undefined when it held. Returns whether it did. */
	add(name: string, failure: string | undefined): boolean {
		const row = this.#rows.get(name);
		if (row === undefined) throw new Error(`no validation is called ${name}`);
		if (failure === undefined) row.passed += 1;
		else {
			row.failed += 1;
			row.firstFailure ??= failure.slice(0, 300);
		}
		return failure === undefined;
	}

	rows(): ValidationRow[] {
		return Array.from(this.#rows, ([name, row]) => ({ name, ...row }));
	}
}
