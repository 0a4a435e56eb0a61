/** A compose file as the tests read it: what its services may do and use, with what they extend from other files. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

interface Service {
	readonly image?: string;
	readonly user?: string;
	readonly read_only?: boolean;
	readonly cap_drop?: readonly string[];
	readonly security_opt?: readonly string[];
	readonly restart?: string;
	readonly healthcheck?: object;
	readonly ports?: readonly string[];
	readonly networks?: readonly string[];
	readonly environment?: Readonly<Record<string, string | null>>;
	readonly deploy?: {
		readonly resources: { readonly limits: { readonly cpus: string; readonly memory: string } };
	};
	readonly extends?: { readonly file: string; readonly service: string };
}

export interface Compose {
	readonly services: Readonly<Record<string, Service>>;
	readonly networks?: Readonly<Record<string, { readonly internal?: boolean } | null>>;
}

export function readCompose(path: string): Compose {
	const compose = Bun.YAML.parse(readFileSync(path, "utf8")) as Compose;
	const services = Object.entries(compose.services).map(([name, service]) => {
		const { extends: from, ...own } = service;
		if (from === undefined) return [name, own];
		const base = readCompose(join(dirname(path), from.file)).services[from.service];
		return [name, { ...base, ...own, environment: { ...base?.environment, ...own.environment } }];
	});
	return { ...compose, services: Object.fromEntries(services) };
}

/** One line for each thing that a container may and need not. */
export function excesses({ services }: Compose): string[] {
	return Object.entries(services).flatMap(([name, service]) => {
		const wanted: Readonly<Record<string, boolean>> = {
			"runs as root": /^([1-9]\d*:[1-9]\d*|postgres)$/.test(service.user ?? ""),
			"can write its root file system": service.read_only === true,
			"has capabilities": service.cap_drop?.includes("ALL") === true,
			"can gain privileges": service.security_opt?.includes("no-new-privileges:true") === true,
			"stays down": service.restart === "unless-stopped",
			"has no health check": service.healthcheck !== undefined,
			"has no limits": service.deploy !== undefined,
		};
		return Object.keys(wanted).flatMap((fault) => (wanted[fault] ? [] : [`${name} ${fault}`]));
	});
}

/** Of all services together. */
export function limits({ services }: Compose): { cpus: number; memoryMb: number } {
	const each = Object.values(services).map(({ deploy }) => deploy?.resources.limits);
	return {
		cpus: each.reduce((sum, limit) => sum + Number(limit?.cpus), 0),
		memoryMb: each.reduce((sum, limit) => sum + Number(/^(\d+)M$/.exec(limit?.memory ?? "")?.[1]), 0),
	};
}
