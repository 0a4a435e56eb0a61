/**
 * nginx in front of the API processes, as small as it gets: one worker, nothing logged, nothing buffered. It tells
 * who asks, as deploy/nginx.conf does, so that what exactly once costs is part of every number.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../../deploy/free-port.ts";
import { processorsEach, ready } from "./api.ts";
import { Child } from "./child.ts";

const attempts = 5;

export interface NginxPlan {
	folder: string;
	sockets: string[];
	capped: boolean;
}

/** Somebody may take the free port before nginx does; then it ends at once, and another one is tried. */
export async function startNginx(
	plan: NginxPlan,
	stop: AbortSignal,
): Promise<{ nginx: Child; port: number }> {
	const { folder, sockets, capped } = plan;
	mkdirSync(join(folder, "nginx"));
	const configFile = join(folder, "nginx.conf");
	for (let attempt = 1; ; attempt++) {
		const port = freePort();
		writeFileSync(configFile, nginxConfig(folder, sockets, port));
		const nginx = new Child({
			name: "nginx",
			command: ["nginx", "-p", folder, "-e", "stderr", "-c", configFile],
			env: {},
			logFile: join(folder, "nginx.log"),
			processors: capped ? processorsEach : undefined,
		});
		try {
			await ready({ port }, [nginx], stop);
			return { nginx, port };
		} catch (error) {
			await nginx.stop().catch(() => {});
			if (attempt === attempts || !nginx.lastWords().includes("Address already in use")) throw error;
		}
	}
}

function nginxConfig(folder: string, sockets: string[], port: number): string {
	const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
		.map((name) => `	${name}_temp_path ${join(folder, "nginx", name)};`)
		.join("\n");
	return `
daemon off;
worker_processes 1;
${process.getuid?.() === 0 ? "user root;" : ""}
worker_rlimit_nofile 16384;
pid ${join(folder, "nginx.pid")};
events {
	worker_connections 4096;
}
http {
	access_log off;
${temporary}
	keepalive_requests 100000000;
	upstream ledger {
		least_conn;
${sockets.map((socket) => `		server unix:${socket};`).join("\n")}
		keepalive 256;
		keepalive_requests 100000000;
	}
	server {
		listen 127.0.0.1:${port};
		location / {
			proxy_pass http://ledger;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_set_header X-Request-Id $request_id;
			proxy_set_header X-Request-Start $msec;
			proxy_set_header X-Request-Try 1;
		}
	}
}
`;
}
