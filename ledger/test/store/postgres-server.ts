/** Stands in until the server that tests start themselves is here; to be overwritten whole. */
import { SQL } from "bun";

let n = 0;
export class PostgresServer {
	async createDatabase(): Promise<string> {
		const name = `t${process.pid}_${Date.now()}_${n++}`;
		await admin.unsafe(`CREATE DATABASE ${name}`).simple();
		return `postgres://postgres@127.0.0.1:5544/${name}`;
	}
}
const admin = new SQL({ url: "postgres://postgres@127.0.0.1:5544/postgres", max: 1 });
export async function sharedPostgres() {
	return new PostgresServer();
}
