/** The attack with a protection taken away: of a request's identity, and of the date of an account's newest entry. */
import { Database } from "bun:sqlite";
import type { Control } from "../attack.ts";
import { readBooks } from "../books.ts";
import { Observed } from "../observed.ts";
import { Random } from "../random.ts";
import { findings } from "../verdict.ts";
import { ClockedService } from "./clocked-service.ts";
import { bookDateFindings } from "./dates.ts";
import { playRepeat, postOnce } from "./repeats.ts";

/** The account forgets, whatever is written of its newest entry's date. */
const forgetDates = `CREATE TRIGGER forget_date AFTER UPDATE OF last_posted_at ON accounts
	WHEN NEW.last_posted_at <> 0
	BEGIN UPDATE accounts SET last_posted_at = 0 WHERE id = NEW.id; END`;

export async function withoutIdentity(folder: string, library: string, random: Random): Promise<Control> {
	const about = "requests sent twice to ledgers that don't recognize them (BEHIND_BALANCER=off)";
	await using service = new ClockedService({ folder, library, environment: { BEHIND_BALANCER: "off" } });
	await service.start();
	const before = readBooks(service.databaseFile);
	const observed = new Observed();
	const plan = { onceAheadSeconds: 0, jumpSeconds: 3600, isRestarted: false };
	await playRepeat(service, observed, random, plan);
	await service.kill();
	const found = findings(before, observed, readBooks(service.databaseFile));
	return control(
		about,
		found.find((sentence) => / is there \d+ times$/.test(sentence)),
	);
}

export async function withoutMemoryOfDates(folder: string, library: string): Promise<Control> {
	const about =
		"a clock that is set back by an hour, and accounts that forget the date of their newest entry";
	await using service = new ClockedService({ folder, library });
	await service.start();
	await service.pair.stop();
	takeMemoryAway(service.databaseFile);
	await service.restart(0);
	const observed = new Observed();
	const random = new Random(0);
	await postOnce(service, observed, 1, random);
	service.setClocks([0, 1, 2], -3600);
	await postOnce(service, observed, 1, random);
	await service.kill();
	return control(about, bookDateFindings(readBooks(service.databaseFile))[0]);
}

function control(about: string, finding: string | undefined): Control {
	return { about, isCaught: finding !== undefined, detail: finding ?? "nothing was found" };
}

function takeMemoryAway(file: string): void {
	const db = new Database(file);
	db.run(forgetDates);
	db.close();
}
