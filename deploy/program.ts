/**
 * What the single binary runs: the ledger, or one of its tools, or the question whether it is healthy.
 *
 *     crebito-ledger                                      serves
 *     crebito-ledger verify | backup FILE | restore FILE
 *     crebito-ledger health                               exit code 0 if it is; for a container's health check
 *
 * The ledger's two programs are imported as they are: each reads its arguments and the environment itself.
 */
const [command, ...rest] = process.argv.slice(2);

if (command === undefined) {
	await import("../ledger/src/main.ts");
} else if (command === "health" && rest.length === 0) {
	process.exitCode = await health(process.env);
} else {
	await import("../ledger/src/tools.ts");
}

/** Asks the ledger that this environment describes. Its own check of the disk takes two seconds at most. */
async function health({ API_SOCKET, API_HOST, API_PORT }: NodeJS.ProcessEnv): Promise<number> {
	const url = `http://${API_SOCKET ? "ledger" : `${API_HOST || "127.0.0.1"}:${API_PORT || 8080}`}/health`;
	try {
		const options = { signal: AbortSignal.timeout(4000), proxy: "", ...(API_SOCKET && { unix: API_SOCKET }) };
		const answer = await fetch(url, options);
		if (answer.ok) return 0;
		process.stderr.write(`${answer.status} ${await answer.text()}\n`);
	} catch (error) {
		process.stderr.write(
			`${API_SOCKET || url} can't be asked: ${error instanceof Error ? error.message : error}\n`,
		);
	}
	return 1;
}
