/** What was found, of each kind a few: a server that is wrong about one thing is wrong about it a thousand times. */
const ofAKindMax = 3;
const bytesShownMax = 1500;

export class FindingsList {
	/** Everything that was found, also what is not told. */
	count = 0;
	readonly #kinds = new Map<string, string[]>();

	/** `kind` is what it has in common with others; the sentence says it of this one. */
	add(kind: string, sentence: string): void {
		this.count += 1;
		const sentences = this.#kinds.get(kind) ?? [];
		this.#kinds.set(kind, sentences);
		if (sentences.length < ofAKindMax) sentences.push(sentence);
	}

	get sentences(): string[] {
		return [...this.#kinds.values()].flat();
	}
}

/** Bytes as a person can read and a program can parse them: Latin-1 in JSON's quotes. */
export function shownBytes(bytes: Buffer): string {
	const text = JSON.stringify(bytes.toString("latin1", 0, bytesShownMax)).replaceAll(
		/[\x7f-\xff]/g,
		(character) => `\\u00${character.charCodeAt(0).toString(16)}`,
	);
	return bytes.length > bytesShownMax ? `${text}… (${bytes.length} bytes)` : text;
}
