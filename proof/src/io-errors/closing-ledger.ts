/**
 * The ledger as a program, but it ends as any program of Bun's: by process.exit(), which closes SQLite, which asks the disk
 * once more. The control of the attack `io-errors`.
 */
import { join } from "node:path";
import { plugin } from "bun";

plugin({
	name: "closing",
	setup(build) {
		build.onLoad({ filter: /\/sudden-end\.ts$/ }, () => ({
			contents: "export const endSuddenly = (code) => process.exit(code);",
			loader: "js",
		}));
	},
});
await import(join(import.meta.dir, "../../../ledger/src/main.ts"));
