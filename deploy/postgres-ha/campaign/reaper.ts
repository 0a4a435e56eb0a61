/**
 * Ends what a cluster leaves behind, however the campaign ends: Patroni dies with its parent, but its PostgreSQL is made
 * to outlive it. A shell outside of the campaign waits for the end of a pipe that only the campaign holds open.
 */

/** More than once, as a process that is ended may just have started another. */
const rounds = 5;

const script = `
trap '' INT TERM HUP
read -r _
for round in $(seq ${rounds}); do
	for process in /proc/[0-9]*; do
		case "$(readlink "$process/cwd")" in "$1"/*) kill -KILL "\${process#/proc/}" ;; esac
	done
	sleep 0.2
done
rm -rf "$@"
`;

/** To be disposed of when the cluster is; it ends by itself when this process has ended. */
export class Reaper implements AsyncDisposable {
	readonly #shell: Bun.Subprocess<"pipe", "ignore", "ignore">;

	/** Ends what works in a folder of `folder`, and then removes it and `files`. */
	constructor(folder: string, files: readonly string[]) {
		this.#shell = Bun.spawn(["setsid", "sh", "-c", script, "sh", folder, ...files], {
			stdio: ["pipe", "ignore", "ignore"],
		});
		this.#shell.unref();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#shell.stdin.end();
		await this.#shell.exited;
	}
}
