/** How bytes are mutilated: by a splinter, a flipped bit, a piece cut out or doubled. */
import type { Random } from "../random.ts";

export const splinters: readonly (string | Uint8Array)[] = [
	...[
		"\0",
		"\r\n",
		"\n",
		"\r",
		" ",
		"\t",
		":",
		"%",
		"%00",
		"%ff",
		"/",
		"//",
		"..",
		"?",
		"#",
		"\x7f",
		"é",
		"😀",
	],
	...[
		"{",
		"}",
		"[",
		"]",
		'"',
		"\\",
		"\\u",
		"\\ud800",
		",",
		"0",
		"-",
		"-1",
		"1e9",
		".5",
		"99999999999999999999",
		"null",
	],
	...[
		"HTTP/1.1",
		"HTTP/1.0",
		"Host: [",
		"Content-Length: 5\r\n",
		"Transfer-Encoding: chunked\r\n",
		"\r\n\r\n",
	],
	...["__proto__", "0\r\n\r\n", "GET ", "X: y\r\n", "Connection: close\r\n", ";", "=", "'", "/*", "\ufeff"],
	...[Uint8Array.of(0xff), Uint8Array.of(0xc3), Uint8Array.of(0xed, 0xa0, 0x80), Uint8Array.of(0x80)],
];

export function wound(random: Random, bytes: Buffer): Buffer {
	const at = random.below(bytes.length + 1);
	const before = bytes.subarray(0, at);
	const splinter = random.chance(0.3) ? Buffer.of(random.below(256)) : Buffer.from(random.pick(splinters));
	switch (random.below(5)) {
		case 0:
			return Buffer.concat([before, splinter, bytes.subarray(at)]);
		case 1:
			return Buffer.concat([before, splinter, bytes.subarray(at + splinter.length)]);
		case 2:
			return Buffer.concat([before, bytes.subarray(at + random.between(1, 10))]);
		case 3:
			return Buffer.concat([before, bytes.subarray(Math.max(0, at - random.between(1, 20)))]);
		default: {
			const flipped = Buffer.from(bytes);
			if (at < flipped.length) flipped[at] = (flipped[at] as number) ^ (1 << random.below(8));
			return flipped;
		}
	}
}
