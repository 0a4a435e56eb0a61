/** The bytes of a file that is written and cut, as memory. */

export type Effect =
	| { readonly kind: "write"; readonly offset: number; readonly data: Buffer }
	| { readonly kind: "size"; readonly bytes: number };

const capacityMin = 65_536;

export class Contents {
	size = 0;
	/** Zero from `size` on. */
	#bytes = Buffer.alloc(capacityMin);

	/** Valid until the next change. */
	get bytes(): Buffer {
		return this.#bytes.subarray(0, this.size);
	}

	apply(effect: Effect): void {
		if (effect.kind === "size") this.resize(effect.bytes);
		else this.write(effect.offset, effect.data);
	}

	write(offset: number, data: Buffer): void {
		const end = offset + data.length;
		if (end > this.size) this.resize(end);
		data.copy(this.#bytes, offset);
	}

	resize(size: number): void {
		if (size > this.#bytes.length) {
			const larger = Buffer.alloc(Math.max(size, 2 * this.#bytes.length));
			this.#bytes.copy(larger, 0, 0, this.size);
			this.#bytes = larger;
		}
		if (size < this.size) this.#bytes.fill(0, size, this.size);
		this.size = size;
	}

	copyFrom(other: Contents): void {
		this.resize(other.size);
		other.bytes.copy(this.#bytes);
	}
}
