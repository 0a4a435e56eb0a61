/** The four phases: the same two ledgers in the same limits, with another balancer, store or share of the limits. */

export interface Phase {
	readonly name: string;
	/** From the repository's root. */
	readonly file: string;
	readonly about: string;
	/** Of its compose file; the balancer first. */
	readonly services: readonly string[];
	/** Where its entries are. */
	readonly volume: string;
}

const postgres = { volume: "database", services: ["nginx", "api01", "api02", "db"] } as const;

export const phases: readonly Phase[] = [
	{
		...postgres,
		name: "caddy-postgres",
		file: "deploy/caddy-postgres/compose.yaml",
		about: "Caddy and a PostgreSQL with its own settings; an equal share for each.",
		services: ["caddy", "api01", "api02", "db"],
	},
	{
		...postgres,
		name: "nginx-postgres",
		file: "deploy/nginx-postgres/compose.yaml",
		about: "nginx in Caddy's place, and nothing else.",
	},
	{
		...postgres,
		name: "nginx-postgres-tuned",
		file: "deploy/nginx-postgres-tuned/compose.yaml",
		about: "The CPUs and the memory where they are needed, and PostgreSQL set for this load.",
	},
	{
		name: "nginx-sqlite",
		file: "compose.yaml",
		about: "SQLite in the two ledgers instead of a server: what `docker compose up` starts.",
		services: ["nginx", "api01", "api02"],
		volume: "data",
	},
];
