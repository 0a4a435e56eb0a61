/**
 * Runs a shell command in a terminal of its own: through `script`, which Debian has in bsdutils and installs
 * always. The terminal's modes are written down before and after.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Terminal {
	/** For the command's own use; gone after close. */
	readonly folder: string;
	/** All that was written to the terminal so far. */
	text(): string;
	/** Keys. */
	type(text: string): void;
	/** Resolves when the condition holds, which is looked at often. */
	until(condition: () => boolean, what: string): Promise<void>;
	/** What a file of the folder holds, undefined while there is none. */
	read(name: string): string | undefined;
	/** The code of the command, when it has ended. */
	readonly ended: Promise<number>;
	close(): Promise<void>;
}

const pollMs = 10;
const patienceMs = 15_000;

/**
 * `command` is run by sh, in which $FOLDER is the folder and the files before and after are made from the
 * terminal's modes. Of a terminal that isn't read, text() stays empty: it takes what fits into its buffers.
 */
export function openTerminal(command: string, { columns = 80, rows = 24, isRead = true } = {}): Terminal {
	const folder = mkdtempSync(join(tmpdir(), "crebito-terminal-"));
	const whole = [
		`stty cols ${columns} rows ${rows}`,
		'stty -a > "$FOLDER/before"',
		command,
		"code=$?",
		'stty -a > "$FOLDER/after"',
		"exit $code",
	].join("\n");
	const child = Bun.spawn(["script", "-qefc", whole, "/dev/null"], {
		stdin: "pipe",
		stdout: "pipe",
		stderr: "inherit",
		env: { ...process.env, FOLDER: folder, SHELL: "/bin/sh", TERM: "xterm-256color" },
	});
	let text = "";
	const reading = isRead ? readAll(child.stdout, (more) => (text += more)) : Promise.resolve();
	const read = (name: string) => {
		try {
			return readFileSync(join(folder, name), "utf8");
		} catch {
			return undefined;
		}
	};
	return {
		folder,
		text: () => text,
		read,
		type: (keys) => {
			child.stdin.write(keys);
			child.stdin.flush();
		},
		until: async (condition, what) => {
			for (let waitedMs = 0; !condition(); waitedMs += pollMs) {
				if (waitedMs > patienceMs)
					throw new Error(
						`waited in vain until ${what}; the terminal has ${JSON.stringify(text.slice(-2000))}`,
					);
				await Bun.sleep(pollMs);
			}
		},
		ended: child.exited.then(async (code) => {
			await reading;
			return code;
		}),
		close: async () => {
			child.kill("SIGKILL");
			await child.exited;
			rmSync(folder, { recursive: true });
		},
	};
}

async function readAll(stream: ReadableStream<Uint8Array>, callback: (text: string) => void): Promise<void> {
	const decoder = new TextDecoder();
	for await (const chunk of stream) callback(decoder.decode(chunk, { stream: true }));
}
