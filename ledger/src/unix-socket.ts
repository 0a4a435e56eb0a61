/**
 * A Unix socket that anyone on the machine may connect to: the balancer runs as another user.
 *
 * It is made beside its place and then moved there, so that one left behind by a process that was killed is
 * replaced in one step, and nobody ever finds a socket that isn't listened on.
 */
import { chmodSync, lstatSync, renameSync, rmSync, statSync } from "node:fs";
import { SettingsError } from "./settings.ts";

export class UnixSocket {
	readonly #path: string;
	#inode: number | undefined;

	constructor(path: string) {
		this.#path = path;
	}

	/** @throws {SettingsError} something that is no socket has the name, and is left alone. */
	listen<T>(serve: (unix: string) => T): T {
		const there = lstatSync(this.#path, { throwIfNoEntry: false });
		if (there !== undefined && !there.isSocket()) throw new SettingsError("it exists and is no socket");
		const fresh = `${this.#path}.${process.pid}`;
		rmSync(fresh, { force: true });
		const server = serve(fresh);
		chmodSync(fresh, 0o666);
		this.#inode = statSync(fresh).ino;
		renameSync(fresh, this.#path);
		return server;
	}

	/** Takes the name away, unless a successor has it already. */
	remove(): void {
		if (statSync(this.#path, { throwIfNoEntry: false })?.ino === this.#inode)
			rmSync(this.#path, { force: true });
	}
}
