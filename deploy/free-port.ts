/** A port for what a test, a benchmark or a campaign starts. */

/** Of 127.0.0.1; nobody has it at the moment. */
export function freePort(): number {
	const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
	const { port } = listener;
	listener.stop(true);
	return port;
}
