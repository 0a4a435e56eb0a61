/**
 * Plays a share of the seeds in a process of its own, since it needs the timers and clocks for itself: the wanted share
 * as JSON in the first word, which engine in the second, and the share as JSON on standard output.
 */
import { realEngine } from "./engine.ts";
import { mutants } from "./mutants.ts";
import { playShare } from "./share.ts";

const [wanted = "", engineName] = process.argv.slice(2);
const engine =
	engineName === undefined ? realEngine : mutants.find(({ name }) => name === engineName)?.engine;
if (engine === undefined) throw new Error(`there is no mutant ${engineName}`);
process.stdout.write(JSON.stringify(playShare(JSON.parse(wanted), engine)));
