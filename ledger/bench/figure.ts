/** A figure: something worth publishing, measured as a whole. */
import type { Bench } from "./bench.ts";
import type { Claim } from "./claim.ts";
import type { Result } from "./comparison.ts";
import type { Row } from "./row.ts";

export interface Figure {
	title: string;
	/** What the numbers alone don't say. */
	about: string;
	measure: (bench: Bench) => Promise<Measured>;
}

/** The rows say all that is published; the results, where there are any, hold every trial behind them. */
export interface Measured {
	claims: Claim[];
	rows: Row[];
	results?: Result[];
}
