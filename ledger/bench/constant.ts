/**
 * The ceiling: the ledger's server without a ledger behind it.
 *
 * The same nginx in front, the same routes, the body read as bytes, answers with the same headers and of the
 * same size: only that it parses nothing, decides nothing and writes nothing. So what it reaches is what
 * nginx, the runtime and the load leave to be had on this machine.
 */
const postedBody = '{"limite":100000,"saldo":-90984}';
const entry =
	'{"valor":5137,"tipo":"d","descricao":"aB3dE6gH9j","realizada_em":"2024-01-17T02:34:41.217753Z"}';
const statementBody = `{"saldo":{"total":-90984,"data_extrato":"2024-01-17T02:34:41.217753Z","limite":100000},"ultimas_transacoes":[${Array(10).fill(entry).join(",")}]}`;
const healthBody = '{"status":"healthy","timestamp":"2024-01-17T02:34:41.217753Z"}';

type Routed = Bun.BunRequest<string>;
type UnixOptions = Bun.Serve.Options<undefined, string> & { unix: string };

function answer(status: number, body: string): Response {
	return new Response(body, { status, headers: { "content-type": "application/json" } });
}

async function postEntry(request: Routed): Promise<Response> {
	if (!request.params.id) return answer(404, "{}");
	const body = await request.bytes();
	return body.length > 0 ? answer(200, postedBody) : answer(400, "{}");
}

async function readStatement(request: Routed): Promise<Response> {
	return request.params.id ? answer(200, statementBody) : answer(404, "{}");
}

const options = {
	routes: {
		"/clientes/:id/transacoes": { POST: postEntry },
		"/clientes/:id/extrato": { GET: readStatement },
		"/health": { GET: async () => answer(200, healthBody) },
	},
	fetch: async () => answer(404, "{}"),
	maxRequestBodySize: 16 * 1024,
	idleTimeout: 30,
	development: false,
};

const { API_SOCKET, API_HOST, API_PORT } = process.env;
const server = API_SOCKET
	? // Bun takes idleTimeout for Unix sockets too; only its types don't know.
		Bun.serve({ ...options, unix: API_SOCKET } as unknown as UnixOptions)
	: Bun.serve({ ...options, hostname: API_HOST ?? "127.0.0.1", port: Number(API_PORT ?? 0) });

process.on("SIGTERM", async () => {
	await server.stop(true);
	process.exit(0);
});
