/**
 * `npm run build`: the ledger, its tools and the Bun runtime as one file that needs nothing beside it but the C
 * library. The container's image is made of it, and it runs on a machine that has neither Node nor Bun.
 *
 *     npm run build -- [--target bun-linux-arm64] [--outfile FILE]
 *
 * Bytecode is compiled ahead, which makes it start in half the time (docs/containers.md). Another platform's runtime is
 * downloaded by Bun.
 */
import { statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const usage = "usage: npm run build -- [--target bun-linux-x64 | bun-linux-arm64 | …] [--outfile FILE]";
const root = join(import.meta.dir, "..");

interface Options {
	readonly outfile: string;
	readonly target?: Bun.Build.CompileTarget;
}

/** Relative to where the person is, whichever folder npm runs this in. */
function readOptions(given: string[]): Options {
	const { values } = parseArgs({
		args: given,
		options: { target: { type: "string" }, outfile: { type: "string" } },
	});
	const { target, outfile } = values;
	const path = outfile ? resolve(process.env.INIT_CWD ?? ".", outfile) : join(root, "dist/crebito-ledger");
	if (target === undefined) return { outfile: path };
	if (!isTarget(target)) throw new Error(`--target takes bun-linux-x64, bun-linux-arm64, …, not "${target}"`);
	return { outfile: path, target };
}

function isTarget(text: string): text is Bun.Build.CompileTarget {
	return /^bun-(linux|darwin|windows)-[a-z0-9.-]+$/.test(text);
}

/** @throws {AggregateError} what the bundler found. */
async function build({ outfile, target }: Options): Promise<void> {
	await Bun.build({
		entrypoints: [fileURLToPath(import.meta.resolve("./program.ts"))],
		minify: true,
		// Embedded, so that a stack trace names the line of the source.
		sourcemap: "inline",
		bytecode: true,
		format: "esm",
		compile: {
			outfile,
			// 5 MB less for at most 3 % of the rate: docs/decisions.md.
			execArgv: ["--smol"],
			// What the ledger reads is its environment, and not the files of the folder that it is started in.
			autoloadDotenv: false,
			autoloadBunfig: false,
			...(target && { target }),
		},
	});
}

try {
	const options = readOptions(process.argv.slice(2));
	await build(options);
	const name = relative(process.env.INIT_CWD ?? process.cwd(), options.outfile);
	const path = name.includes("/") ? name : `./${name}`;
	process.stdout.write(`${path}: ${(statSync(options.outfile).size / 1e6).toFixed(1)} MB
  API_PORT=8080 DATABASE_URL=sqlite://./data/ledger.db ${path}     serves
  ${path} verify | backup FILE | restore FILE
`);
} catch (error) {
	const reasons = error instanceof AggregateError ? error.errors : [error];
	for (const reason of reasons)
		process.stderr.write(`build: ${reason instanceof Error ? reason.message : reason}\n`);
	process.stderr.write(`${usage}\n`);
	process.exitCode = 1;
}
