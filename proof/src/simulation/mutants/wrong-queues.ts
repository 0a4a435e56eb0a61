/** Engines whose group commit tells the wrong ones, or goes on when it must end. */
import { GroupCommit, Overloaded } from "../../../../ledger/src/group-commit.ts";
import type { Command, Outcome } from "../../../../ledger/src/ledger.ts";
import { bounds } from "../ledger-process.ts";
import { type Mutant, mutant } from "./mutant.ts";

/** The one too many is refused, and waits nevertheless. */
class RefusingTheQueued extends GroupCommit {
	override submit(command: Command): Promise<Outcome> {
		const outcome = super.submit(command);
		if (this.waiting < bounds.waitingMax) return outcome;
		outcome.catch(() => undefined);
		return Promise.reject(new Overloaded(bounds.waitingMax));
	}
}

/** Each is asked for twice. */
class AskingTwice extends GroupCommit {
	override async submit(command: Command): Promise<Outcome> {
		if (command.type !== "post") return super.submit(command);
		const unnamed = { ...command, attempt: undefined, idempotencyKey: undefined };
		return super.submit(command).catch(() => super.submit(unnamed));
	}
}

export const wrongQueues: readonly Mutant[] = [
	mutant("refused-and-queued", "who comes to a full queue is refused, and waits in it nevertheless", {
		newGroupCommit: (...parts) => new RefusingTheQueued(...parts),
	}),
	mutant("asked-again-unnamed", "what the store did not apply is tried again, without the request's id", {
		newGroupCommit: (...parts) => new AskingTwice(...parts),
	}),
	mutant("failure-ignored", "a process goes on after its store has failed", {
		newGroupCommit: (store, limits, metrics) => new GroupCommit(store, limits, metrics, () => undefined),
	}),
];
