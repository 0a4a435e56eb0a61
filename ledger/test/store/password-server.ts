/**
 * A PostgreSQL that asks every role but its superuser for a password.
 */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PostgresServer } from "./postgres-server.ts";

const rules = `host all postgres 127.0.0.1/32 trust
host all all 127.0.0.1/32 scram-sha-256
`;

export async function passwordServer(): Promise<PostgresServer> {
	const folder = mkdtempSync(join(tmpdir(), "crebito-hba-"));
	// PostgreSQL may run as another user than the tests.
	chmodSync(folder, 0o755);
	const path = join(folder, "rules");
	writeFileSync(path, rules);
	try {
		return await PostgresServer.start({ settings: { hba_file: path } });
	} finally {
		// Read once, at the start.
		rmSync(folder, { recursive: true });
	}
}

/** The same database, as another role. */
export function asRole(url: string, role: string, password: string): string {
	return url.replace("//postgres@", `//${role}:${encodeURIComponent(password)}@`);
}
