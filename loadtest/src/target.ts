/** Where the requests go: a host and port, or a Unix socket, and what a request's head says about it. */

export interface Target {
	/** As it was given. */
	readonly text: string;
	readonly address: { readonly hostname: string; readonly port: number } | { readonly unix: string };
	/** The value of the Host header. */
	readonly host: string;
	/** What comes before every path; empty, or with a slash at its beginning and none at its end. */
	readonly base: string;
}

/** @throws {Error} one sentence that says what is wrong with the text. */
export function parseTarget(text: string): Target {
	const unix = /^(?:http:\/\/)?unix:(\/[^:]*)(?::(\/.*)?)?$/.exec(text);
	if (unix !== null) {
		const [, path = "", base = ""] = unix;
		return { text, address: { unix: path }, host: "localhost", base: base.replace(/\/+$/, "") };
	}
	const url = URL.parse(text);
	if (url === null || url.hostname === "" || !/^https?:\/\//i.test(text))
		throw new Error(`"${text}" is no target: give http://HOST:PORT or unix:/PATH/OF.sock`);
	if (url.protocol === "https:")
		throw new Error("https is not supported: test behind the part that ends TLS");
	if (url.username !== "" || url.search !== "" || url.hash !== "")
		throw new Error(`"${text}" may have no user, query or fragment: it is what paths are appended to`);
	const port = Number(url.port || 80);
	if (port === 0) throw new Error(`"${text}" has port 0, where nobody can listen`);
	const hostname = url.hostname.replace(/^\[|\]$/g, "");
	return { text, address: { hostname, port }, host: url.host, base: url.pathname.replace(/\/+$/, "") };
}
