/** How many requests of each family there were, and how each was answered. */
export class Tally {
	readonly families = new Map<string, number>();
	/** By status; "none" without an answer. */
	readonly answers = new Map<string, number>();

	countCase(family: string): void {
		this.families.set(family, (this.families.get(family) ?? 0) + 1);
	}

	countAnswer(status: number | "none"): void {
		this.answers.set(String(status), (this.answers.get(String(status)) ?? 0) + 1);
	}

	get answered(): number {
		return [...this.answers].reduce((sum, [status, count]) => sum + (status === "none" ? 0 : count), 0);
	}

	/** As figures of a report. */
	figures(): Record<string, number> {
		const family = [...this.families].map(([name, count]) => [`${name}Requests`, count] as const);
		const answer = [...this.answers]
			.sort(([one], [other]) => one.localeCompare(other))
			.map(([status, count]) => [status === "none" ? "withoutAnswer" : `answered${status}`, count] as const);
		return Object.fromEntries([...family, ...answer]);
	}
}
