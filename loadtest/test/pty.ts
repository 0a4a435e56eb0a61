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
	/** Nobody reads what is written to the terminal any more, or somebody does again. */
	freeze(): void;
	thaw(): void;
	/** The terminal goes away, as when its window is closed. */
	vanish(): void;
	/** The code of the command, when it has ended. */
	readonly ended: Promise<number>;
	close(): Promise<void>;
}

const pollMs = 10;
const patienceMs = 15_000;

/** `command` is run by sh. In $FOLDER are then the terminal's modes `before` and `after` it, and its name, `tty`. */
export function openTerminal(command: string, { columns = 80, rows = 24 } = {}): Terminal {
	const folder = mkdtempSync(join(tmpdir(), "crebito-terminal-"));
	const whole = [
		`stty cols ${columns} rows ${rows}`,
		'tty > "$FOLDER/tty"',
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
	const reading = readAll(child.stdout, (more) => {
		text += more;
	});
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
		freeze: () => child.kill("SIGSTOP"),
		thaw: () => child.kill("SIGCONT"),
		vanish: () => child.kill("SIGKILL"),
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
