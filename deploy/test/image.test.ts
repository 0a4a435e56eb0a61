/**
 * What the container files promise: the Bun that the tests run on, limits that add up to the challenge's, and no
 * container with more rights than it needs. They are read here, not run; docs/containers.md has what was measured.
 */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Compose, excesses, limits, readCompose } from "./compose-file.ts";

const root = join(import.meta.dir, "../..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");

/** Each image that is built on or run, with its tag. */
function images(dockerfile: string, compose: Compose): string[] {
	const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image as string);
	const run = Object.values(compose.services).map(({ image = "" }) => image);
	return [...bases, ...run].filter((image) => image !== "scratch" && image !== "crebito-ledger");
}

/** One line for each image that isn't pinned, or to another Bun than the project's. */
function unpinned(dockerfile: string, compose: Compose, bunVersion: string): string[] {
	return images(dockerfile, compose).filter((image) =>
		image.startsWith("oven/bun") ? image !== `oven/bun:${bunVersion}-slim` : !/:\d+\.\d+/.test(image),
	);
}

const composeText = read("compose.yaml");
const compose = readCompose(join(root, "compose.yaml"));
const dockerfile = read("deploy/Dockerfile");
const { devDependencies } = JSON.parse(read("package.json")) as { devDependencies: { bun: string } };

describe("the image", () => {
	test("is built on the Bun that package.json pins and the tests run on", () => {
		expect(devDependencies.bun).toMatch(/^\d+\.\d+\.\d+$/);
		expect(Bun.version).toBe(devDependencies.bun);
		expect(dockerfile).toContain(`FROM oven/bun:${devDependencies.bun}-slim AS build`);
		expect(unpinned(dockerfile, compose, devDependencies.bun)).toEqual([]);
	});

	test("is found not to be, if it isn't", () => {
		expect(unpinned(dockerfile, compose, "1.0.0")).toEqual([`oven/bun:${devDependencies.bun}-slim`]);
		expect(unpinned("FROM oven/bun:latest\n", { services: { web: { image: "nginx" } } }, "1.0.0")).toEqual([
			"oven/bun:latest",
			"nginx",
		]);
	});

	test("is made of files that exist and that .dockerignore lets through", () => {
		const copied = [...dockerfile.matchAll(/^COPY (?!--from)(?:--\S+ )*(.+) \S+$/gm)].flatMap(([, paths]) =>
			(paths as string).split(" "),
		);
		expect(copied).toContain("ledger/src");
		const letThrough = read(".dockerignore").match(/^!.*$/gm) ?? [];
		expect(letThrough.map((line) => line.slice(1)).toSorted()).toEqual(copied.toSorted());
		expect(copied.filter((path) => !existsSync(join(root, path)))).toEqual([]);
	});
});

describe("the compose file", () => {
	test("gives three services at most 1.5 CPUs and 550 MB", () => {
		expect(Object.keys(compose.services)).toEqual(["api01", "api02", "nginx"]);
		expect(limits(compose)).toEqual({ cpus: 1.5, memoryMb: 550 });
	});

	test("gives no container a right that it doesn't need", () => {
		expect(excesses(compose)).toEqual([]);
	});

	test("is found to, line by line, if it does", () => {
		for (const line of [
			'  user: "1000:1000"\n',
			"  read_only: true\n",
			"  cap_drop: [ALL]\n",
			'  security_opt: ["no-new-privileges:true"]\n',
			"  restart: unless-stopped\n",
		]) {
			expect(composeText.split(line)).toHaveLength(2);
			const without = Bun.YAML.parse(composeText.replace(line, "")) as Compose;
			expect(excesses(without)).toHaveLength(3);
		}
	});

	test("gives each process a socket of its own that nginx.conf knows, and nothing else in another way", () => {
		const [first, second] = ["api01", "api02"].map((name) => ({ ...compose.services[name]?.environment }));
		const conf = read("deploy/nginx.conf");
		for (const environment of [first, second])
			expect(conf).toContain(`server unix:${environment?.API_SOCKET} `);
		expect(first?.API_SOCKET).not.toBe(second?.API_SOCKET);
		expect({ ...first, API_SOCKET: "" }).toEqual({ ...second, API_SOCKET: "" });
	});
});
