/**
 * A target's requests as bytes.
 *
 * Credits and debits are most of the load, and differ from each other in a few bytes. So there is one buffer for
 * each account, kind and length of the amount, in which amount and tag are overwritten: composing strings took
 * 2.5 µs of some 17 µs that a request costs altogether (docs/decisions.md).
 */
import type { Kind, Operation } from "./operation.ts";
import { type Tags, tagLength } from "./tags.ts";
import type { Target } from "./target.ts";

interface Template {
	readonly bytes: Buffer;
	readonly amountAt: number;
	readonly tagAt: number;
}

export class Requests {
	readonly #base: string;
	readonly #getTail: string;
	readonly #postTail: string;
	readonly #statements = new Map<number, Buffer>();
	/** By account, then by twice the length of the amount, plus one for a debit. */
	readonly #templates = new Map<number, (Template | undefined)[]>();

	/** The headers come with every request, after Host. */
	constructor(target: Target, headers: readonly string[]) {
		const head = [`Host: ${target.host}`, ...headers].join("\r\n");
		this.#base = target.base;
		this.#getTail = ` HTTP/1.1\r\n${head}\r\n\r\n`;
		this.#postTail = ` HTTP/1.1\r\n${head}\r\nContent-Type: application/json\r\nContent-Length: `;
	}

	statement(accountId: number): Buffer {
		const known = this.#statements.get(accountId);
		if (known !== undefined) return known;
		const bytes = Buffer.from(`GET ${this.#base}/clientes/${accountId}/extrato${this.#getTail}`);
		this.#statements.set(accountId, bytes);
		return bytes;
	}

	entry({ accountId, amount, kind }: Operation, description: string): Buffer {
		const body = `{"valor":${amount},"tipo":"${wireKind(kind)}","descricao":"${description}"}`;
		return this.post(`/clientes/${accountId}/transacoes`, body);
	}

	/** The same with the operation's tag as its description, in a buffer that is used again. */
	taggedEntry(operation: Operation, tags: Tags): Buffer {
		const { accountId, amount, kind, number } = operation;
		const length = decimalLength(amount);
		const index = 2 * length + (kind === "debit" ? 1 : 0);
		let ofAccount = this.#templates.get(accountId);
		if (ofAccount === undefined) {
			ofAccount = [];
			this.#templates.set(accountId, ofAccount);
		}
		ofAccount[index] ??= this.#template(operation, tags);
		const { bytes, amountAt, tagAt } = ofAccount[index];
		let rest = amount;
		for (let at = amountAt + length - 1; at >= amountAt; at -= 1) {
			const quotient = Math.floor(rest / 10);
			bytes[at] = 48 + rest - quotient * 10;
			rest = quotient;
		}
		tags.overwrite(bytes, tagAt, number);
		return bytes;
	}

	post(path: string, body: string): Buffer {
		return Buffer.from(`POST ${this.#base}${path}${this.#postTail}${Buffer.byteLength(body)}\r\n\r\n${body}`);
	}

	#template(operation: Operation, tags: Tags): Template {
		const tag = tags.tag(operation.number);
		// An allocation of its own: small buffers share a pool, and this one stays.
		const bytes = Buffer.from(new Uint8Array(this.entry(operation, tag)).buffer);
		const bodyAt = bytes.indexOf("\r\n\r\n");
		const tagAt = bytes.lastIndexOf(tag);
		if (tag.length !== tagLength || tagAt < bodyAt) throw new Error(`the tag ${tag} is not in its request`);
		return { bytes, amountAt: bytes.indexOf(":", bodyAt) + 1, tagAt };
	}
}

/** How the wire calls a credit or debit. */
export function wireKind(kind: Kind): string {
	return kind === "debit" ? "d" : "c";
}

function decimalLength(amount: number): number {
	let length = 1;
	for (let bound = 10; amount >= bound; bound *= 10) length += 1;
	return length;
}
