/** Where a campaign plays: a folder of its own on a disk whose sync means it, which nginx's workers can enter. */
import { chmodSync, mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { diskFileSystem } from "../../ledger/bench/machine.ts";
import { findNginx } from "../balancer.ts";

/** What was typed or what is here can't be used; the message is one line. */
export class CampaignError extends Error {}

/** Ignored by git; the repository lies on a disk more often than the temporary folder does. */
const dataFolder = join(import.meta.dir, "../../data");

/** @throws {CampaignError} */
export function makeCampaignFolder(): string {
	if (process.platform !== "linux") throw new CampaignError("the campaign needs Linux");
	if (findNginx(process.env.PATH ?? "") === undefined)
		throw new CampaignError("nginx is missing: apt-get install nginx-light");
	mkdirSync(dataFolder, { recursive: true });
	const place = [tmpdir(), "/var/tmp", dataFolder].find((path) => diskFileSystem(path) !== undefined);
	if (place === undefined)
		throw new CampaignError("no folder on ext4, xfs or btrfs was found: set TMPDIR to one that is");
	const folder = mkdtempSync(join(place, "crebito-campaign-"));
	chmodSync(folder, 0o755);
	return folder;
}
